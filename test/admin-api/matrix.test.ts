import { expect } from 'chai';
import type { Admin } from '../../src/admin/admin.ts';
import { adminApiRoutes } from '../../src/admin/api/api.ts';
import type { ApiRoute } from '../../src/admin/api/api-route.ts';
import { type AdminProvider, startAdminProvider } from './admin-provider.ts';

/**
 * Who may use each operation: of the built-in roles, by their initials (o owner, a account manager, c client manager,
 * r auditor), and s for the role of our own below. Written by hand: what the code says is held against it.
 */
const matrix: Record<string, string> = {
  getMe: 'oacrs-',
  listPermissions: 'oacrs-',
  getOverview: 'oacr',
  listPods: 'oacr',
  listAccounts: 'oars',
  createAccount: 'oa',
  getAccount: 'oars',
  updateAccount: 'oa',
  assignRoles: 'oa',
  deleteAccount: 'oa',
  disableAccount: 'oa',
  enableAccount: 'oa',
  verifyEmail: 'oa',
  getAccountAccess: 'oars',
  listActivity: 'oars',
  bulkAccounts: 'oars',
  setPassword: 'oa',
  expirePassword: 'oa',
  sendReset: 'oa',
  listFactors: 'oars',
  removeFactor: 'oa',
  resetFactors: 'oa',
  listSessions: 'oar',
  getSession: 'oar',
  endSession: 'oas',
  endSessions: 'oas',
  endAllSessions: 'oas',
  listAccountSessions: 'oar',
  endAccountSessions: 'oas',
  endClientSessions: 'oas',
  listGrants: 'oar',
  revokeGrant: 'oa',
  listClients: 'oacr',
  createClient: 'oc',
  getClient: 'oacr',
  updateClient: 'oc',
  deleteClient: 'oc',
  enableClient: 'oc',
  disableClient: 'oc',
  addClientSecret: 'oc',
  removeClientSecret: 'oc',
  revokeClientGrants: 'oa',
  listResources: 'ocr',
  createResource: 'oc',
  getResource: 'ocr',
  updateResource: 'oc',
  deleteResource: 'oc',
  listRoles: 'oacr',
  createRole: 'o',
  getRole: 'oacr',
  updateRole: 'o',
  deleteRole: 'o',
  listGroups: 'oar',
  createGroup: 'oa',
  getGroup: 'oar',
  updateGroup: 'oa',
  deleteGroup: 'oa',
  listKeys: 'or',
  rotateKeys: 'o',
  revokeKey: 'o',
  getSettings: 'or',
  updateSettings: 'o',
  getEnvironment: 'or',
  listEvents: 'or',
  exportEvents: 'or',
  tailEvents: 'or',
  verifyEvents: 'or',
  getEvent: 'or',
};

const routes = adminApiRoutes({} as Admin);

/** A real address, with something in each place that varies. */
function addressOf(route: ApiRoute): string {
  return route.path.replace(/:\w+/g, 'something');
}

describe('who may do what on the admin API', () => {
  let provider: AdminProvider;
  const tokens: Record<string, string> = {};

  before(async () => {
    provider = await startAdminProvider();
    const made = await provider.parts.access.roles.create('support', {
      name: 'Support',
      description: '',
      permissions: ['accounts:read', 'sessions:end'],
      claims: {},
    });
    expect(made.ok).to.equal(true);
    const roles = { o: 'owner', a: 'account-manager', c: 'client-manager', r: 'auditor', s: 'support' };
    for (const [letter, role] of Object.entries(roles)) {
      tokens[letter] = await provider.personToken(await provider.addPerson(role, [role]));
      tokens[`${letter} service`] = await provider.serviceToken(
        await provider.addService(`robot-${role}`, [role]),
      );
    }
    tokens['-'] = await provider.personToken(await provider.addPerson('nobody', []));
  });
  after(() => provider?.stop());

  it('has an entry for every route, and none for what is no route', () => {
    expect(Object.keys(matrix)).to.have.members(routes.map(({ operationId }) => operationId));
  });

  // An unknown name in the query: whoever may use the operation is told so (400), and nothing happens.
  for (const route of routes) {
    it(`${route.method} ${route.path}: ${matrix[route.operationId] ?? 'no entry'}`, async () => {
      const allowed = matrix[route.operationId] ?? '';
      const seen: string[] = [];
      for (const [who, token] of Object.entries(tokens)) {
        const path = `${addressOf(route)}?made_up=1`;
        const reply = await provider.api(token, route.method, path);
        expect([400, 403], `${who}: ${reply.body}`).to.include(reply.status);
        if (reply.status === 403) {
          expect(reply.json.type, who).to.match(/#problem-insufficient-scope$/);
          expect(reply.headers.get('www-authenticate'), who).to.contain(
            `error="insufficient_scope", scope="${route.permission}"`,
          );
        } else if (!who.endsWith(' service')) seen.push(who);
        // A service with a role may do what a person with it may.
        if (who.endsWith(' service')) {
          expect(reply.status, who).to.equal(allowed.includes(who[0] ?? '') ? 400 : 403);
        }
      }
      expect(seen.sort()).to.deep.equal([...allowed].sort());
      expect((await provider.api(undefined, route.method, addressOf(route))).status).to.equal(401);
    });
  }

  it('refuses a request that is right in all else, on every route, for who has no permission', async () => {
    for (const route of routes) {
      if (route.permission === null) continue;
      const reply = await provider.api(tokens['-'], route.method, addressOf(route), {
        headers: route.isConditional ? { 'if-match': '*' } : {},
        ...(route.examples?.body === undefined ? {} : { body: route.examples.body }),
      });
      expect(reply.status, `${route.operationId}: ${reply.body}`).to.equal(403);
    }
  });

  it('puts into the audit who was refused what', async () => {
    const reply = await provider.api(tokens.o, 'GET', '/audit?kind=access.refused&limit=500');
    expect(reply.status, reply.body).to.equal(200);
    const items = reply.json.items as { reason: string; actor: { name?: string }; via: string }[];
    const ofNobody = items.filter(({ actor }) => actor.name === 'nobody@example.org');
    expect(ofNobody.map(({ reason }) => reason)).to.include.members(['keys:revoke', 'accounts:delete']);
    for (const { via } of ofNobody) expect(via).to.equal('api');
  });
});
