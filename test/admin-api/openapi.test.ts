import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect } from 'chai';
import { permissions } from '../../src/access/permissions.ts';
import type { Admin } from '../../src/admin/admin.ts';
import { adminApiRoutes } from '../../src/admin/api/api.ts';
import { openApiOf } from '../../src/admin/api/openapi.ts';
import { problemKinds } from '../../src/admin/api/problem.ts';
import { referenceOf } from '../../src/admin/api/reference.ts';

/** The document says what the table of routes says. No flow is called for it. */
const routes = adminApiRoutes({} as Admin);
const document = openApiOf(routes, { issuer: 'https://id.example', version: '1.2.3' });
const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));

describe('the OpenAPI document of the admin API', () => {
  it('is valid OpenAPI 3.1, by the schema of the specification', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone(document) as never);
    expect(errors ?? []).to.deep.equal([]);
    expect(valid).to.equal(true);
    expect(validator.version).to.equal('3.1');
  });

  it('has every route, each under a name of its own', () => {
    expect(operations).to.have.lengthOf(routes.length);
    const names = operations.map(({ operationId }) => operationId);
    expect(new Set(names).size).to.equal(names.length);
    for (const { operationId, summary, description } of operations) {
      expect(operationId).to.match(/^[a-z][A-Za-z]+$/);
      expect(summary, operationId).not.to.equal('');
      expect(description, operationId).to.match(/permission|token/);
    }
  });

  it('says which permission each operation needs, as a scope that there is', () => {
    for (const { operationId, security, 'x-permission': permission } of operations) {
      expect(security, operationId).to.deep.equal([{ oauth2: permission === null ? [] : [permission] }]);
      if (permission !== null) expect(permissions, operationId).to.include(permission);
    }
    const schemes = document.components.securitySchemes as {
      oauth2: { flows: Record<string, { scopes: object }> };
    };
    for (const { scopes } of Object.values(schemes.oauth2.flows))
      expect(Object.keys(scopes)).to.have.members([...permissions]);
  });

  it('leads nowhere that is not there', () => {
    const pointers = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)].map(
      ([, path = '']) => path,
    );
    expect(pointers.length).to.be.greaterThan(100);
    for (const pointer of new Set(pointers)) {
      let found: unknown = document;
      for (const part of pointer.split('/').slice(1)) found = (found as Record<string, unknown>)?.[part];
      expect(found, pointer).to.be.an('object');
    }
  });

  it('has examples that fit what they are examples of', () => {
    const ajv = new Ajv.default({ strict: false, allErrors: true });
    addFormats.default(ajv);
    ajv.addSchema({ $id: 'document', ...document });
    let checked = 0;
    for (const operation of operations) {
      const answers = Object.values(operation.responses) as {
        content?: Record<string, { example: unknown; schema: object }>;
      }[];
      for (const content of [operation.requestBody?.content, ...answers.map((one) => one.content)]) {
        for (const { example, schema } of Object.values(content ?? {})) {
          const local = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/'));
          const fits = ajv.validate(local, example);
          expect(fits, `${operation.operationId}: ${ajv.errorsText()}`).to.equal(true);
          checked += 1;
        }
      }
    }
    expect(checked).to.be.greaterThan(60);
  });

  it('declares what every change has to say, and what a create may', () => {
    for (const route of routes) {
      const key = route.path.replace(/:(\w+)/g, '{$1}');
      const operation = document.paths[key]?.[route.method.toLowerCase()];
      const named = JSON.stringify(operation?.parameters ?? []);
      expect(named.includes('IfMatch'), route.operationId).to.equal(route.isConditional === true);
      expect(named.includes('IdempotencyKey'), route.operationId).to.equal(route.isIdempotent === true);
      if (route.isConditional) expect(operation?.responses).to.include.keys('412', '428');
      // Whoever updates or deletes says what they have seen; whoever creates may send it again.
      const isChange =
        route.method === 'PATCH' || (route.method === 'DELETE' && route.statuses.includes(409));
      const isOfPart = /factors|secrets/.test(route.path);
      if (isChange && !isOfPart) expect(route.isConditional, route.operationId).to.equal(true);
      if (route.statuses[0] === 201) expect(route.isIdempotent, route.operationId).to.equal(true);
    }
  });

  it('allows no field that it does not name', () => {
    for (const { operationId, requestBody } of operations) {
      const schema = requestBody?.content['application/json']?.schema;
      if (schema) expect(schema.additionalProperties, operationId).to.equal(false);
    }
  });

  it('explains on the reference page every operation, and every problem that a type leads to', () => {
    const page = referenceOf(document);
    const shown = page.tags.flatMap((tag) => tag.operations.map(({ id }) => id));
    expect(shown).to.have.members(operations.map(({ operationId }) => operationId));
    expect(page.problems.map(({ kind }) => kind)).to.have.members(Object.keys(problemKinds));
    for (const tag of page.tags) {
      for (const operation of tag.operations) expect(operation.curl).to.match(/^curl/);
    }
  });
});
