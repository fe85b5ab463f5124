import { expect } from 'chai';
import { openParts, type Parts } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { authorize, Person } from '../support/person.ts';
import { freePort, type Pod, startPod, testKeys } from '../support/pods.ts';
import { startCluster, startStandalone, type Topology } from '../support/redis-topologies.ts';
import { begun, callbackOf, entry, openUpstream, type UpstreamFixture } from './upstream-fixture.ts';

const credentials = { email: 'grace@elsewhere.example', password: 'a passphrase for elsewhere' };
const clientSecret = 'a-secret-of-the-other-provider';

/** Another Holdfast, a process of its own on a Redis of its own; ours keeps its data in a Cluster. */
describe('signing in with an account at another Holdfast', () => {
  let theirRedis: Topology;
  let theirs: Pod;
  let theirParts: Parts;
  let ourRedis: Topology;
  let ours: UpstreamFixture;
  let person: Person;

  before(async function () {
    this.timeout(60_000);
    [theirRedis, ourRedis] = await Promise.all([startStandalone({ appendOnly: false }), startCluster()]);
    const port = await freePort();
    const issuer = `http://127.0.0.1:${port}`;
    theirs = await startPod({ name: 'elsewhere', issuer, redisUrl: theirRedis.url, port });
    const config = readConfig({
      HOLDFAST_ISSUER: issuer,
      HOLDFAST_KEYS: testKeys,
      REDIS_URL: theirRedis.url,
      HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
      HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
    });
    theirParts = await openParts(config, parseRedisUrl(theirRedis.url), createLog('silent', 'test'));
    await theirParts.clients.put(
      { client_id: 'holdfast', client_name: 'Here', redirect_uris: [callbackOf('elsewhere')] },
      clientSecret,
    );
    await theirParts.accounts.create({ ...credentials, emailVerified: true, name: 'Grace' });
    ours = await openUpstream(ourRedis.url, [entry('elsewhere', issuer)]);
    person = new Person(issuer, [issuer]);
  });
  after(async () => {
    await Promise.all([theirParts?.close(), theirs?.kill('SIGKILL'), ours?.close()]);
    await Promise.all([theirRedis?.stop(), ourRedis?.stop()]);
  });

  /** Through their pages, as somebody does it. */
  async function finish() {
    const { url, browserSecret } = await begun(ours.upstream, 'elsewhere');
    const { pathname, search } = new URL(url);
    const answer = await authorize(person, pathname + search, credentials, callbackOf('elsewhere'));
    const outcome = await ours.upstream.finish('elsewhere', new URLSearchParams(answer), browserSecret);
    if (!outcome.ok) throw new Error(outcome.problem);
    return outcome.identity;
  }

  it('leads a new person to an account, and the next time to the same', async () => {
    const identity = await finish();
    expect(identity).to.include({ name: 'Grace', email: credentials.email, emailVerified: true });
    expect(await ours.upstream.resolve(identity)).to.deep.equal({ outcome: 'unknown' });

    // What a registration does.
    const { email = '', name = '', emailVerified } = identity;
    const made = await ours.accounts.create({ email, name, emailVerified });
    if (!made.ok) throw new Error(made.problem);
    const { id, epoch } = made.account;
    expect(await ours.upstream.link(id, epoch, identity)).to.include({ ok: true });

    const again = await finish();
    expect(again).to.deep.equal(identity);
    expect(await ours.upstream.resolve(again)).to.deep.equal({ outcome: 'known', accountId: id });
    const [link] = await ours.upstream.list(id);
    const lastWayIn = { ok: false, problem: 'last-way-in' };
    expect(await ours.upstream.unlink(id, link?.identityId ?? '')).to.deep.equal(lastWayIn);
    await ours.upstream.unlinkAll(id);
    expect(await ours.upstream.resolve(again)).to.deep.equal({ outcome: 'sign-in-to-link', accountId: id });
  });
});
