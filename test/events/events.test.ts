import { expect } from 'chai';
import type { RecordedEvent } from '../../src/events/events.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { adminAct, type EventFixture, openEvents, signIn, somebody } from './event-fixture.ts';

describe('the audit trail', () => {
  let redis: Topology;
  const opened: EventFixture[] = [];
  before(async () => {
    redis = await startStandalone({ appendOnly: false });
  });
  after(async () => {
    await Promise.all(opened.map((one) => one.close()));
    await redis?.stop();
  });

  async function pods() {
    const one = await openEvents(redis.url);
    const two = await openEvents(redis.url, { prefix: one.prefix, pod: 'pod-2' });
    opened.push(one, two);
    return [one, two] as const;
  }

  const kindsOf = (found: RecordedEvent[]) => found.map(({ kind }) => kind);

  it('tells on any pod what happened, the latest first, with who, where and on which pod', async () => {
    const [here, there] = await pods();
    await here.events.record(signIn());
    await there.events.record(adminAct({ before: { name: 'Notes' }, after: { name: 'Harbour Notes' } }));
    const { events, cursor } = await here.events.list({});
    expect(kindsOf(events)).to.deep.equal(['client.updated', 'sign-in.succeeded']);
    expect(cursor).to.equal(undefined);
    expect(events[0]).to.deep.include({
      trail: 'admin',
      pod: 'pod-2',
      outcome: 'success',
      before: { name: 'Notes' },
      after: { name: 'Harbour Notes' },
      requestId: 'request-0002',
      target: { kind: 'client', id: 'notes', name: 'Harbour Notes' },
    });
    expect(events[1]).to.deep.include({
      trail: 'people',
      pod: 'pod-1',
      actor: somebody,
      address: '192.0.2.7',
      browser: 'Firefox, Linux',
      clientId: 'notes',
    });
    expect(events[1]?.at).to.be.closeTo(Date.now(), 10_000);
    expect(await there.events.find(events[1]?.id ?? '')).to.deep.equal(events[1]);
    expect(await there.events.find('p0')).to.equal(undefined);
    expect(await there.events.find('../etc')).to.equal(undefined);
  });

  it('gives no two events the same id, and keeps them in order, however many come at once', async () => {
    const [here, there] = await pods();
    const all = Array.from({ length: 400 }, (_, i) =>
      (i % 2 ? here : there).events.record(i % 3 ? signIn() : adminAct()),
    );
    await Promise.all(all);
    const blocks = [];
    for await (const block of here.events.export({})) blocks.push(block);
    const ids = blocks.flat().map(({ id }) => id);
    expect(new Set(ids).size).to.equal(400);
    const numbers = ids.map((id) => Number.parseInt(id.slice(1), 36));
    expect(numbers).to.deep.equal([...numbers].sort((a, b) => a - b));
  });

  describe('is searched', () => {
    let pod: EventFixture;
    before(async () => {
      [pod] = await pods();
      const { record } = pod.events;
      await record(signIn({ requestId: 'r-1' }));
      await record(signIn({ actor: { kind: 'account', id: 'acc-ben' }, clientId: 'wiki', requestId: 'r-2' }));
      await record(
        signIn({
          kind: 'sign-in.failed',
          outcome: 'failure',
          reason: 'wrong-password',
          actor: { kind: 'anonymous', name: 'Ida@example.org' },
          target: { kind: 'account', id: 'acc-ida' },
          requestId: 'r-3',
        }),
      );
      await record(
        signIn({
          kind: 'sign-in.failed',
          outcome: 'failure',
          reason: 'no-account',
          actor: { kind: 'anonymous', name: 'idaa@example.org' },
          requestId: 'r-4',
        }),
      );
      await record(adminAct({ requestId: 'r-5' }));
      await record(
        adminAct({
          kind: 'account.disabled',
          target: { kind: 'account', id: 'acc-ida', name: 'ida@example.org' },
          requestId: 'r-6',
        }),
      );
      await record(adminAct({ outcome: 'failure', reason: 'changed', requestId: 'r-7' }));
    });

    const found = async (query: Parameters<EventFixture['events']['list']>[0]) =>
      (await pod.events.list(query)).events.map(({ requestId }) => requestId);

    it('by request, which is how a person can be told why they could not sign in', async () => {
      const { events } = await pod.events.list({ requestId: 'r-3' });
      expect(events).to.have.length(1);
      expect(events[0]).to.include({ kind: 'sign-in.failed', reason: 'wrong-password' });
    });

    it('by account, as the one who acts or is acted on', async () => {
      expect(await found({ accountId: 'acc-ida' })).to.deep.equal(['r-6', 'r-3', 'r-1']);
    });

    it('by actor', async () => {
      expect(await found({ actorId: 'acc-olga' })).to.deep.equal(['r-7', 'r-6', 'r-5']);
      expect(await found({ actorId: 'acc-ida' })).to.deep.equal(['r-1']);
    });

    it('by account or actor, apart from what else has the same id', async () => {
      const [{ events }] = await pods();
      const id = 'same-id';
      await events.record(signIn({ actor: { kind: 'account', id }, requestId: 'by-account' }));
      await events.record(signIn({ actor: { kind: 'client', id }, requestId: 'by-client' }));
      const requests = async (query: object) =>
        (await events.list(query)).events.map(({ requestId }) => requestId);
      expect(await requests({ accountId: id })).to.deep.equal(['by-account']);
      expect(await requests({ actorId: id })).to.deep.equal(['by-client', 'by-account']);
    });

    it('by client, as where somebody signed in or what was changed', async () => {
      expect(await found({ clientId: 'wiki' })).to.deep.equal(['r-2']);
      expect(await found({ clientId: 'notes' })).to.deep.equal(['r-7', 'r-5', 'r-4', 'r-3', 'r-1']);
    });

    it('by what was typed, also where there is no such account', async () => {
      expect(await found({ email: 'IDAA@example.org ' })).to.deep.equal(['r-4']);
      expect(await found({ email: 'ida@example.org' })).to.deep.equal(['r-3']);
    });

    it('by kind, trail and outcome, and all of these together', async () => {
      expect(await found({ kinds: ['sign-in.failed'] })).to.deep.equal(['r-4', 'r-3']);
      expect(await found({ kinds: ['sign-in.failed', 'account.disabled'] })).to.deep.equal([
        'r-6',
        'r-4',
        'r-3',
      ]);
      expect(await found({ trail: 'admin' })).to.deep.equal(['r-7', 'r-6', 'r-5']);
      expect(await found({ outcome: 'failure' })).to.deep.equal(['r-7', 'r-4', 'r-3']);
      expect(await found({ trail: 'people', accountId: 'acc-ida', outcome: 'failure' })).to.deep.equal([
        'r-3',
      ]);
      expect(await found({ kinds: ['account.disabled'], trail: 'people' })).to.deep.equal([]);
    });

    it('by time, to the millisecond', async () => {
      const { events } = await pod.events.list({});
      const [latest, ...older] = events;
      const at = latest?.at ?? 0;
      expect(await found({ from: at + 1 })).to.deep.equal([]);
      expect(await found({ from: at })).to.include('r-7');
      expect(await found({ to: (older.at(-1)?.at ?? 0) - 1 })).to.deep.equal([]);
      expect(await found({ from: 0, to: at })).to.have.length(7);
    });

    it('page by page, with each event once', async () => {
      const filters: Parameters<typeof found>[0][] = [
        {},
        { clientId: 'notes' },
        { kinds: ['sign-in.failed', 'client.updated'] },
      ];
      for (const filter of filters) {
        const whole = await found(filter);
        const pages: (string | undefined)[] = [];
        let cursor: string | undefined;
        do {
          const page = await pod.events.list({ ...filter, count: 2, ...(cursor ? { cursor } : {}) });
          expect(page.events.length).to.be.at.most(2);
          pages.push(...page.events.map(({ requestId }) => requestId));
          cursor = page.cursor;
        } while (cursor !== undefined);
        expect(pages).to.deep.equal(whole);
      }
    });

    it('with a cursor that leads nowhere when somebody made it up', async () => {
      for (const cursor of [
        '',
        '-1',
        '+',
        '(0',
        '0) 0',
        'zzzzzzzzzzzz',
        '1e9',
        '../..',
        '{audit}:last',
        '🙂',
      ]) {
        expect(await pod.events.list({ cursor }), cursor).to.deep.equal({ events: [], cursor: undefined });
      }
      expect((await pod.events.list({ cursor: '0' })).events).to.deep.equal([]);
    });
  });

  it('ends a page that finds little before it has looked at everything, and goes on from there', async () => {
    const [pod] = await pods();
    await pod.events.record(signIn({ requestId: 'needle', outcome: 'failure', kind: 'sign-in.refused' }));
    for (let i = 0; i < 12; i++) {
      await Promise.all(Array.from({ length: 500 }, () => pod.events.note(signIn())));
    }
    const first = await pod.events.list({ outcome: 'failure' });
    expect(first.events).to.deep.equal([]);
    expect(first.cursor).to.be.a('string');
    const second = await pod.events.list({ outcome: 'failure', cursor: first.cursor ?? '' });
    expect(second.events.map(({ requestId }) => requestId)).to.deep.equal(['needle']);
    expect(second.cursor).to.equal(undefined);
  });

  it('is exported from the oldest on, in blocks', async () => {
    const [pod] = await pods();
    for (let i = 0; i < 1100; i += 100) {
      await Promise.all(Array.from({ length: 100 }, () => pod.events.note(signIn())));
    }
    await pod.events.record(adminAct());
    const sizes: number[] = [];
    const kinds: string[] = [];
    for await (const block of pod.events.export({})) {
      sizes.push(block.length);
      kinds.push(...kindsOf(block));
    }
    expect(kinds).to.have.length(1101);
    expect(kinds.at(-1)).to.equal('client.updated');
    expect(Math.max(...sizes)).to.be.at.most(500);
    const some = [];
    for await (const block of pod.events.export({ kinds: ['client.updated'] })) some.push(...block);
    expect(kindsOf(some)).to.deep.equal(['client.updated']);
  });

  describe('is watched', () => {
    it('from now on, and the watcher is told as soon as something happens on another pod', async () => {
      const [here, there] = await pods();
      await here.events.record(signIn());
      const now = await here.events.after(undefined, {}, 0);
      expect(now.events).to.deep.equal([]);
      const waiting = here.events.after(now.last, {}, 10_000);
      const recording = there.events.record(adminAct());
      const next = await waiting;
      await recording;
      expect(kindsOf(next.events)).to.deep.equal(['client.updated']);
      const later = await here.events.after(next.last, {}, 0);
      expect(later.events).to.deep.equal([]);
    });

    it('with each event once, and none left out, while many pods record', async () => {
      const [here, there] = await pods();
      const seen: string[] = [];
      let last = (await here.events.after(undefined, {}, 0)).last;
      const recording = Promise.all(
        Array.from({ length: 300 }, (_, i) =>
          (i % 2 ? here : there).events.record(i % 5 ? signIn() : adminAct()),
        ),
      );
      while (seen.length < 300) {
        const page = await here.events.after(last, {}, 2000);
        if (page.events.length === 0) break;
        seen.push(...page.events.map(({ id }) => id));
        last = page.last;
      }
      await recording;
      expect(seen).to.have.length(300);
      expect(new Set(seen).size).to.equal(300);
    });

    it('by trail and kind, past what does not fit', async () => {
      const [pod] = await pods();
      const { last } = await pod.events.after(undefined, {}, 0);
      await pod.events.record(signIn());
      const none = await pod.events.after(last, { trail: 'admin' }, 0);
      expect(none.events).to.deep.equal([]);
      await pod.events.record(adminAct());
      const some = await pod.events.after(none.last, { kinds: ['client.updated'] }, 5000);
      expect(kindsOf(some.events)).to.deep.equal(['client.updated']);
    });

    it('until the watcher leaves', async () => {
      const [pod] = await pods();
      const leaving = new AbortController();
      const waiting = pod.events.after(undefined, {}, 60_000, leaving.signal);
      leaving.abort();
      expect((await waiting).events).to.deep.equal([]);
    });
  });

  it('counts sign-ins by the hour and by the client', async () => {
    const [here, there] = await pods();
    for (const clientId of ['notes', 'notes', 'wiki']) await here.events.record(signIn({ clientId }));
    await there.events.record(signIn({ kind: 'sign-in.failed', outcome: 'failure' }));
    const hours = await there.events.signInsByHour(48);
    expect(hours).to.have.length(48);
    expect(hours.reduce((sum, { succeeded }) => sum + succeeded, 0)).to.equal(3);
    expect(hours.reduce((sum, { failed }) => sum + failed, 0)).to.equal(1);
    expect(hours.slice(-2).reduce((sum, { succeeded }) => sum + succeeded, 0)).to.equal(3);
    for (const [at, { hour }] of hours.entries()) {
      expect(hour % 3_600_000).to.equal(0);
      if (at > 0) expect(hour - (hours[at - 1]?.hour ?? 0)).to.equal(3_600_000);
    }
    expect(await here.events.topClients(7)).to.deep.equal([
      { clientId: 'notes', signIns: 2 },
      { clientId: 'wiki', signIns: 1 },
    ]);
  });
});
