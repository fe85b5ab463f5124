import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import type { HoldfastClaim } from '../../src/oidc/oidc.ts';
import { operator } from '../admin/admin-fixture.ts';
import { formTo, Visitor } from '../self-service/console-fixture.ts';
import { authorizationRequest, authorize, formOf, type Person, type Reply } from '../support/person.ts';
import { clients, type TestClient } from '../support/provider.ts';
import {
  type AdminPerson,
  type AdminProvider,
  byPasskey,
  startAdminProvider,
  tools,
} from './admin-provider.ts';

type Answer = (page: Reply) => { action: string; fields: Record<string, string> } | undefined;

const twoFactors = 'urn:holdfast:acr:2';
/** As it may be in Redis from before the console asked for more; no flow makes such a client now. */
const lax: TestClient = { id: 'lax', secret: 'lax-secret', redirectUri: 'https://lax.example/cb' };

describe('the second factor of whoever administers by the API', () => {
  let provider: AdminProvider;
  let owner: AdminPerson;
  let ownerToken: string;

  before(async () => {
    provider = await startAdminProvider();
    owner = await provider.addPerson('olga', ['owner']);
    ownerToken = await provider.personToken(owner);
    await provider.parts.clients.put(
      {
        client_id: lax.id,
        client_name: 'Lax',
        redirect_uris: [lax.redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        first_party: true,
        second_factor: 'none',
        roles: ['owner'],
      },
      lax.secret,
    );
  });
  after(() => provider?.stop());

  /** What a client gets that asks silently for a token, in a browser with a session. */
  async function silently(
    browser: ReturnType<AdminProvider['person']>,
    client: TestClient,
    resource?: string,
  ) {
    const { path } = authorizationRequest(client, {
      prompt: 'none',
      ...(resource === undefined ? {} : { scope: 'openid accounts:read', resource }),
    });
    return authorize(browser, path, { email: '', password: '' }, client.redirectUri);
  }

  /** Pods hear of a changed setting within a second. */
  async function eventually<T>(find: () => Promise<T | undefined>): Promise<T> {
    for (let tries = 0; tries < 100; tries += 1) {
      const found = await find();
      if (found !== undefined) return found;
      await pause(50);
    }
    return expect.fail('it does not come');
  }

  const failure = async (made: Promise<string>) =>
    await made.then(
      () => '',
      (error: Error) => error.message,
    );

  it('is asked for by every client, whatever the client asks for itself', async () => {
    const nobody = await provider.addPerson('paul', ['owner'], { hasPasskey: false });
    for (const client of [tools, lax]) {
      // By the password alone they come to the page where a second factor is set up, and to no code.
      expect(await failure(provider.personToken(nobody, { client })), client.id).to.include('/enrol/');
    }
    const { passkey: _, ...byPassword } = owner;
    expect(await failure(provider.personToken(byPassword, { client: lax }))).to.include(
      'data-passkey="sign-in"',
    );
    const token = await provider.personToken(owner, { client: lax });
    expect((await provider.api(token, 'GET', '/accounts')).status).to.equal(200);
  });

  it('is asked for anew of a session that was made without one', async () => {
    const person = await provider.addPerson('petra', ['owner'], { hasPasskey: false });
    const browser = provider.person();
    const { email, password } = person;
    const { first } = clients;
    const { path } = authorizationRequest(first);
    expect(await authorize(browser, path, { email, password }, first.redirectUri)).to.have.property('code');
    expect(await silently(browser, first)).to.have.property('code');
    expect(await silently(browser, tools, provider.resource)).to.include({ error: 'login_required' });
    expect(await silently(browser, lax, provider.resource)).to.include({ error: 'login_required' });
  });

  /** The answer of the token endpoint to somebody who signs in for a token. */
  async function exchanged(browser: Person, person: AdminPerson, answer: Answer) {
    const { resource } = provider;
    const { path, verifier } = authorizationRequest(tools, { scope: 'openid accounts:read', resource });
    const { email, password } = person;
    const { code = '' } = await authorize(browser, path, { email, password, answer }, tools.redirectUri);
    const form = { code, code_verifier: verifier, redirect_uri: tools.redirectUri, resource };
    return provider.post('/token', { grant_type: 'authorization_code', ...form }, { client: tools });
  }

  const hfOf = (token: unknown) => decodeJwt<{ hf: HoldfastClaim }>(String(token)).hf;

  it('is told by the token, also by one that a refresh token brought', async () => {
    const first = await exchanged(provider.person(), owner, byPasskey(owner));
    const refreshed = await provider.post(
      '/token',
      {
        grant_type: 'refresh_token',
        refresh_token: String(first.json.refresh_token),
        resource: provider.resource,
      },
      { client: tools },
    );
    for (const { json, body } of [first, refreshed]) {
      expect(json, body).to.have.property('access_token');
      expect(hfOf(json.access_token))
        .to.include({ account: owner.id, acr: 'phr' })
        .and.not.have.any.keys('trusted', 'waived');
      expect((await provider.api(String(json.access_token), 'GET', '/accounts')).status).to.equal(200);
    }
  });

  it('is missed by the API in a token from before it was asked for (RFC 9470)', async () => {
    const settings = async (console_second_factor: string | null) => {
      const reply = await provider.api(ownerToken, 'PATCH', '/settings', {
        body: { console_second_factor },
        headers: { 'if-match': '*' },
      });
      expect(reply.status, reply.body).to.equal(200);
    };
    const weak = await provider.addPerson('wanda', ['owner'], { hasPasskey: false });
    await settings('optional');
    try {
      const token = await eventually(() => provider.personToken(weak).catch(() => undefined));
      const onBoth = (status: number) =>
        eventually(async () => {
          const replies = await Promise.all(
            [0, 1].map((pod) => provider.api(token, 'GET', '/accounts', { pod })),
          );
          return replies.every((reply) => reply.status === status) ? replies[0] : undefined;
        });
      await onBoth(200);
      await settings('required');
      const reply = await onBoth(401);
      expect(reply.json.type).to.match(/#problem-insufficient-authentication$/);
      expect(reply.headers.get('www-authenticate'))
        .to.include('error="insufficient_user_authentication"')
        .and.include(`acr_values="${twoFactors}"`);
    } finally {
      await settings(null);
    }
  });

  it('may be left out in a browser that the account trusts, as in the console', async () => {
    const person = await provider.addPerson('tilda', ['owner'], { hasPasskey: false });
    const { totp } = provider.parts.factors;
    const { secret, sealed } = totp.begin(person.id, person.email);
    const visitor = new Visitor(provider.person(), person);
    visitor.hasApp(secret);
    expect((await totp.confirm(person.id, sealed, visitor.code())).ok).to.equal(true);
    const trusting = ({ body }: Reply) => {
      if (!/action="[^"]*\/factor\/otp"/.test(body)) return undefined;
      const { action, fields } = formTo(body, /\/factor\/otp$/);
      return { action, fields: { ...fields, code: visitor.code(), trust: 'yes' } };
    };
    const browser = provider.person();
    const first = await exchanged(browser, person, trusting);
    expect(hfOf(first.json.access_token)).to.include({ acr: twoFactors });
    const form = formOf((await browser.request('/session/end')).body);
    await browser.request(form.action, { form: { ...form.fields, logout: 'yes' } });
    const second = await exchanged(browser, person, () => undefined);
    expect(hfOf(second.json.access_token)).to.include({ acr: 'urn:holdfast:acr:1', trusted: true });
    const refreshed = await provider.post(
      '/token',
      {
        grant_type: 'refresh_token',
        refresh_token: String(second.json.refresh_token),
        resource: provider.resource,
      },
      { client: tools },
    );
    expect(hfOf(refreshed.json.access_token)).to.include({ acr: 'urn:holdfast:acr:1', trusted: true });
    const reply = await provider.api(String(refreshed.json.access_token), 'GET', '/accounts');
    expect(reply.status, reply.body).to.equal(200);
  });

  it('is not asked of a service, which has none', async () => {
    const service = await provider.addService('robot', ['auditor']);
    expect((await provider.api(await provider.serviceToken(service), 'GET', '/audit')).status).to.equal(200);
  });

  it('cannot be left out by the metadata of a client with roles', async () => {
    const client = { client_name: 'Tool', redirect_uris: ['https://tool.example/cb'], roles: ['auditor'] };
    const made = await provider.api(ownerToken, 'POST', '/clients', { body: client });
    expect(made.status, made.body).to.equal(201);
    const path = `/clients/${String((made.json.client as { client_id: string } | undefined)?.client_id ?? made.json.client_id)}`;
    for (const second_factor of ['none', 'optional']) {
      const draft = await provider.api(ownerToken, 'POST', '/clients', {
        body: { ...client, second_factor },
      });
      const changed = await provider.api(ownerToken, 'PATCH', path, {
        body: { second_factor },
        headers: { 'if-match': '*' },
      });
      for (const reply of [draft, changed]) {
        expect(reply.status, reply.body).to.equal(422);
        expect(reply.json.errors).to.deep.include.members([
          { pointer: '/second_factor', detail: (reply.json.errors as { detail: string }[])[0]?.detail },
        ]);
        expect(String(reply.json.detail)).to.include('at least "required"');
      }
    }
    const stricter = await provider.api(ownerToken, 'PATCH', path, {
      body: { second_factor: 'required-always' },
      headers: { 'if-match': '*' },
    });
    expect(stricter.status, stricter.body).to.equal(200);
    // Neither can roles be given to one that asks for none.
    const { clients: flows } = provider.parts.admin;
    await flows.create(operator(), {
      client_id: 'shop',
      client_name: 'Shop',
      redirect_uris: ['https://shop.example/cb'],
      second_factor: 'none',
    });
    const given = await flows.update(operator(), 'shop', { roles: ['auditor'] });
    expect(given).to.include({ ok: false, problem: 'invalid' });
    // What is there already can be changed in all else.
    expect((await flows.update(operator(), lax.id, { client_name: 'Laxer' })).ok).to.equal(true);
  });
});
