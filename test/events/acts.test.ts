import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Unavailable } from '../../src/errors.ts';
import { createEvents } from '../../src/events/create-events.ts';
import type { Store } from '../../src/redis/redis.ts';
import { interrupted, Killed } from '../accounts/account-fixture.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { adminAct, type EventFixture, openEvents } from './event-fixture.ts';

describe('an act of an administrator', () => {
  let redis: Topology;
  const opened: EventFixture[] = [];
  before(async () => {
    redis = await startStandalone({ appendOnly: false });
  });
  after(async () => {
    await Promise.all(opened.map((one) => one.close()));
    await redis?.stop();
  });

  async function open(prefix?: string) {
    const one = await openEvents(redis.url, prefix === undefined ? {} : { prefix });
    opened.push(one);
    return one;
  }

  const { outcome: _, ...draft } = adminAct();
  const all = async ({ events }: EventFixture) => (await events.list({})).events;
  const underWay = ({ store }: EventFixture) => store.call('HLEN', store.keys.auditIntended());

  /** As if a minute had passed without a sign of life. */
  async function letAllBeSilent({ store }: EventFixture) {
    const ids = (await store.call('ZRANGE', store.keys.auditActs(), 0, -1)) as string[];
    for (const id of ids) await store.call('ZADD', store.keys.auditActs(), Date.now() - 61_000, id);
    return ids.length;
  }

  it('is in the trail with its outcome and what it changed', async () => {
    const pod = await open();
    const done = await pod.events.act(
      draft,
      async () => ({ ok: true as const, id: 'made' }),
      ({ id }) => ({ after: { id }, target: { kind: 'client', id } }),
    );
    expect(done).to.deep.equal({ ok: true, id: 'made' });
    const [event, ...others] = await all(pod);
    expect(others).to.deep.equal([]);
    expect(event).to.deep.include({
      kind: 'client.updated',
      outcome: 'success',
      after: { id: 'made' },
      target: { kind: 'client', id: 'made' },
    });
    expect(await underWay(pod)).to.equal(0);
  });

  it('is a failure with the reason when it was refused', async () => {
    const pod = await open();
    await pod.events.act(draft, async () => ({ ok: false as const, problem: 'not-found' }));
    expect((await all(pod))[0]).to.include({ outcome: 'failure', reason: 'not-found' });
  });

  it('is a failure when it broke, without what the error says, and the error goes on', async () => {
    const pod = await open();
    const broken = pod.events.act(draft, async () => {
      throw new TypeError('the password was hunter2');
    });
    const error = await broken.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(TypeError);
    const [event] = await all(pod);
    expect(event).to.include({ outcome: 'failure', reason: 'error: TypeError' });
    expect(JSON.stringify(event)).to.not.include('hunter2');
  });

  it('has an unknown outcome when Redis was away in the middle of it', async () => {
    const pod = await open();
    const away = pod.events.act(draft, async () => {
      throw new Unavailable('away');
    });
    expect(await away.catch((error: unknown) => error)).to.be.instanceOf(Unavailable);
    expect((await all(pod))[0]).to.include({ outcome: 'unknown', reason: 'unavailable' });
    expect(await underWay(pod)).to.equal(0);
  });

  it('is not begun when its intention cannot be kept', async () => {
    const pod = await open();
    const down: Store = { ...pod.store, run: () => Promise.reject(new Unavailable('away')) };
    let isDone = false;
    const refused = createEvents({ ...pod.parts, store: down }).act(draft, async () => {
      isDone = true;
      return { ok: true };
    });
    expect(await refused.catch((error: unknown) => error)).to.be.instanceOf(Unavailable);
    expect(isDone).to.equal(false);
  });

  it('is not begun when its intention is not as durable as configured', async () => {
    const pod = await open();
    const lost: Store = { ...pod.store, settle: () => Promise.reject(new Unavailable('no replica')) };
    let isDone = false;
    const refused = createEvents({ ...pod.parts, store: lost }).act(draft, async () => {
      isDone = true;
      return { ok: true };
    });
    expect(await refused.catch((error: unknown) => error)).to.be.instanceOf(Unavailable);
    expect(isDone).to.equal(false);
  });

  it('is told as unknown, once, when its pod was killed in the middle of it', async () => {
    const pod = await open();
    const other = await open(pod.prefix);
    const child: ChildProcess = fork(fileURLToPath(new URL('./act-child.ts', import.meta.url)), [
      redis.url,
      pod.prefix,
    ]);
    await once(child, 'message');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await pod.events.sweep();
    expect(await all(pod), 'a pod may still be at it').to.deep.equal([]);
    expect(await letAllBeSilent(pod)).to.equal(1);
    await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? pod : other).events.sweep()));
    const found = await all(pod);
    expect(found).to.have.length(1);
    expect(found[0]).to.deep.include({
      outcome: 'unknown',
      reason: 'interrupted',
      pod: 'pod-killed',
      requestId: 'request-killed',
      actor: draft.actor,
    });
    expect(await underWay(pod)).to.equal(0);
  });

  it('is in the trail wherever its pod dies, and its work is never done without that', async () => {
    for (let at = 0; ; at++) {
      const pod = await open();
      const dying = interrupted(pod.store, at, async () => {
        throw new Killed();
      });
      let isDone = false;
      await createEvents({ ...pod.parts, store: dying.store })
        .act(draft, async () => {
          isDone = true;
          return { ok: true };
        })
        .catch(() => {});
      await letAllBeSilent(pod);
      await pod.events.sweep();
      const found = await all(pod);
      if (isDone) expect(found, `killed before command ${at}`).to.have.length(1);
      if (dying.count() <= at) {
        expect(isDone).to.equal(true);
        expect(found[0]?.outcome).to.equal('success');
        break;
      }
    }
  });

  it('is told with its outcome as soon as Redis is back, when it was away at the end', async () => {
    const pod = await open();
    let isAway = false;
    const store: Store = {
      ...pod.store,
      run: (...args) => (isAway ? Promise.reject(new Unavailable('away')) : pod.store.run(...args)),
    };
    const done = await createEvents({ ...pod.parts, store }).act(draft, async () => {
      isAway = true;
      return { ok: true };
    });
    expect(done).to.deep.equal({ ok: true });
    expect(await underWay(pod)).to.equal(1);
    isAway = false;
    while ((await all(pod)).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await all(pod))[0]).to.include({ outcome: 'success' });
    expect(await underWay(pod)).to.equal(0);
  });

  it('that nobody began cannot be put among those under way', async () => {
    const pod = await open();
    await pod.store.call('HSET', pod.store.keys.auditIntended(), 'forged', 'nonsense');
    await pod.store.call('ZADD', pod.store.keys.auditActs(), 1, 'forged');
    await pod.events.sweep();
    expect((await all(pod))[0]).to.include({ kind: 'access.refused', reason: 'forged-act' });
    expect(await underWay(pod)).to.equal(0);
  });
});
