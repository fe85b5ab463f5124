import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { TOTP } from 'otpauth';
import { openParts, type Parts } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { authorizationRequest, authorize, formOf, type Person } from '../support/person.ts';
import { testKeys } from '../support/pods.ts';
import { clients, startProvider, type TestProvider, type Tokens } from '../support/provider.ts';
import { startCluster, startSentinel, startStandalone, type Topology } from '../support/redis-topologies.ts';
import { issuer, keptIn, makeDirectory, run } from './backup-fixture.ts';

const seeded = 2000;
const { first } = clients;
/** Who signs in while the backup is written. */
const bea = { email: 'bea@example.com', password: 'a kettle of blue fishes' };

describe('a backup that is written under load, and put into another topology', () => {
  const { directory, remove } = makeDirectory();
  const file = join(directory, 'day.backup');
  let source: Topology;
  let cluster: Topology;
  let sentinel: Topology;
  let old: TestProvider;
  let restored: TestProvider;
  let person: Person;
  let tokens: Tokens;
  let unusedCode: { code: string; verifier: string };
  let trustedCookie = '';
  let totp: TOTP;
  let recoveryCodes: string[] = [];
  let quiet: Map<string, string>;
  let beaId = '';
  let signIns = 0;
  const made: string[] = [];
  const moved = new Map<string, string>();

  before(async function () {
    this.timeout(120_000);
    [source, cluster, sentinel] = await Promise.all([
      startStandalone({ appendOnly: false }),
      startCluster(),
      startSentinel(),
    ]);
    old = await startProvider(source.url, 2);
    await run(source.url, ['seed', '--add', '--accounts', String(seeded), '--sessions', '300']);
    await prepareAda(old.parts);
    const made = await old.parts.accounts.create({ ...bea, emailVerified: true });
    if (!made.ok) throw new Error(made.problem);
    beaId = made.account.id;
    quiet = await keptIn(source.url);

    let isLoading = true;
    const load = change(old, () => isLoading);
    await run(source.url, ['backup', '--to', file]);
    isLoading = false;
    await load;
    await old.stop();
    await run(cluster.url, ['restore', '--from', file]);
    restored = await startProvider(cluster.url, 2);
  });
  after(async () => {
    await Promise.all([old?.stop(), restored?.stop()]);
    await Promise.all([source?.stop(), cluster?.stop(), sentinel?.stop()]);
    remove();
  });

  /** Signed in, with a code that waits to be exchanged, an authenticator app, and a trusted browser. */
  async function prepareAda({ factors, events }: Parts): Promise<void> {
    const { id, email } = old.account;
    person = old.person();
    tokens = await old.signIn(person, first);
    const { answer, verifier } = await old.authorize(person, first, { prompt: 'none' });
    unusedCode = { code: answer.code ?? '', verifier };
    const { sealed, uri } = factors.totp.begin(id, email);
    totp = new TOTP({ secret: new URL(uri).searchParams.get('secret') ?? '' });
    expect((await factors.totp.confirm(id, sealed, totp.generate())).ok).to.equal(true);
    const codes = await factors.recoveryCodes.replace(id);
    if (!codes.ok) throw new Error(codes.problem);
    recoveryCodes = codes.codes;
    expect((await factors.recoveryCodes.spend(id, recoveryCodes[0] ?? '')).ok).to.equal(true);
    const trusted = await factors.browsers.trust(id, { epoch: codes.epoch, isStrong: true, userAgent: 'x' });
    trustedCookie = trusted?.cookie ?? '';
    await events.sweep();
  }

  /** People who come, change their address, sign in, while the backup is written. */
  async function change({ parts, person: newPerson }: TestProvider, isLoading: () => boolean) {
    const signingIn = (async () => {
      while (isLoading()) {
        await authorize(newPerson(), authorizationRequest(first).path, bea, first.redirectUri);
        signIns += 1;
      }
    })();
    for (let i = 0; isLoading(); i += 1) {
      const email = `during-${i}@example.com`;
      const result = await parts.accounts.create({ email, password: undefined, emailVerified: true });
      if (result.ok) made.push(result.account.id);
      if (result.ok && i % 3 === 0) {
        const to = `moved-${i}@example.com`;
        const { id, version } = result.account;
        const outcome = await parts.administer.update(id, version, { email: to });
        if (outcome.ok) moved.set(id, to);
      }
      await pause(5);
    }
    await signingIn;
  }

  it('has every account as it was, and all that belongs to it', async () => {
    const there = await keptIn(cluster.url);
    const differing: string[] = [];
    let accounts = 0;
    for (const [name, content] of quiet) {
      if (/^\{(audit|sessions|k)\}|^\{limits\}/.test(name)) continue;
      // What she does meanwhile is kept with her.
      if (name === `{a:${beaId}}:activity`) continue;
      if (/^\{a:[^}]+\}$/.test(name)) accounts += 1;
      if (there.get(name) !== content) differing.push(name);
    }
    expect(differing).to.deep.equal([]);
    expect(accounts).to.equal(seeded + 2);
    expect(made.length).to.be.greaterThan(3);
    expect(moved.size).to.be.greaterThan(0);
    expect(signIns).to.be.greaterThan(0);
  });

  it('finds every account, by its address and in the search, also those that changed meanwhile', async function () {
    this.timeout(60_000);
    const { accounts, directory } = restored.parts;
    let found = 0;
    let next: string | undefined;
    do {
      const page = await accounts.list({ count: 500, ...(next === undefined ? {} : { cursor: next }) });
      const led = await Promise.all(page.accounts.map(({ email }) => accounts.findByEmail(email)));
      for (const [i, one] of page.accounts.entries()) expect(led[i]?.id, one.email).to.equal(one.id);
      found += page.accounts.length;
      next = page.cursor;
    } while (next);
    expect(found).to.be.within(seeded + 2, seeded + 2 + made.length);
    expect(await directory.count()).to.equal(found);
    const { accounts: hits } = await directory.search({ text: 'ada@example.com' });
    expect(hits.map(({ id }) => id)).to.deep.equal([old.account.id]);
    // What the restore made for the search is what a pod would make.
    expect(await directory.reindexOnce()).to.equal(undefined);
  });

  it('keeps out every session, token and code from before', async () => {
    const back = person.clone(restored.pods.map(({ url }) => url));
    const { path } = authorizationRequest(first, { prompt: 'none' });
    const silent = await back.request(path);
    expect(silent.location).to.include('error=login_required');
    const refreshed = await restored.post(
      '/token',
      { grant_type: 'refresh_token', refresh_token: tokens.refresh_token },
      { client: first },
    );
    expect([refreshed.status, refreshed.json.error]).to.deep.equal([400, 'invalid_grant']);
    const exchanged = await restored.exchange(first, unusedCode.code, unusedCode.verifier);
    expect([exchanged.status, exchanged.json.error]).to.deep.equal([400, 'invalid_grant']);
    const userinfo = await restored.get('/me', { authorization: `Bearer ${tokens.access_token}` });
    expect(userinfo.status).to.equal(401);
    const { id } = old.account;
    expect(await restored.parts.factors.browsers.isTrusted(id, trustedCookie, true)).to.equal(false);
    expect(await restored.parts.oidc.allSessions.count()).to.equal(0);
  });

  it('lets people sign in with what they had: password, authenticator app, recovery codes that were not spent', async () => {
    const { accounts, factors } = restored.parts;
    const { id, email, password } = old.account;
    expect((await accounts.checkPassword(email, 'wrong one')).ok).to.equal(false);
    const newcomer = restored.person();
    let page = await newcomer.request(authorizationRequest(first).path);
    const submit = async (form: Record<string, string>) => {
      const { action, fields } = formOf(page.body);
      page = await newcomer.request(action, { form: { ...fields, ...form } });
      await follow();
    };
    const follow = async () => {
      while (page.location?.startsWith('/') || page.location?.startsWith(issuer)) {
        page = await newcomer.request(page.location);
      }
    };
    await follow();
    await submit({ email, password, decision: 'sign-in' });
    expect(page.body).to.include('name="code"');
    await submit({ code: totp.generate({ timestamp: Date.now() + 30_000 }) });
    expect(page.location).to.match(/^http:\/\/first\.example\/cb\?code=/);
    expect((await factors.recoveryCodes.spend(id, recoveryCodes[0] ?? '')).ok).to.equal(false);
    expect((await factors.recoveryCodes.spend(id, recoveryCodes[1] ?? '')).ok).to.equal(true);
  });

  it('proves the audit trail, which goes on with the restore', async () => {
    const { events } = restored.parts;
    const [told] = (await events.list({ kinds: ['backup.restored'] })).events;
    expect(told?.after).to.have.property('accounts').that.is.greaterThan(seeded);
    await events.sweep();
    for (const { isIntact, fault } of await events.verify()) expect(isIntact, fault?.message).to.equal(true);
    expect((await events.list({ kinds: ['sign-in.succeeded'] })).events.length).to.be.greaterThan(0);
  });

  it('lists every client, which is found by its name', async () => {
    const { registeredClients } = restored.parts.oidc;
    expect(await registeredClients.count()).to.equal(Object.keys(clients).length);
  });

  it('goes back from the Cluster to Sentinel with all that there is', async function () {
    this.timeout(60_000);
    await restored.stop();
    const backwards = join(directory, 'back.backup');
    await run(cluster.url, ['backup', '--to', backwards]);
    expect(await run(cluster.url, ['backup', 'verify', backwards])).to.include('is whole');
    const was = await keptIn(cluster.url);
    await run(sentinel.url, ['restore', '--from', backwards]);
    const [primary] = sentinel.processes.filter(({ role }) => role === 'primary');
    const is = await keptIn(`redis://127.0.0.1:${primary?.port}`);
    const differing = [...was].filter(
      ([name, content]) => !/^\{(audit|sessions|k|limits)\}/.test(name) && is.get(name) !== content,
    );
    expect(differing.map(([name]) => name)).to.deep.equal([]);
    const config = readConfig({
      HOLDFAST_ISSUER: issuer,
      HOLDFAST_KEYS: testKeys,
      REDIS_URL: sentinel.url,
      HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
      HOLDFAST_EXPECT_DATA: 'true',
    });
    const parts = await openParts(config, parseRedisUrl(sentinel.url), createLog('silent', 'test'));
    try {
      expect((await parts.accounts.findByEmail(old.account.email))?.id).to.equal(old.account.id);
      for (const { isIntact } of await parts.events.verify()) expect(isIntact).to.equal(true);
    } finally {
      await parts.close();
    }
  });
});
