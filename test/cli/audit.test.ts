import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { openParts, type Parts } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import type { RecordedEvent, Verification } from '../../src/events/events.ts';
import { createLog } from '../../src/log.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { adminAct, signIn } from '../events/event-fixture.ts';
import { testKeys } from '../support/pods.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';

describe('the audit trail on the command line', () => {
  let redis: Topology;
  let parts: Parts;
  const environment = () => ({
    REDIS_URL: redis.url,
    HOLDFAST_ISSUER: 'https://id.example.com',
    HOLDFAST_KEYS: testKeys,
    HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
  });

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    parts = await openParts(readConfig(environment()), parseRedisUrl(redis.url), createLog('silent', 'test'));
    await parts.events.record(signIn({ requestId: 'request-one' }));
    await parts.events.record(signIn({ kind: 'sign-in.failed', outcome: 'failure', reason: 'no-account' }));
    await parts.events.record(adminAct());
    await parts.events.sweep();
  });
  after(async () => {
    await parts?.close();
    await redis?.stop();
  });

  function start(args: string[]): ChildProcess {
    return spawn(process.execPath, ['src/cli/holdfast.ts', ...args], {
      env: { PATH: process.env.PATH, ...environment() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async function holdfast(...args: string[]) {
    const child = start(args);
    const [out, err] = await Promise.all([
      text(child.stdout ?? process.stdin),
      text(child.stderr ?? process.stdin),
      once(child, 'exit'),
    ]);
    return { code: child.exitCode, out, err };
  }

  it('has an import and an export of accounts, once each, with how many', async () => {
    const file = join(tmpdir(), `accounts-${randomBytes(6).toString('hex')}.jsonl`);
    const out = `${file}.out`;
    try {
      const rows = Array.from({ length: 3 }, (_, i) => JSON.stringify({ email: `import-${i}@example.org` }));
      writeFileSync(file, [...rows, JSON.stringify({ email: 'none' })].join('\n'));
      const imports = ['account', 'import', '--format', 'holdfast', '--file', file];
      await holdfast(...imports, '--dry-run');
      const imported = await holdfast(...imports);
      expect(imported.out, imported.err).to.include('Created 3');
      const exported = await holdfast('account', 'export', '--file', out);
      expect(exported.code, exported.err).to.equal(0);
      const { events } = await parts.events.list({ kinds: ['accounts.imported', 'accounts.exported'] });
      expect(events.map(({ kind, outcome }) => [kind, outcome])).to.deep.equal([
        ['accounts.exported', 'success'],
        ['accounts.imported', 'success'],
      ]);
      expect(events[0]?.after).to.include({ accounts: 3, hashesIncluded: false });
      expect(events[1]?.after).to.include({ created: 3, refused: 1, skipped: 0, format: 'holdfast' });
      expect(events[1]?.actor).to.include({ kind: 'operator' });
      expect(JSON.stringify(events)).to.not.include('import-0@');
      // A command leaves nothing behind that is not chained, also where no pod runs.
      expect((await parts.events.verify()).map(({ unchained }) => unchained)).to.deep.equal([0, 0]);
    } finally {
      rmSync(file, { force: true });
      rmSync(out, { force: true });
    }
  });

  it('is proved, against heads that were kept', async () => {
    const proved = await holdfast('audit', 'verify', '--json');
    expect(proved.code, proved.err).to.equal(0);
    const { trails } = JSON.parse(proved.out) as { trails: Verification[] };
    expect(trails.map(({ isIntact, events }) => [isIntact, events])).to.deep.equal([
      [true, 3],
      [true, 2],
    ]);
    const heads = trails.flatMap(({ head }) => ['--head', head]);
    expect((await holdfast('audit', 'verify', ...heads)).out).to.match(/Administrators: intact, 3 events/);
    const beyond = (trails[1]?.head ?? '').replace(/:2:(?=\d+:[^:]+$)/, ':3:');
    const cut = await holdfast('audit', 'verify', '--head', beyond);
    expect(cut.code).to.equal(1);
    expect(cut.out)
      .to.match(/People: NOT INTACT/)
      .and.match(/cut off/);
  });

  it('is listed by any filter', async () => {
    const listed = await holdfast('audit', 'list', '--kind', 'sign-in.failed');
    expect(listed.code, listed.err).to.equal(0);
    expect(listed.out.trim().split('\n')).to.have.length(1);
    expect(listed.out).to.include('failure (no-account)').and.include('from 192.0.2.7');
    const one = await holdfast('audit', 'list', '--request', 'request-one', '--json');
    expect((JSON.parse(one.out) as { events: RecordedEvent[] }).events).to.have.length(1);
  });

  it('says which values it takes', async () => {
    const wrong = await holdfast('audit', 'list', '--kind', 'sign-in');
    expect(wrong.code).to.equal(1);
    expect(wrong.err).to.include('--kind must be one of').and.not.include('    at ');
    expect((await holdfast('audit', 'export', '--from', 'yesterday')).err).to.include(
      '--from must be a time',
    );
  });

  it('is exported as one object a line, which is itself recorded', async () => {
    const exported = await holdfast('audit', 'export', '--trail', 'people', '--from', '2020-01-01');
    expect(exported.code, exported.err).to.equal(0);
    const events = exported.out
      .trim()
      .split('\n')
      .map((one) => JSON.parse(one) as RecordedEvent);
    expect(events.map(({ kind }) => kind)).to.deep.equal(['sign-in.succeeded', 'sign-in.failed']);
    const [noted] = (await parts.events.list({ kinds: ['audit.exported'] })).events;
    expect(noted?.actor.kind).to.equal('operator');
    expect(noted?.after).to.include({ trail: 'people' });
  });

  it('is exported to a file for its owner alone, and overwrites none', async () => {
    const path = join(tmpdir(), `holdfast-audit-${randomBytes(6).toString('hex')}.ndjson`);
    try {
      const first = await holdfast('audit', 'export', '--kind', 'client.updated', '--file', path);
      expect(first.out, first.err).to.include('Wrote 1 events');
      expect(JSON.parse(readFileSync(path, 'utf8'))).to.include({ kind: 'client.updated' });
      expect(statSync(path).mode & 0o777).to.equal(0o600);
      const second = await holdfast('audit', 'export', '--file', path);
      expect(second.code).to.equal(1);
      expect(second.err).to.include('is there already');
    } finally {
      rmSync(path, { force: true });
    }
  });

  it('is followed until it is interrupted', async () => {
    const child = start(['audit', 'tail', '--kind', 'client.deleted', '--json']);
    const ended = once(child, 'exit');
    let out = '';
    child.stdout?.on('data', (chunk) => {
      out += chunk;
    });
    while (!out.includes('\n') && child.exitCode === null) {
      await parts.events.record(adminAct({ kind: 'client.deleted' }));
      await parts.events.record(adminAct());
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    child.kill('SIGINT');
    await ended;
    expect(child.exitCode).to.equal(0);
    for (const one of out.trim().split('\n')) expect(JSON.parse(one)).to.include({ kind: 'client.deleted' });
  });
});
