import { expect } from 'chai';
import { openParts, type Parts } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { testKeys } from '../support/pods.ts';
import { startProcess } from '../support/processes.ts';
import { startCluster, startStandalone, type Topology } from '../support/redis-topologies.ts';

for (const [where, start] of [
  ['one Redis', () => startStandalone({ appendOnly: false })],
  ['a Redis Cluster', () => startCluster()],
] as const) {
  describe(`filling ${where} with made-up accounts`, () => {
    let redis: Topology;
    let parts: Parts;
    let environment: Record<string, string>;

    before(async function () {
      this.timeout(60_000);
      redis = await start();
      environment = {
        REDIS_URL: redis.url,
        HOLDFAST_ISSUER: 'https://id.example.com',
        HOLDFAST_KEYS: testKeys,
        HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
      };
      parts = await openParts(readConfig(environment), parseRedisUrl(redis.url), createLog('silent', 'test'));
    });
    after(async () => {
      await parts?.close();
      await redis?.stop();
    });

    async function seed(...options: string[]) {
      const args = ['src/cli/holdfast.ts', 'seed', '--json', ...options];
      const run = startProcess(process.execPath, args, environment);
      const code = await run.ended;
      const json = run
        .output()
        .split('\n')
        .find((line) => line.startsWith('{'));
      return { code, output: run.output(), result: JSON.parse(json ?? '{}') as Record<string, unknown> };
    }

    it('makes accounts that sign in, are found, and have sessions, and tells what they take', async () => {
      const { code, output, result } = await seed('--accounts', '200', '--sessions', '60');
      expect(code, output).to.equal(0);
      expect(result).to.include({ accounts: 200, sessions: 60 });
      expect(result.bytes_per_account).to.be.within(500, 10_000);
      expect(result.bytes_per_session).to.be.within(500, 10_000);
      expect(output).to.include('200 of 200 accounts').and.include('60 of 60 sessions');

      const { accounts, directory, oidc } = parts;
      expect(await directory.count()).to.equal(200);
      const checked = await accounts.checkPassword(String(result.example), String(result.password));
      if (!checked.ok) throw new Error(checked.problem);
      const { account } = checked;
      const ways = [account.email, account.id, account.name, account.family_name];
      for (const text of ways) {
        const found = await directory.search({ text: text ?? '', count: 200 });
        expect(
          found.accounts.map(({ id }) => id),
          text,
        ).to.include(account.id);
      }
      expect((await directory.search({})).accounts[0]?.id).to.equal(account.id);

      const all: string[] = [];
      const names = new Set<string>();
      let cursor: string | undefined;
      do {
        const page = await directory.search({ count: 150, ...(cursor && { cursor }) });
        for (const one of page.accounts) {
          all.push(one.id);
          names.add(one.name ?? '');
          expect((await accounts.findByEmail(one.email))?.id).to.equal(one.id);
        }
        cursor = page.cursor;
      } while (cursor);
      expect(new Set(all).size).to.equal(200);
      expect(names.size).to.be.greaterThan(150);
      for (const query of [{ role: 'auditor' }, { group: 'osaka' }, { status: 'disabled' } as const]) {
        expect((await directory.search(query)).accounts, JSON.stringify(query)).to.not.deep.equal([]);
      }
      expect(await parts.access.groups.find('osaka')).to.include({ name: 'Osaka' });

      expect(await oidc.allSessions.count()).to.equal(60);
      const [session] = (await oidc.allSessions.list({})).sessions;
      expect(session?.clients).to.have.lengthOf(1);
      const grants = await oidc.allSessions.grants(session?.accountId ?? '');
      expect(grants.map(({ client }) => client.clientId)).to.deep.equal(['holdfast-account']);
    });

    // The rest is the same everywhere.
    if (where !== 'one Redis') return;

    it('leaves a Redis alone that has accounts, unless it is told to put more beside them', async () => {
      const refused = await seed('--accounts', '10');
      expect(refused.code).to.equal(1);
      expect(refused.output)
        .to.include('There are 200 accounts')
        .and.include('--add')
        .and.not.include('    at ');
      expect(await parts.directory.count()).to.equal(200);
      const added = await seed('--accounts', '10', '--add');
      expect(added.code, added.output).to.equal(0);
      expect(await parts.directory.count()).to.equal(210);
      const example = await parts.accounts.findByEmail(String(added.result.example));
      expect(example?.email).to.equal(added.result.example);
    });

    it('says what is wrong with its options', async () => {
      for (const options of [
        ['--accounts', 'many'],
        ['--accounts', '5', '--sessions', '6', '--add'],
      ]) {
        const run = await seed(...options);
        expect(run.code, options.join(' ')).to.equal(1);
        expect(run.output).to.not.include('    at ');
      }
    });

    it('is searched again after a reindex of all', async () => {
      const { keys } = parts.store;
      await parts.store.call('DEL', keys.accountIndex());
      const args = ['src/cli/holdfast.ts', 'account', 'reindex', '--json'];
      const run = startProcess(process.execPath, args, environment);
      expect(await run.ended, run.output()).to.equal(0);
      expect(run.output()).to.include('{"accounts":210}').and.include('210 of 210 accounts');
      expect((await parts.directory.search({ group: 'lima' })).accounts).to.not.deep.equal([]);
    });
  });
}
