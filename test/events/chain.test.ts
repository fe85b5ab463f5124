import { expect } from 'chai';
import { emptyHead } from '../../src/events/chain.ts';
import { createChainer } from '../../src/events/chainer.ts';
import { createEventStore, usualRoom } from '../../src/events/event-store.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { adminAct, chainAll, type EventFixture, openEvents, signIn, verifyTrail } from './event-fixture.ts';

describe('the chain of the audit trail', () => {
  let redis: Topology;
  const opened: EventFixture[] = [];
  before(async () => {
    redis = await startStandalone({ appendOnly: false });
  });
  after(async () => {
    await Promise.all(opened.map((one) => one.close()));
    await redis?.stop();
  });

  async function open(options: Parameters<typeof openEvents>[1] = {}) {
    const one = await openEvents(redis.url, options);
    opened.push(one);
    return one;
  }

  /** A trail of people with this many events, chained in blocks of at most `sweepEvery` and more. */
  async function trailOf(count: number, sweepEvery = count) {
    const pod = await open();
    for (let i = 0; i < count; i += sweepEvery) {
      for (let j = i; j < Math.min(i + sweepEvery, count); j++) {
        await pod.events.record(signIn({ requestId: `request-${j}` }));
        // No two in the same millisecond, so that there is room between them.
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      await pod.events.sweep();
    }
    return pod;
  }

  const stream = (pod: EventFixture) => pod.store.keys.audit('people');
  const chain = (pod: EventFixture) => pod.store.keys.auditChain('people');
  const anchor = (pod: EventFixture) => pod.store.keys.auditAnchor('people');
  const begun = (pod: EventFixture) => pod.store.keys.auditBegun('people');
  const call = (pod: EventFixture, command: string, ...args: (string | number)[]) =>
    pod.store.call(command, ...args);
  const entries = async (pod: EventFixture) =>
    (await call(pod, 'XRANGE', stream(pod), '-', '+')) as [string, string[]][];
  const links = async (pod: EventFixture) => (await call(pod, 'LRANGE', chain(pod), 0, -1)) as string[];

  /** Writes the whole stream anew, which is how somebody with Redis changes what is in its middle. */
  async function rewrite(pod: EventFixture, change: (all: [string, string[]][]) => [string, string[]][]) {
    const changed = change(await entries(pod));
    await call(pod, 'DEL', stream(pod));
    for (const [id, fields] of changed) await call(pod, 'XADD', stream(pod), id, ...fields);
  }

  async function fault(pod: EventFixture, heads?: string[]): Promise<string> {
    const found = await verifyTrail(pod.events, 'people', heads);
    expect(found.isIntact).to.equal(found.fault === undefined);
    return found.fault?.message ?? 'intact';
  }

  it('is intact when nobody has touched it, and says how much it proves', async () => {
    const pod = await trailOf(7, 3);
    await pod.events.record(signIn());
    await pod.events.record(adminAct());
    const [admin, people] = await pod.events.verify();
    expect(admin).to.deep.equal({
      trail: 'admin',
      isIntact: true,
      events: 1,
      unchained: 1,
      begunAt: admin?.begunAt,
      head: emptyHead('admin'),
    });
    expect(admin?.begunAt).to.be.closeTo(Date.now(), 10_000);
    expect(people).to.include({ trail: 'people', isIntact: true, events: 8, unchained: 1 });
    await pod.events.sweep();
    expect(await verifyTrail(pod.events, 'people')).to.include({ isIntact: true, events: 8, unchained: 0 });
  });

  it('goes over many blocks', async () => {
    const pod = await open();
    for (let i = 0; i < 13; i++) {
      await Promise.all(Array.from({ length: 100 }, () => pod.events.note(signIn())));
      if (i % 5 === 4) await pod.events.sweep();
    }
    await pod.events.sweep();
    expect((await links(pod)).length).to.equal(3);
    expect(await verifyTrail(pod.events, 'people')).to.include({
      isIntact: true,
      events: 1300,
      unchained: 0,
    });
  });

  it('is chained once by twenty pods at the same moment', async () => {
    const first = await open();
    const second = await open({ prefix: first.prefix, pod: 'pod-2' });
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i < 5; i++) await first.events.record(signIn());
      const chainers = Array.from({ length: 20 }, (_, i) => {
        const { parts } = i % 2 ? first : second;
        return createChainer({ ...parts, events: createEventStore({ ...parts, room: usualRoom }) });
      });
      // All have seen the same before the first of them writes.
      const looks = await Promise.all(chainers.map((one) => one.look()));
      await Promise.all(
        chainers.map((one, i) => one.chain('people', (looks[i] ?? looks[0])?.trails.people as never)),
      );
      const found = await verifyTrail(first.events, 'people');
      expect(found, `round ${round}`).to.include({ isIntact: true, events: (round + 1) * 5, unchained: 0 });
    }
    expect(await links(first)).to.have.length(1);
  });

  it('is chained by pods that come and go while others record', async () => {
    const first = await open();
    const second = await open({ prefix: first.prefix, pod: 'pod-2' });
    const recording = Promise.all(
      Array.from({ length: 1500 }, (_, i) => (i % 2 ? first : second).events.note(signIn())),
    );
    for (let i = 0; i < 20; i++) await Promise.all([first.events.sweep(), second.events.sweep()]);
    await recording;
    await chainAll(first.events);
    expect(await verifyTrail(first.events, 'people')).to.include({
      isIntact: true,
      events: 1500,
      unchained: 0,
    });
  });

  it('is looked at in one round trip when there is nothing to do', async () => {
    const pod = await trailOf(3);
    let sent = 0;
    const counted = {
      ...pod.store,
      run: (...args: Parameters<typeof pod.store.run>) => {
        sent += 1;
        return pod.store.run(...args);
      },
      call: (...args: Parameters<typeof pod.store.call>) => {
        sent += 1;
        return pod.store.call(...args);
      },
    };
    const parts = { ...pod.parts, store: counted };
    const chainer = createChainer({ ...parts, events: createEventStore({ ...parts, room: usualRoom }) });
    await chainer.sweep(async (acts) => {
      expect(acts).to.deep.equal([]);
    });
    expect(sent).to.equal(1);
  });

  describe('shows that an event', () => {
    it('was changed', async () => {
      const pod = await trailOf(6, 3);
      await rewrite(pod, (all) =>
        all.map(([id, [name = '', sealed = '']], i) => [
          id,
          [
            name,
            i === 2 ? `${sealed.slice(0, 40)}${sealed[40] === 'A' ? 'B' : 'A'}${sealed.slice(41)}` : sealed,
          ],
        ]),
      );
      const found = await verifyTrail(pod.events, 'people');
      expect(found.fault?.message).to.match(/was changed/);
      const [id = ''] = (await entries(pod))[2] ?? [];
      expect(found.fault?.at).to.equal(Number(id.split('-')[0]));
    });

    it('was replaced by another true one', async () => {
      const pod = await trailOf(6);
      await rewrite(pod, (all) => all.map(([id, fields], i) => [id, i === 4 ? (all[1]?.[1] ?? []) : fields]));
      expect(await fault(pod)).to.match(/second time/);
    });

    it('was taken out', async () => {
      const pod = await trailOf(6);
      const [id = ''] = (await entries(pod))[3] ?? [];
      await call(pod, 'XDEL', stream(pod), id);
      expect(await fault(pod)).to.match(/1 were taken out/);
    });

    it('was put in', async () => {
      const pod = await trailOf(6);
      const other = await trailOf(1);
      await rewrite(pod, (all) => {
        const [id = '', fields = []] = all[2] ?? [];
        const [ms, count] = id.split('-');
        return [...all.slice(0, 3), [`${ms}-${Number(count) + 1}`, fields], ...all.slice(3)];
      });
      expect(await fault(pod)).to.match(/second time/);
      // One that was sealed under other keys, at the end, where Redis lets anybody put it.
      const [[, foreign = []] = []] = await entries(other);
      await call(other, 'XADD', stream(other), '*', 'e', `AAAA${foreign[1]?.slice(4)}`);
      expect(await fault(other)).to.match(/not written by Holdfast/);
      await other.events.sweep();
      expect(await fault(other)).to.match(/not written by Holdfast/);
    });

    it('was put in before all others, or in a gap between two blocks', async () => {
      const donor = await open();
      for (let i = 0; i < 4; i++) {
        await donor.events.record(signIn());
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      const [first] = await entries(donor);
      // A true event of a time that has no block: it was taken out before it was chained.
      await call(donor, 'XDEL', stream(donor), first?.[0] ?? '');
      await donor.events.sweep();
      expect(await fault(donor)).to.equal('intact');
      await rewrite(donor, (all) => [first as [string, string[]], ...all]);
      expect(await fault(donor)).to.match(/was put in at/);
    });

    it('was put in another order', async () => {
      const pod = await trailOf(6);
      await rewrite(pod, (all) => {
        const fields = all.map(([, one]) => one);
        [fields[1], fields[2]] = [fields[2] ?? [], fields[1] ?? []];
        return all.map(([id], i) => [id, fields[i] ?? []]);
      });
      expect(await fault(pod)).to.match(/another order/);
    });

    it('was taken from the end, while the chain still has it', async () => {
      const pod = await trailOf(6, 2);
      const [id = ''] = (await entries(pod)).at(-1) ?? [];
      await call(pod, 'XDEL', stream(pod), id);
      expect(await fault(pod)).to.match(/taken out/);
    });

    it('was moved to another trail', async () => {
      const pod = await trailOf(2);
      await pod.events.record(adminAct());
      const [[, fields = []] = []] = await entries(pod);
      await call(pod, 'XADD', pod.store.keys.audit('admin'), '*', ...fields);
      const found = await verifyTrail(pod.events, 'admin');
      expect(found.fault?.message).to.match(/not written by Holdfast/);
    });
  });

  describe('shows that its end was cut off, to who has kept a head', () => {
    it('when events and links are gone together', async () => {
      const pod = await trailOf(3);
      const early = (await verifyTrail(pod.events, 'people')).head;
      const before = { entries: await entries(pod), links: await links(pod) };
      for (let i = 0; i < 3; i++) await pod.events.record(signIn());
      await pod.events.sweep();
      const late = (await verifyTrail(pod.events, 'people')).head;
      expect(await fault(pod, [early, late])).to.equal('intact');

      // As it was: all that Redis has is consistent in itself.
      await rewrite(pod, () => before.entries);
      await call(pod, 'DEL', chain(pod));
      await call(pod, 'RPUSH', chain(pod), ...before.links);
      expect(await fault(pod)).to.equal('intact');
      expect(await fault(pod, [early])).to.equal('intact');
      expect(await fault(pod, [early, late])).to.match(/end of the trail was cut off/);

      // And it goes on differently from there.
      for (let i = 0; i < 3; i++) await pod.events.record(signIn());
      await pod.events.sweep();
      expect(await fault(pod)).to.equal('intact');
      expect(await fault(pod, [late])).to.match(/another one/);
    });

    it('when all of it is gone', async () => {
      const pod = await trailOf(3);
      const { head } = await verifyTrail(pod.events, 'people');
      await call(pod, 'DEL', stream(pod), chain(pod));
      expect(await fault(pod)).to.match(/All events were taken out/);
      await call(pod, 'DEL', begun(pod));
      expect(await fault(pod)).to.equal('intact');
      expect(await fault(pod, [head])).to.match(/cut off/);
    });

    it('and takes no head of the other trail, or that is none, for its own', async () => {
      const pod = await trailOf(3);
      await pod.events.record(adminAct());
      await pod.events.sweep();
      const { head } = await verifyTrail(pod.events, 'admin');
      expect(await fault(pod, [head, 'nonsense', ''])).to.equal('intact');
    });
  });

  describe('cannot be made by who can write to Redis, but does not have the keys', () => {
    it('by changing an event and what the link says of it', async () => {
      const { digestFrom, digestNext, readLink, writeLink } = await import('../../src/events/chain.ts');
      const pod = await trailOf(4);
      const [link] = (await links(pod)).map(readLink);
      if (!link) throw new Error('no link');
      const [id = ''] = (await entries(pod)).at(-1) ?? [];
      await call(pod, 'XDEL', stream(pod), id);
      const rest = await entries(pod);
      let digest = digestFrom('people', 0);
      for (const entry of rest) digest = digestNext(digest, entry);
      const forged = { ...link, to: rest.at(-1)?.[0] ?? '', count: rest.length, digest };
      await call(pod, 'LSET', chain(pod), 0, writeLink(forged));
      expect(await fault(pod)).to.match(/What proves the events .* was changed/);

      // Nor does the next pod that chains make the forged link true.
      await pod.events.record(signIn());
      await pod.events.sweep();
      expect(await fault(pod)).to.match(/What proves the events .* was changed/);
      expect(await pod.readLog()).to.match(/chain of the audit trail is damaged/);
    });

    it('by taking out a link, or by putting two in another order', async () => {
      const pod = await open();
      for (let i = 0; i < 3; i++) {
        for (let j = 0; j < 6; j++) {
          await Promise.all(Array.from({ length: 100 }, () => pod.events.note(signIn())));
        }
        await pod.events.sweep();
      }
      const [one = '', two = '', ...rest] = await links(pod);
      expect(rest.length).to.be.greaterThan(0);
      await call(pod, 'LREM', chain(pod), 1, two);
      expect(await fault(pod)).to.match(/taken out/);
      await call(pod, 'DEL', chain(pod));
      await call(pod, 'RPUSH', chain(pod), two, one, ...rest);
      expect(await fault(pod)).to.match(/beginning|taken out/);
      await call(pod, 'DEL', chain(pod));
      await call(pod, 'RPUSH', chain(pod), 'nonsense', one, two, ...rest);
      expect(await fault(pod)).to.match(/cannot be read/);
      await call(pod, 'LPOP', chain(pod));
      expect(await fault(pod)).to.equal('intact');
    });

    it('by a note that the oldest events were let go of', async () => {
      const pod = await open();
      for (let j = 0; j < 6; j++) {
        await Promise.all(Array.from({ length: 100 }, () => pod.events.note(signIn())));
      }
      await pod.events.sweep();
      const { readLink, writeAnchor } = await import('../../src/events/chain.ts');
      const [text = ''] = await links(pod);
      const first = readLink(text);
      if (!first) throw new Error('no link');
      await call(pod, 'LPOP', chain(pod));
      await call(
        pod,
        'XTRIM',
        stream(pod),
        'MINID',
        `${first.to.split('-')[0]}-${Number(first.to.split('-')[1]) + 1}`,
      );
      expect(await fault(pod)).to.match(/beginning of the trail was taken out/);
      const forged = {
        index: 1,
        previousMac: first.mac,
        to: first.to,
        gone: first.count,
        reason: 'age' as const,
        mac: first.mac,
      };
      await call(pod, 'SET', pod.store.keys.auditAnchor('people'), writeAnchor(forged));
      expect(await fault(pod)).to.match(/forged/);
      // Letting go of more must not put a true note in its place.
      pod.days.people = 0;
      await pod.events.sweep();
      expect(await fault(pod)).to.match(/forged/);
    });
  });

  it('is not begun anew over what somebody has left of a trail, be it ever so young', async () => {
    const pod = await trailOf(6);
    const second = await open({ prefix: pod.prefix });
    await call(pod, 'XDEL', stream(pod), (await entries(pod))[2]?.[0] ?? '');
    await call(pod, 'DEL', chain(pod), anchor(pod));
    await pod.events.record(signIn());
    for (const one of [pod, second]) await one.events.sweep();
    expect(await fault(pod)).to.match(/All that proved the events was taken out/);
    expect(await pod.readLog()).to.match(/chain of the audit trail is damaged/);
  });

  describe('shows that it was made anew by pods, over what somebody had changed', () => {
    const minute = 60_000;
    /** A trail that was recorded and chained so long ago: pods sign what they are told of that time. */
    async function oldTrailOf(blocks: number, agoMs = 30 * minute) {
      const pod = await open();
      const key = pod.ring.key('audit-chain');
      const { digestFrom, digestNext, linkMac, writeBeginning, writeLink } = await import(
        '../../src/events/chain.ts'
      );
      const { keptOf } = await import('../../src/events/event-record.ts');
      const began = Date.now() - agoMs;
      const record = (isChained: boolean) => writeBeginning(key, 'people', { at: began, isChained });
      await call(pod, 'SET', begun(pod), record(true));
      let previousMac = '';
      for (let index = 0; index < blocks; index++) {
        let digest = digestFrom('people', index);
        const ids: string[] = [];
        for (let i = 0; i < 4; i++) {
          const id = `${began + index * minute + i}-0`;
          const kept = { ...keptOf(signIn(), 'success', 'pod-1'), sealedAt: began + index * minute + i };
          const fields = ['e', pod.ring.seal('audit', 'people', JSON.stringify(kept))];
          await call(pod, 'XADD', stream(pod), id, ...fields);
          digest = digestNext(digest, [id, fields]);
          ids.push(id);
        }
        const link = { index, from: ids[0] ?? '', to: ids[3] ?? '', count: 4, lateMs: 900, digest };
        const mac = linkMac(key, 'people', previousMac, link);
        await call(pod, 'RPUSH', chain(pod), writeLink({ ...link, mac }));
        previousMac = mac;
      }
      expect(await fault(pod)).to.equal('intact');
      return { pod, notChained: record(false) };
    }

    it('after all that proved it was taken away', async () => {
      const { pod, notChained } = await oldTrailOf(3);
      const second = await open({ prefix: pod.prefix });
      await call(pod, 'XDEL', stream(pod), (await entries(pod))[2]?.[0] ?? '');
      await call(pod, 'DEL', chain(pod), anchor(pod));
      for (const one of [pod, second, pod]) await one.events.sweep();
      expect(await links(pod)).to.deep.equal([]);
      expect(await fault(pod)).to.match(/All that proved the events was taken out/);
      // Whoever had a copy of the second in which there was no chain yet makes pods begin one.
      await call(pod, 'SET', begun(pod), notChained);
      for (const one of [pod, second, pod]) await one.events.sweep();
      expect(await links(pod)).to.not.have.length(0);
      expect(await fault(pod)).to.match(/chained 30 minutes late/);
    });

    it('after its links were cut off from one on, or the last was set back', async () => {
      const { pod } = await oldTrailOf(4);
      const all = await links(pod);
      await pod.events.sweep();
      await call(pod, 'XDEL', stream(pod), (await entries(pod))[9]?.[0] ?? '');
      await call(pod, 'LTRIM', chain(pod), 0, 1);
      await pod.events.sweep();
      expect((await links(pod))[0]).to.equal(all[0]);
      expect(await fault(pod)).to.match(/chained 2\d minutes late/);
    });

    it('also when a new beginning is made for it, or the old one is put back', async () => {
      const { pod, notChained: old } = await oldTrailOf(2);
      const [, ...rest] = await entries(pod);
      await call(pod, 'DEL', chain(pod), stream(pod), begun(pod));
      await pod.events.record(signIn());
      const fresh = (await call(pod, 'GET', begun(pod))) as string;
      expect(fresh).to.not.equal(old);
      const [[id = '', fields = []] = []] = await entries(pod);
      await rewrite(pod, () => [...rest, [id, fields]]);
      await pod.events.sweep();
      expect(await fault(pod)).to.match(/beginning of the trail was taken out, or put before it/);
      await call(pod, 'SET', begun(pod), old);
      expect(await fault(pod)).to.match(/chained 30 minutes late/);
      // Without the old ones, the old beginning is not theirs.
      await rewrite(pod, () => [[id, fields]]);
      await call(pod, 'DEL', chain(pod));
      await call(pod, 'SET', begun(pod), old);
      await pod.events.sweep();
      expect(await fault(pod)).to.match(/beginning of the trail was taken out/);
    });

    it('and pods do not begin a chain over what is left when its beginning is gone as well', async () => {
      const pod = await trailOf(4);
      await call(pod, 'XDEL', stream(pod), (await entries(pod))[1]?.[0] ?? '');
      await call(pod, 'DEL', chain(pod), anchor(pod), begun(pod));
      await pod.events.record(signIn());
      await pod.events.sweep();
      expect(await links(pod)).to.deep.equal([]);
      expect(await fault(pod)).to.match(/record of the beginning of the trail was taken out/);
      await call(pod, 'SET', begun(pod), `${Date.now()} ${'A'.repeat(43)}`);
      await pod.events.sweep();
      expect(await links(pod)).to.deep.equal([]);
      expect(await fault(pod)).to.match(/record of the beginning of the trail is forged/);
    });

    it('and pods do not let go of a block that somebody has made older', async () => {
      const { readLink, writeLink } = await import('../../src/events/chain.ts');
      const { pod } = await oldTrailOf(2);
      const [text = ''] = await links(pod);
      const first = readLink(text);
      if (!first) throw new Error('no link');
      await call(pod, 'LSET', chain(pod), 0, writeLink({ ...first, to: '1000-0' }));
      for (const [id] of (await entries(pod)).slice(0, 4)) await call(pod, 'XDEL', stream(pod), id);
      await pod.events.sweep();
      expect(await call(pod, 'EXISTS', anchor(pod))).to.equal(0);
      expect(await fault(pod)).to.match(/was changed/);
    });

    it('but not that Redis was away after something was recorded', async () => {
      const pod = await open();
      let isLater = false;
      const store: typeof pod.store = {
        ...pod.store,
        async run(name, ...rest) {
          const found = await pod.store.run(name, ...rest);
          if (name !== 'audit-look' || !isLater) return found;
          const all = found as unknown[];
          return [...all.slice(0, -1), String(Number(all.at(-1)) + 30 * minute)];
        },
      };
      const parts = { ...pod.parts, store };
      const create = () =>
        createChainer({ ...parts, events: createEventStore({ ...parts, room: usualRoom }) });
      const lasting = create();
      await lasting.sweep(async () => {});
      await pod.events.record(signIn());
      const beforeChain = (await call(pod, 'GET', begun(pod))) as string;
      isLater = true;
      await lasting.sweep(async () => {});
      expect(await fault(pod)).to.equal('intact');
      // Who was not there before cannot tell.
      await call(pod, 'DEL', chain(pod));
      await call(pod, 'SET', begun(pod), beforeChain);
      await create().sweep(async () => {});
      expect(await fault(pod)).to.match(/chained 30 minutes late/);
    });
  });

  it('tells its head to the log, once for all pods', async () => {
    const first = await open();
    const second = await open({ prefix: first.prefix, pod: 'pod-2' });
    await first.events.record(signIn());
    await Promise.all([first.events.sweep(), second.events.sweep()]);
    await first.events.record(signIn());
    await second.events.sweep();
    const told = `${await first.readLog()}${await second.readLog()}`
      .split('\n')
      .filter((line) => line.includes('"head"'));
    expect(told).to.have.length(1);
    const { head } = JSON.parse(told[0] ?? '{}') as { head: string };
    expect(await fault(first, [head])).to.equal('intact');
  });
});
