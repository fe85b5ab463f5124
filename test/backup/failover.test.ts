import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { startSentinel, type Topology } from '../support/redis-topologies.ts';
import { command, makeDirectory, run } from './backup-fixture.ts';

const seeded = 5000;

describe('a backup over a failover', () => {
  const { directory, remove } = makeDirectory();
  let redis: Topology;
  before(async function () {
    this.timeout(120_000);
    redis = await startSentinel();
    await run(redis.url, ['seed', '--accounts', String(seeded)]);
  });
  after(async () => {
    await redis?.stop();
    remove();
  });

  it('begins its pass again at the new primary, and has every account', async function () {
    this.timeout(120_000);
    const file = join(directory, 'failover.backup');
    const running = command(redis.url, ['backup', '--to', file, '--json']);
    const size = () => statSync(`${file}.unfinished`, { throwIfNoEntry: false })?.size ?? 0;
    while (size() < 500_000) await pause(1);
    const primary = redis.processes.find(({ role }) => role === 'primary');
    await primary?.kill('SIGKILL');
    expect(await running.ended, running.output()).to.equal(0);
    const said = running.output().match(/\{"path".*/)?.[0] ?? '{}';
    const { counts, passes } = JSON.parse(said) as { counts: { accounts: number }; passes: number };
    expect(passes).to.be.greaterThan(2);
    expect(counts.accounts).to.be.within(seeded, 2 * seeded);
    const verified = await run(redis.url, ['backup', 'verify', file, '--json']);
    expect(verified).to.include(`"accounts":${counts.accounts}`);
    const empty = await startSentinel({ replicas: 0 });
    try {
      await run(empty.url, ['restore', '--from', file]);
      const listed = await run(empty.url, ['account', 'list', '--count', '1']);
      expect(listed).to.include('More:');
      expect(await run(empty.url, ['seed', '--accounts', '1'], 1)).to.include(`There are ${seeded} accounts`);
    } finally {
      await empty.stop();
    }
  });
});
