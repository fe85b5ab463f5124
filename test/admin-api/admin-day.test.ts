import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import axios from 'axios';
import { expect } from 'chai';
import OpenAPIClientAxios from 'openapi-client-axios';
import { authorizationRequest, authorize } from '../support/person.ts';
import { type AdminPerson, type AdminProvider, startAdminProvider } from './admin-provider.ts';

/**
 * A day of an administrator, by a client that knows nothing but the OpenAPI document: it was made from it, and every
 * answer is held against it. Each request goes to the other pod than the one before.
 */
type Answer = {
  status: number;
  headers: Record<string, string | undefined>;
  /** Whatever the document says; each use says what it expects. */
  data: Record<string, unknown> & { items: Record<string, unknown>[] };
};
type Call = (
  parameters?: Record<string, unknown> | null,
  body?: unknown,
  config?: { headers?: Record<string, string> },
) => Promise<Answer>;

describe('a day of an administrator, over a client that is made from the OpenAPI document', () => {
  let provider: AdminProvider;
  let owner: AdminPerson;
  let api: Record<string, Call>;
  let document: { paths: Record<string, Record<string, { operationId: string }>> };
  const called = new Set<string>();

  before(async () => {
    provider = await startAdminProvider();
    owner = await provider.addPerson('owner', ['owner']);
    const token = await provider.personToken(owner);
    const found = await provider.api(undefined, 'GET', '/openapi.json');
    expect(found.status).to.equal(200);
    document = found.json as typeof document;
    const check = documentCheck(document);
    const client = await new OpenAPIClientAxios.default({
      definition: document as never,
      axiosConfigDefaults: {
        headers: { Host: 'id.example', Authorization: `Bearer ${token}` },
        validateStatus: () => true,
        maxRedirects: 0,
        // A name for each value, which is what the document means (style form, exploded).
        paramsSerializer: { indexes: null },
      },
    }).init();
    let turn = 0;
    client.interceptors.request.use((config) => {
      const pod = provider.pods[turn++ % 2];
      const url = new URL(config.url ?? '', 'http://id.example/admin/api/v1');
      config.baseURL = `${pod?.url}/admin/api/v1`;
      if (url.pathname.startsWith('/admin/api/v1'))
        config.url = `${url.pathname.slice('/admin/api/v1'.length)}${url.search}`;
      return config;
    });
    api = Object.fromEntries(
      Object.entries(document.paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, { operationId }]) => [
          operationId,
          (async (parameters, body, config) => {
            const made = client as unknown as Record<string, Call>;
            const answer = await made[operationId]?.(parameters, body, config);
            if (!answer) throw new Error(`the client has no ${operationId}`);
            check(path, method, answer);
            called.add(operationId);
            return answer;
          }) satisfies Call,
        ]),
      ),
    );
  });
  after(() => provider?.stop());

  const call = (name: string): Call => api[name] ?? expect.fail(`no operation ${name}`);
  const ifMatch = (answer: Answer) => ({ headers: { 'If-Match': answer.headers.etag ?? '' } });
  const once = (key: string) => ({ headers: { 'Idempotency-Key': key } });

  async function ok(answer: Promise<Answer>, status = 200): Promise<Answer> {
    const got = await answer;
    expect(got.status, JSON.stringify(got.data)).to.equal(status);
    return got;
  }

  it('looks who it is, and how things are', async () => {
    const me = await ok(call('getMe')());
    expect(me.data).to.include({ kind: 'account', id: owner.id, name: 'owner@example.org' });
    const overview = await ok(call('getOverview')());
    expect(overview.data.pods).to.have.lengthOf(2);
    expect(overview.data.sign_ins).to.have.lengthOf(48);
    expect((await ok(call('listPods')())).data.items.map(({ name }) => name)).to.have.members([
      'pod-0',
      'pod-1',
    ]);
    expect((await ok(call('listPermissions')())).data.items.length).to.be.greaterThan(25);
  });

  it('makes a role and a group, changes and removes them', async () => {
    const role = { id: 'support', name: 'Support', permissions: ['accounts:read', 'sessions:read'] };
    const made = await ok(call('createRole')(null, role, once('role')), 201);
    expect(made.headers.location).to.equal('/admin/api/v1/roles/support');
    const changed = await ok(
      call('updateRole')({ id: 'support' }, { description: 'First line' }, ifMatch(made)),
    );
    expect(changed.data).to.include({ description: 'First line', name: 'Support' });
    expect((await ok(call('getRole')({ id: 'support' }))).headers.etag).to.equal(changed.headers.etag);
    expect((await ok(call('listRoles')())).data.items.map(({ id }) => id)).to.include('support');

    const group = { id: 'crew', name: 'Crew', roles: ['support'], claims: { department: 'harbour' } };
    const crew = await ok(call('createGroup')(null, group), 201);
    const renamed = await ok(call('updateGroup')({ id: 'crew' }, { name: 'Harbour crew' }, ifMatch(crew)));
    expect((await ok(call('getGroup')({ id: 'crew' }))).data).to.deep.equal(renamed.data);
    expect((await ok(call('listGroups')())).data.items).to.have.lengthOf(1);

    await ok(call('createRole')(null, { id: 'passing' }), 201);
    await ok(call('deleteRole')({ id: 'passing' }, null, { headers: { 'If-Match': '*' } }), 204);
    await ok(call('getRole')({ id: 'passing' }), 404);
    await ok(call('createGroup')(null, { id: 'passing' }), 201);
    await ok(call('deleteGroup')({ id: 'passing' }, null, { headers: { 'If-Match': '*' } }), 204);
    await ok(call('getGroup')({ id: 'passing' }), 404);
  });

  it('makes an account, finds it, changes it, and gives it roles', async () => {
    const draft = { email: 'Bea@Example.org', name: 'Bea Harbour', password: 'a long passphrase of bea' };
    const wouldBe = await ok(call('createAccount')({ dry_run: true }, draft));
    expect(wouldBe.headers['holdfast-dry-run']).to.equal('true');
    const made = await ok(call('createAccount')(null, draft, once('bea')), 201);
    const again = await ok(call('createAccount')(null, draft, once('bea')), 201);
    expect(again.data).to.deep.equal(made.data);
    const id = String(made.data.id);
    await ok(call('createAccount')(null, draft), 409);

    for (const q of ['bea', 'harb', 'bea@ex', id]) {
      const found = await ok(call('listAccounts')({ q }));
      expect(
        found.data.items.map((one) => one.id),
        q,
      ).to.include(id);
    }
    const changed = await ok(call('updateAccount')({ id }, { nickname: 'B', name: null }, ifMatch(made)));
    expect(changed.data).to.include({ nickname: 'B' }).and.not.to.have.property('name');
    await ok(call('updateAccount')({ id }, { nickname: 'C' }, ifMatch(made)), 412);
    await ok(call('updateAccount')({ id }, { nickname: 'C' }, { headers: { 'If-Match': '' } }), 428);
    await ok(call('verifyEmail')({ id }));
    const roles = await ok(
      call('assignRoles')({ id }, { roles: ['auditor'], groups: ['crew'] }, { headers: { 'If-Match': '*' } }),
    );
    expect(roles.data).to.deep.include({ roles: ['auditor'], groups: ['crew'], email_verified: true });
    const access = await ok(call('getAccountAccess')({ id }));
    expect(access.data.roles).to.have.members(['auditor', 'support']);
    expect(access.data.permissions).to.include('audit:export');
    const read = await ok(call('getAccount')({ id }));
    expect(read.data).to.deep.equal(roles.data);
    expect(
      (await call('getAccount')({ id }, null, { headers: { 'If-None-Match': read.headers.etag ?? '' } }))
        .status,
    ).to.equal(304);
    expect(
      (await ok(call('listAccounts')({ role: 'auditor' }))).data.items.map((one) => one.id),
    ).to.deep.equal([id]);
  });

  it('goes through a list page by page', async () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 20; page++) {
      const found = await ok(call('listAccounts')({ limit: 2, ...(cursor ? { cursor } : {}) }));
      seen.push(...found.data.items.map(({ email }) => String(email)));
      cursor = (found.data.next_cursor ?? undefined) as string | undefined;
      expect(/rel="next"/.test(found.headers.link ?? '')).to.equal(cursor !== undefined);
      if (cursor === undefined) break;
    }
    expect(cursor).to.equal(undefined);
    expect(new Set(seen).size).to.equal(seen.length);
    expect(seen).to.include.members(['ada@example.com', 'owner@example.org']);
  });

  it('helps somebody who is signed in: sessions, grants, factors, activity, password', async () => {
    const bea = (await ok(call('listAccounts')({ q: 'bea@' }))).data.items[0] ?? expect.fail('no bea');
    const { id } = bea;
    const signIn = async (password: string) => {
      const browser = provider.person();
      const client = { id: 'third', redirectUri: 'http://third.example/cb' };
      const { path } = authorizationRequest(client, { scope: 'openid offline_access', prompt: 'consent' });
      return authorize(browser, path, { email: 'bea@example.org', password }, client.redirectUri);
    };
    expect(await signIn('a long passphrase of bea')).to.have.property('code');
    const sessions = await ok(call('listAccountSessions')({ id }));
    expect(sessions.data.items).to.have.lengthOf(1);
    const { uid } = sessions.data.items[0] ?? expect.fail();
    expect((await ok(call('getSession')({ uid }))).data).to.include({ account_id: id });
    expect((await ok(call('listSessions')({ account_id: id }))).data.items).to.have.lengthOf(1);
    const ofClient = await ok(call('listSessions')({ client_id: 'third' }));
    expect(ofClient.data.items.map((one) => one.uid)).to.include(uid);
    const grants = await ok(call('listGrants')({ id }));
    expect(grants.data.items).to.have.lengthOf(1);
    await ok(call('revokeGrant')({ id: grants.data.items[0]?.id }), 204);
    expect((await ok(call('listGrants')({ id }))).data.items).to.have.lengthOf(0);
    expect((await ok(call('listActivity')({ id }))).data.items.map(({ kind }) => kind)).to.include(
      'signed-in',
    );
    await ok(call('endSession')({ uid }), 204);
    await ok(call('getSession')({ uid }), 404);

    await signIn('a long passphrase of bea');
    const [another] = (await ok(call('listAccountSessions')({ id }))).data.items;
    const ended = await ok(call('endSessions')(null, { uids: [another?.uid, 'nothing-like-it'] }));
    const results = ended.data.results as { status: number }[];
    expect(results.map(({ status }) => status)).to.deep.equal([200, 404]);
    await signIn('a long passphrase of bea');
    expect((await ok(call('endAccountSessions')({ id }))).data).to.deep.equal({ ended: 1 });
    await signIn('a long passphrase of bea');
    expect((await ok(call('endClientSessions')({ client_id: 'third' }))).data).to.deep.equal({ ended: 1 });
    expect((await ok(call('listAccountSessions')({ id }))).data.items).to.have.lengthOf(0);

    expect((await ok(call('listFactors')({ id }))).data.items).to.deep.equal([]);
    await ok(call('removeFactor')({ id, factor_id: 'none' }), 404);
    await ok(call('resetFactors')({ id }), 204);
    await ok(call('setPassword')({ id }, { password: 'short' }), 422);
    const set = await ok(
      call('setPassword')({ id }, { password: 'quite another phrase for her', must_change: false }),
    );
    expect(set.data).to.include({ has_password: true, must_change_password: false });
    expect(await signIn('quite another phrase for her')).to.have.property('code');
    expect((await ok(call('expirePassword')({ id }))).data).to.include({ must_change_password: true });
    await ok(call('sendReset')({ id }), 202);
  });

  it('disables, enables and deletes, one by one and many at once', async () => {
    const rows = [
      { action: 'create', account: { email: 'cleo@example.org', name: 'Cleo' } },
      { action: 'create', account: { email: 'bea@example.org' } },
      { action: 'create', account: { email: 'dora@example.org', roles: ['auditor'] } },
    ];
    const done = await ok(call('bulkAccounts')(null, { rows }, once('bulk')));
    const results = done.data.results as { status: number; id: string; problem: { type: string } | null }[];
    expect(results.map(({ status }) => status)).to.deep.equal([201, 409, 201]);
    expect(results[1]?.problem?.type).to.equal('conflict');
    expect((await ok(call('bulkAccounts')(null, { rows }, once('bulk')))).data).to.deep.equal(done.data);
    const [cleo = '', , dora = ''] = results.map(({ id }) => id);
    const more = await ok(
      call('bulkAccounts')(null, {
        rows: [
          { action: 'disable', id: cleo },
          { action: 'assign', id: dora, roles: [], groups: ['crew'] },
          { action: 'enable', id: cleo },
          { action: 'delete', id: 'nobody-like-it' },
        ],
      }),
    );
    expect((more.data.results as { status: number }[]).map(({ status }) => status)).to.deep.equal([
      200, 200, 200, 404,
    ]);
    expect((await ok(call('getAccount')({ id: dora }))).data).to.deep.include({
      roles: [],
      groups: ['crew'],
    });
    expect((await ok(call('disableAccount')({ id: cleo }))).data).to.include({ status: 'disabled' });
    expect((await ok(call('enableAccount')({ id: cleo }))).data).to.include({ status: 'active' });
    await ok(call('deleteAccount')({ id: cleo }, null, { headers: { 'If-Match': '*' } }), 204);
    await ok(call('getAccount')({ id: cleo }), 404);
  });

  it('makes clients, rotates a secret, and ends them', async () => {
    const draft = { client_name: 'Harbour Notes', redirect_uris: ['https://notes.example/callback'] };
    const made = await ok(call('createClient')(null, draft, once('notes')), 201);
    const { client_id, version } = made.data.client as { client_id: string; version: number };
    const first = String(made.data.client_secret);
    expect(first).to.have.length.greaterThan(30);
    expect((await ok(call('createClient')(null, draft, once('notes')), 201)).data).to.deep.equal(made.data);
    expect(version).to.equal(1);
    await ok(call('createClient')(null, { ...draft, redirect_uris: ['not a uri'] }), 422);
    for (const q of ['harb', 'note', client_id]) {
      expect(
        (await ok(call('listClients')({ q }))).data.items.map((one) => one.client_id),
        q,
      ).to.include(client_id);
    }
    const changed = await ok(
      call('updateClient')({ client_id }, { logo_uri: 'https://notes.example/logo.png' }, ifMatch(made)),
    );
    expect(changed.data).to.include({ logo_uri: 'https://notes.example/logo.png' });
    const taken = await ok(call('updateClient')({ client_id }, { logo_uri: null }, ifMatch(changed)));
    expect(taken.data).not.to.have.property('logo_uri');

    const added = await ok(
      call('addClientSecret')({ client_id }, { others_end_in_seconds: 3600 }, once('secret')),
      201,
    );
    expect(added.data.client_secret).not.to.equal(first);
    await ok(call('addClientSecret')({ client_id }), 409);
    const secrets = (await ok(call('getClient')({ client_id }))).data.secrets as {
      id: string;
      expires_at: string | null;
    }[];
    expect(secrets.map(({ expires_at }) => expires_at === null).sort()).to.deep.equal([false, true]);
    const old = secrets.find(({ id }) => id !== added.data.secret_id)?.id;
    await ok(call('removeClientSecret')({ client_id, secret_id: old }), 204);
    expect((await ok(call('disableClient')({ client_id }))).data).to.include({ enabled: false });
    expect((await ok(call('enableClient')({ client_id }))).data).to.include({ enabled: true });
    await ok(call('revokeClientGrants')({ client_id }));
    await ok(call('deleteClient')({ client_id }, null, { headers: { 'If-Match': '*' } }), 204);
    await ok(call('getClient')({ client_id }), 404);
  });

  it('makes a resource, whose id is an address', async () => {
    const indicator = 'https://notes.example/API';
    const draft = { indicator, name: 'Notes', scopes: [{ name: 'notes:read', description: 'Read notes' }] };
    const made = await ok(call('createResource')(null, draft, once('resource')), 201);
    expect(made.data).to.include({ indicator, origin: 'settings' });
    const changed = await ok(
      call('updateResource')({ indicator }, { access_token_seconds: 300 }, ifMatch(made)),
    );
    expect(changed.data).to.include({ access_token_seconds: 300, name: 'Notes' });
    expect((await ok(call('getResource')({ indicator }))).data).to.deep.equal(changed.data);
    expect((await ok(call('listResources')())).data.items.map((one) => one.indicator)).to.include.members([
      indicator,
      provider.resource,
    ]);
    await ok(
      call('updateResource')(
        { indicator: provider.resource },
        { name: 'Mine' },
        { headers: { 'If-Match': '*' } },
      ),
      409,
    );
    await ok(call('deleteResource')({ indicator }, null, ifMatch(changed)), 204);
    await ok(call('getResource')({ indicator }), 404);
  });

  it('looks at settings and changes one', async () => {
    const before = await ok(call('getSettings')());
    const would = await ok(
      call('updateSettings')({ dry_run: true }, { registration: 'off' }, ifMatch(before)),
    );
    expect(would.data.values).to.include({ registration: 'off' });
    expect((await ok(call('getSettings')())).data).to.deep.equal(before.data);
    const after = await ok(call('updateSettings')(null, { registration: 'off' }, ifMatch(before)));
    expect(after.data.sources).to.include({ registration: 'settings' });
    await ok(call('updateSettings')(null, { registration: 'open' }, ifMatch(before)), 412);
    await ok(call('updateSettings')(null, { registration: null }, ifMatch(after)));
    const environment = (await ok(call('getEnvironment')())).data.items as { name: string; value: string }[];
    expect(environment.map(({ name }) => name)).to.include('HOLDFAST_KEYS');
    expect(JSON.stringify(environment)).not.to.contain(Buffer.alloc(32, 7).toString('base64url'));
  });

  it('rotates keys, and withdraws one', async () => {
    const keys = (await ok(call('listKeys')())).data.items;
    expect(keys.map(({ use }) => use)).to.include.members(['signing', 'cookie']);
    const published = await ok(call('rotateKeys')(null, { use: 'cookie' }), 202);
    expect(published.data.items[0]).to.include({ use: 'cookie' });
    const stolen =
      keys.find(({ alg, state }) => alg === 'RS256' && state === 'active') ?? expect.fail('no RS256');
    const replaced = await ok(call('revokeKey')({ id: stolen.id }, { confirm: 'the key is stolen' }));
    expect(replaced.data.replaced_by).to.include({ alg: 'RS256', use: 'signing' });
    expect((await ok(call('listKeys')())).data.items.map(({ id }) => id)).not.to.include(stolen.id);
    await ok(call('revokeKey')({ id: stolen.id }, { confirm: 'the key is stolen' }), 404);
  });

  it('reads in the audit who did all that, waits for more, and proves it', async () => {
    const all = await ok(call('listEvents')({ actor_id: owner.id, limit: 500 }));
    const kinds = new Set(all.data.items.map(({ kind }) => kind as string));
    expect([...kinds]).to.include.members([
      'role.created',
      'group.updated',
      'account.created',
      'account.password-set',
      'account.roles-changed',
      'sessions.ended',
      'client.secret-added',
      'resource.deleted',
      'settings.changed',
      'key.revoked',
    ]);
    const [latest] = all.data.items;
    const one = await ok(call('getEvent')({ id: latest?.id }));
    expect(one.data).to.deep.equal(latest);
    const byRequest = await ok(call('listEvents')({ request_id: one.data.request_id }));
    expect(byRequest.data.items.map(({ id }) => id)).to.include(latest?.id);
    await ok(call('getEvent')({ id: 'no-such-event' }), 404);

    const from = await ok(call('tailEvents')({ wait_seconds: 0 }));
    const waiting = call('tailEvents')({ after: from.data.last, kind: ['role.created'], wait_seconds: 20 });
    await ok(call('createRole')(null, { id: 'late' }), 201);
    const told = await ok(waiting);
    expect(told.data.items.map(({ target }) => (target as { id: string }).id)).to.include('late');

    const exported = await ok(call('exportEvents')({ trail: 'admin' }));
    const lines = String(exported.data)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.length).to.be.greaterThan(20);
    expect(lines.map(({ kind }) => kind)).to.include('audit.exported');
    const verified = await ok(call('verifyEvents')());
    for (const trail of verified.data.trails as { is_intact: boolean }[])
      expect(trail.is_intact).to.equal(true);
    // Nothing that was secret is in there.
    for (const secret of ['quite another phrase', 'a long passphrase of bea']) {
      expect(String(exported.data)).not.to.contain(secret);
    }
  });

  it('ends every session of everybody, its own too', async () => {
    await ok(call('endAllSessions')(null, { confirm: 'everybody is signed out' }));
    const deadline = performance.now() + 1000;
    while ((await call('getMe')()).status !== 401) expect(performance.now()).to.be.lessThan(deadline);
  });

  it('has used every operation that there is', () => {
    const all = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map((one) => one.operationId),
    );
    expect([...called]).to.have.members(all);
  });
});

