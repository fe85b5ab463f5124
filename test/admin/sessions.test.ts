import { expect } from 'chai';
import type { Actor } from '../../src/access/actor.ts';
import { clients, startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { actorWith, expectRefused, must, operator, person, trailOf } from './admin-fixture.ts';

describe('sessions and grants, for administrators', () => {
  let redis: Topology;
  let provider: TestProvider;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url, 1);
    await person(provider.parts, ['owner']);
  });
  after(async () => {
    await provider?.stop();
    await redis?.stop();
  });

  const ada = () => provider.account.id;
  const setRoles = async (roles: string[]) =>
    must(await provider.parts.admin.accounts.update(operator(), ada(), { roles }));
  const sessionsOf = async () => must(await provider.parts.admin.accounts.sessions(ada()));
  const grantsOf = async () => must(await provider.parts.admin.accounts.grants(ada()));

  it('are not ended, one by one or by the client, where their person may do more', async () => {
    const { admin } = provider.parts;
    await provider.signIn(provider.person(), clients.first);
    await setRoles(['owner']);
    const [session] = await sessionsOf();
    const [grant] = await grantsOf();
    const actor = await actorWith(provider.parts, ['account-manager']);
    expectRefused(await admin.sessions.end(actor, session?.uid ?? ''), 'outranked');
    expectRefused(await admin.sessions.endOfAccount(actor, ada()), 'outranked');
    expectRefused(await admin.sessions.revokeGrant(actor, grant?.id ?? ''), 'outranked');
    expect(must(await admin.sessions.endOfClient(actor, clients.first.id))).to.deep.equal({ ended: 0 });
    const [first, second] = await admin.sessions.endMany(actor, [session?.uid ?? '', 'nothing']);
    expectRefused(first ?? { ok: true, value: 0 }, 'outranked');
    expectRefused(second ?? { ok: true, value: 0 }, 'not-found');
    expect(await sessionsOf()).to.have.lengthOf(1);
    expect(await grantsOf()).to.have.lengthOf(1);
  });

  it('are ended otherwise, and the audit has whose they were', async () => {
    const { admin } = provider.parts;
    await setRoles([]);
    const actor = await actorWith(provider.parts, ['account-manager']);
    const [grant] = await grantsOf();
    const revoked = must(await admin.sessions.revokeGrant(actor, grant?.id ?? ''));
    expect(revoked).to.include({ accountId: ada(), id: grant?.id });
    expect(await grantsOf()).to.have.lengthOf(0);

    await provider.signIn(provider.person(), clients.first);
    expect(must(await admin.sessions.endOfClient(actor, clients.first.id)).ended).to.be.greaterThan(0);
    await provider.signIn(provider.person(), clients.second);
    const [session] = await sessionsOf();
    const ended = must(await admin.sessions.end(actor, session?.uid ?? ''));
    expect(ended).to.deep.equal({ uid: session?.uid, accountId: ada() });
    expectRefused(await admin.sessions.end(actor, session?.uid ?? ''), 'not-found');
    await provider.signIn(provider.person(), clients.second);
    expect(must(await admin.sessions.endOfAccount(actor, ada())).ended).to.be.greaterThan(0);
    expect(await sessionsOf()).to.have.lengthOf(0);

    const mine = (await trailOf(provider.parts)).filter(({ requestId }) => requestId === actor.requestId);
    expect(mine.map(({ kind, outcome }) => `${kind} ${outcome}`)).to.deep.equal([
      'grant.revoked success',
      'sessions.ended success',
      'session.ended success',
      'session.ended failure',
      'sessions.ended success',
    ]);
    expect(mine[0]?.before).to.deep.include({ accountId: ada(), clientId: clients.first.id });
  });

  it('stay, of people who may do more, when somebody ends all that was granted to a client', async () => {
    const { admin, accounts, clients: store } = provider.parts;
    await provider.signIn(provider.person(), clients.second);
    await admin.sessions.endOfAccount(operator(), ada());
    await provider.signIn(provider.person(), clients.second);
    const before = await grantsOf();
    expect(before).to.have.lengthOf(1);
    const actor = await actorWith(provider.parts, ['account-manager']);
    for (const above of [{ roles: ['owner'] }, { groups: ['choir'] }]) {
      await admin.groups.create(operator(), 'choir', { name: 'Choir', roles: ['owner'] });
      must(await admin.accounts.update(operator(), ada(), { roles: [], groups: [], ...above }));
      // Twice, so that it is taken over from the first era and from a later one.
      for (let i = 0; i < 2; i++) {
        const era = await store.eraNow(clients.second.id);
        must(await admin.clients.revokeGrants(actor, clients.second.id));
        expect(await store.eraNow(clients.second.id)).to.equal(era + 1);
        expect(await grantsOf()).to.deep.equal(before);
      }
    }
    // One that has been ended by an owner in between stays so.
    must(await admin.clients.revokeGrants(operator(), clients.second.id));
    must(await admin.clients.revokeGrants(actor, clients.second.id));
    expect(await grantsOf()).to.have.lengthOf(0);

    must(await admin.accounts.update(operator(), ada(), { roles: [], groups: [] }));
    expect((await accounts.find(ada()))?.roles ?? []).to.deep.equal([]);
    await provider.signIn(provider.person(), clients.second);
    must(await admin.clients.revokeGrants(actor, clients.second.id));
    expect(await grantsOf()).to.have.lengthOf(0);
    await admin.sessions.endOfAccount(operator(), ada());
  });

  it('go on where whoever ends them was ended themselves meanwhile', async () => {
    const { admin } = provider.parts;
    const manager = await person(provider.parts, ['account-manager']);
    const started = await actorWith(provider.parts, ['account-manager'], manager);
    let looks = 0;
    const actor: Actor = {
      ...started,
      async lookAgain() {
        looks += 1;
        const now = await provider.parts.accounts.find(manager.id);
        return now?.status === 'active' ? started : undefined;
      },
    };
    for (let count = 0; count < 3; count += 1) await provider.signIn(provider.person(), clients.second);
    const uids = (await sessionsOf()).map(({ uid }) => uid);
    expect(uids.length).to.be.at.least(3);
    // The first twenty are none; the actor is ended while those are looked for.
    const none = Array.from({ length: 20 }, (_, at) => `none-${at}`);
    const ending = admin.sessions.endMany(actor, [...none, ...uids]);
    must(await provider.parts.admin.accounts.disable(operator(), manager.id));
    const results = await ending;
    expect(results).to.have.lengthOf(20 + uids.length);
    for (const result of results.slice(20)) expectRefused(result, 'ended');
    expect(looks).to.equal(2);
    const { message } = expectRefused(await admin.sessions.endOfClient(actor, clients.second.id), 'ended');
    expect(message).to.include('0 sessions had ended by then');
    expect((await sessionsOf()).map(({ uid }) => uid)).to.include.members(uids);
  });

  it('end all the same when the own one is among them', async () => {
    const { admin } = provider.parts;
    for (let count = 0; count < 2; count += 1) await provider.signIn(provider.person(), clients.second);
    const uids = (await sessionsOf()).map(({ uid }) => uid);
    const started = await actorWith(provider.parts, ['account-manager']);
    const [own = ''] = uids;
    const actor: Actor = {
      ...started,
      sessionUid: own,
      lookAgain: async () => ((await admin.sessions.find(own)).ok ? started : undefined),
    };
    const none = Array.from({ length: 20 }, (_, at) => `none-${at}`);
    const results = await admin.sessions.endMany(actor, [own, ...none, ...uids.slice(1)]);
    expect(results.filter(({ ok }) => ok)).to.have.lengthOf(uids.length);
    expect(results[0]?.ok, 'in their order').to.equal(true);
    expect(await sessionsOf()).to.have.lengthOf(0);
  });

  it('show on the page of the account what the reader may see', async () => {
    const { admin } = provider.parts;
    await provider.signIn(provider.person(), clients.first);
    const auditor = await actorWith(provider.parts, ['auditor']);
    const all = must(await admin.accounts.overview(auditor, ada()));
    expect(all.sessions).to.have.lengthOf(1);
    expect(all.grants).to.have.lengthOf(1);
    expect(all.isOutranked).to.equal(true);
    expect(all.events.length).to.be.greaterThan(0);
    const narrow = { ...auditor, permissions: new Set(['accounts:read'] as const) };
    const little = must(await admin.accounts.overview(narrow, ada()));
    expect([little.sessions, little.grants, little.events]).to.deep.equal([[], [], []]);
  });

  it('are counted, with all else, for the first page', async () => {
    const overview = await provider.parts.admin.overview.read();
    expect(overview.accounts).to.equal(3);
    expect(overview.clients).to.be.greaterThan(3);
    expect(overview.signIns).to.have.lengthOf(48);
    expect(overview.pods.length).to.equal(1);
    expect(overview.keys.some(({ state }) => state === 'active')).to.equal(true);
  });
});
