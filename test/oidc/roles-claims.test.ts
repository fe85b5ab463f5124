import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { authorizationRequest } from '../support/person.ts';
import { clients, startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { addClient } from './relying-party.ts';

/** What relying parties are told of a person's roles and groups. */
describe('the scopes roles and groups', () => {
  let redis: Topology;
  let provider: TestProvider;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url);
    const { store, accounts, access } = provider.parts;
    const { roles, groups } = access;
    const draft = { description: '', permissions: [], claims: {} };
    await roles.create('editor', { ...draft, name: 'Editor', claims: { desk: 'news', 'urn:level': 3 } });
    await roles.create('author', { ...draft, name: 'Author' });
    await groups.create('press', {
      name: 'Press',
      description: '',
      roles: ['author'],
      claims: { desk: 'magazine', floors: ['2', '3'] },
    });
    await store.call(
      'HSET',
      store.keys.account(provider.account.id),
      'roles',
      'editor gone',
      'groups',
      'press',
    );
    expect(await accounts.find(provider.account.id)).to.deep.include({
      roles: ['editor', 'gone'],
      groups: ['press'],
    });
    const until = performance.now() + 1000;
    for (const pod of [0, 1]) {
      const supported = async () => (await provider.get('/.well-known/openid-configuration', {}, pod)).body;
      while (!(await supported()).includes('floors')) expect(performance.now()).to.be.lessThan(until);
    }
  });
  after(async () => {
    await provider?.stop();
    await redis?.stop();
  });

  const userinfo = async (token: string) =>
    (await provider.get('/me', { authorization: `Bearer ${token}` })).json;

  async function told(scope: string, extra: Record<string, string> = {}) {
    const tokens = await provider.signIn(provider.person(), clients.first, { scope, ...extra });
    return { userinfo: await userinfo(tokens.access_token), idToken: decodeJwt(tokens.id_token) };
  }

  it('are in discovery, with the claims that roles and groups define', async () => {
    const { json } = await provider.get('/.well-known/openid-configuration');
    expect(json.scopes_supported).to.include.members(['roles', 'groups']);
    expect(json.claims_supported).to.include.members(['roles', 'groups', 'desk', 'urn:level', 'floors']);
  });

  it('tell nothing unless they are asked for', async () => {
    const { userinfo: claims } = await told('openid profile email');
    expect(claims).not.to.have.any.keys('roles', 'groups', 'desk', 'urn:level', 'floors');
  });

  it('tell roles, those by a group among them, with what they define', async () => {
    const { userinfo: claims, idToken } = await told('openid roles');
    expect(claims).to.deep.equal({
      sub: provider.account.id,
      roles: ['author', 'editor'],
      desk: 'news',
      'urn:level': 3,
    });
    expect(idToken, 'the rest is for userinfo (Core 5.4)').not.to.have.any.keys('roles', 'desk');
  });

  it('tell groups, with what those define', async () => {
    const { userinfo: claims } = await told('openid groups');
    expect(claims).to.deep.equal({
      sub: provider.account.id,
      groups: ['press'],
      desk: 'magazine',
      floors: ['2', '3'],
    });
  });

  it('tell an ID token what the claims parameter asks for', async () => {
    const claims = JSON.stringify({ id_token: { roles: null, floors: null }, userinfo: { groups: null } });
    const answer = await told('openid', { claims });
    expect(answer.idToken).to.deep.include({ roles: ['author', 'editor'], floors: ['2', '3'] });
    expect(answer.idToken).not.to.have.any.keys('groups', 'urn:level');
    expect(answer.userinfo).to.deep.equal({ sub: provider.account.id, groups: ['press'] });
  });

  it('leave asking for a strong sign-in to acr_values', async () => {
    const claims = JSON.stringify({ id_token: { acr: { essential: true, values: ['phr'] } } });
    const { answer } = await provider.authorize(provider.person(), clients.first, { claims });
    expect(answer).to.include({ error: 'invalid_request' });
    expect(answer.error_description).to.include('acr_values');
  });

  it('are named in words before somebody else’s client gets them', async () => {
    const client = await addClient(provider, { first_party: false });
    const person = provider.person();
    await provider.signIn(person, clients.first);
    const { path } = authorizationRequest(client, { scope: 'openid roles groups', prompt: 'consent' });
    const page = await person.request((await person.request(path)).location ?? '');
    expect(page.body).to.include('See what roles you have').and.include('See which groups you belong to');
    expect(page.body).not.to.include('<code>roles');
  });

  it('tell a claim that is defined anew, on each pod within a second, also in discovery', async () => {
    const { roles } = provider.parts.access;
    const tokens = await provider.signIn(provider.person(), clients.first, { scope: 'openid roles' });
    const changed = await roles.update('author', undefined, { claims: { pen_name: 'Ada' } });
    expect(changed.ok).to.equal(true);
    const until = performance.now() + 1000;
    for (const pod of [0, 1]) {
      const authorization = `Bearer ${tokens.access_token}`;
      while ((await provider.get('/me', { authorization }, pod)).json.pen_name !== 'Ada') {
        expect(performance.now(), `pod ${pod} within a second`).to.be.lessThan(until);
      }
      const { json } = await provider.get('/.well-known/openid-configuration', {}, pod);
      expect(json.claims_supported).to.include('pen_name');
    }
  });

  it('tell no role any more that was removed, on each pod within a second', async () => {
    const { access } = provider.parts;
    const tokens = await provider.signIn(provider.person(), clients.first, { scope: 'openid roles' });
    const rolesOn = async (pod: number) =>
      (await provider.get('/me', { authorization: `Bearer ${tokens.access_token}` }, pod)).json.roles;
    expect(await rolesOn(0)).to.deep.equal(['author', 'editor']);
    const removed = await access.roles.remove('author', undefined);
    expect(removed.ok).to.equal(true);
    const until = performance.now() + 1000;
    for (const pod of [0, 1]) {
      while (JSON.stringify(await rolesOn(pod)) !== '["editor"]') {
        expect(performance.now(), `pod ${pod} within a second`).to.be.lessThan(until);
      }
    }
    const { store } = provider.parts;
    await store.call('HDEL', store.keys.account(provider.account.id), 'roles', 'groups');
    expect(await rolesOn(0), 'taken from the account: at once').to.deep.equal([]);
    expect(await rolesOn(1)).to.deep.equal([]);
  });
});