/** Holds each answer against what the document says of its operation and status. */
function documentCheck(document: object): (path: string, method: string, answer: Answer) => void {
  const ajv = new Ajv.default({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'document', ...document });
  return (path, method, { status, data, headers }) => {
    const where = `document#/paths/${path.replaceAll('~', '~0').replaceAll('/', '~1')}/${method}/responses`;
    const place = `${where.replaceAll('{', '%7B').replaceAll('}', '%7D')}/${status}`;
    const declared = ajv.getSchema(place) as unknown as { schema: Record<string, never> } | undefined;
    if (!declared) throw new Error(`${method} ${path} does not declare ${status}`);
    const { schema } = declared;
    const target = schema.$ref ? ajv.getSchema(`document${schema.$ref}`)?.schema : schema;
    const type = String(headers['content-type'] ?? '').split(';')[0] ?? '';
    const content = (target as { content?: Record<string, { schema: object }> }).content ?? {};
    if (status === 204 || status === 304 || type === 'application/x-ndjson') return;
    const body = content[type]?.schema;
    if (!body && Object.keys(content).length === 0) return;
    if (!body) throw new Error(`${method} ${path} answers ${status} with ${type}`);
    const local = JSON.parse(JSON.stringify(body).replaceAll('"#/', '"document#/'));
    if (!ajv.validate(local, data))
      throw new Error(`${method} ${path} ${status}: ${ajv.errorsText()} ${JSON.stringify(data)}`);
  };
}

// Without a proxy of the environment: all of it stays on this machine.
axios.defaults.proxy = false;
