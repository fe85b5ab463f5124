/**
 * `npm run bench:directory -- --accounts 1000000`: how long administrators wait for accounts among so many. Fills a
 * Redis of its own by `holdfast seed`, then asks for accounts at random, one after another: first the directory itself, then
 * the pages of the console, from a pod, by somebody who is signed in.
 *
 *   --accounts <n>   100000 when left out
 *   --calls <n>      of each kind; 1000 when left out
 *   --redis <url>    one that was seeded before, in place of the own one; with the key of `benchKeys`
 *   --json           the same as JSON
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { createAccounts } from '../src/accounts/accounts.ts';
import { createDirectory, type DirectoryQuery } from '../src/accounts/directory.ts';
import { createPasswordHasher } from '../src/accounts/password.ts';
import { readConfig } from '../src/config.ts';
import { createLog } from '../src/log.ts';
import { openKeyRing } from '../src/redis/key-ring.ts';
import { openStore } from '../src/redis/redis.ts';
import { parseRedisUrl } from '../src/redis/redis-url.ts';
import { createVault } from '../src/redis/vault.ts';
import { startConsole } from '../test/admin-console/console-fixture.ts';
import { startStandalone } from '../test/support/redis-topologies.ts';

const { values } = parseArgs({
  options: {
    accounts: { type: 'string', default: '100000' },
    calls: { type: 'string', default: '1000' },
    redis: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const calls = Number(values.calls);
const benchKeys = `test:${Buffer.alloc(32, 7).toString('base64url')}`;

const own = values.redis === undefined ? await startStandalone({ appendOnly: false }) : undefined;
const redisUrl = values.redis ?? own?.url ?? '';
const environment = {
  HOLDFAST_ISSUER: 'https://id.example.com',
  HOLDFAST_KEYS: benchKeys,
  HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
  REDIS_URL: redisUrl,
};
try {
  if (own) await seed(values.accounts);
  const { rows, count } = await measure();
  process.stdout.write(values.json ? `${JSON.stringify({ accounts: count, rows })}\n` : report(rows, count));
} finally {
  await own?.stop();
}

async function seed(accounts: string): Promise<void> {
  const child = spawn(process.execPath, ['src/cli/holdfast.ts', 'seed', '--accounts', accounts], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 2, 2],
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error('the accounts could not be made');
}

type Row = { what: string; p50: number; p95: number; most: number; found: number };

async function measure(): Promise<{ rows: Row[]; count: number }> {
  const config = readConfig(environment);
  const log = createLog('error', 'bench', 2);
  const store = openStore(config, parseRedisUrl(redisUrl), log);
  await store.whenReady(5000);
  const ring = await openKeyRing(store, createVault(config.vaultKeys), {});
  const hasher = createPasswordHasher({ concurrency: 1, queue: 1 });
  const accounts = createAccounts({ store, ring, hasher, log });
  const directory = createDirectory({ store, ring });
  const stop: (() => Promise<void>)[] = [];
  try {
    const ids = (await store.call('ZRANDMEMBER', store.keys.accountList(), calls)) as string[];
    const people = (await Promise.all(ids.map((id) => accounts.find(id)))).flatMap((one) => one ?? []);
    if (people.length === 0) throw new Error('there are no accounts in this Redis');

    /** The first three letters or more. */
    const beginningOf = (text = '') => {
      const letters = [...text];
      return letters.slice(0, 3 + Math.floor(Math.random() * Math.max(letters.length - 3, 1))).join('');
    };
    let cursor: string | undefined;
    const kinds: Record<string, (i: number) => Promise<number>> = {
      'list, page after page': async () => {
        const page = await directory.search({ ...(cursor && { cursor }) });
        cursor = page.cursor;
        return page.accounts.length;
      },
      'beginning of an e-mail address': (i) => found({ text: beginningOf(person(i).email) }),
      'beginning of a full name': (i) => found({ text: beginningOf(person(i).name) }),
      'beginning of a word of a name': (i) => found({ text: beginningOf(person(i).family_name) }),
      'whole e-mail address': (i) => found({ text: person(i).email }),
      id: (i) => found({ text: person(i).id }),
      'members of a group': () => found({ group: 'osaka' }),
      disabled: () => found({ status: 'disabled' }),
      'beginning of a name, in a group': (i) =>
        found({ text: beginningOf(person(i).name), group: 'lima', status: 'active' }),
      'one account': async (i) => ((await accounts.find(person(i).id)) ? 1 : 0),
    };
    const person = (i: number) => people[i % people.length] as (typeof people)[number];
    const found = async (query: DirectoryQuery) => (await directory.search(query)).accounts.length;

    const provider = await startConsole(1, {}, redisUrl);
    stop.push(provider.stop);
    const owner = await provider.addPerson(`owner-${Date.now()}`, { roles: ['owner'] });
    await owner.open('/admin');
    /** @returns how many accounts the page leads to */
    const page = async (path: string) => {
      const { status, body } = await owner.person.request(path);
      if (status !== 200) throw new Error(`${path} answered ${status}`);
      return new Set(body.match(/\/admin\/accounts\/[\w-]{16,}/g)).size;
    };
    const query = (text = '') => page(`/admin/accounts?text=${encodeURIComponent(text)}`);
    Object.assign(kinds, {
      'page: list': () => page('/admin/accounts'),
      'page: beginning of an e-mail address': (i: number) => query(beginningOf(person(i).email)),
      'page: beginning of a full name': (i: number) => query(beginningOf(person(i).name)),
      'page: one account': (i: number) => page(`/admin/accounts/${person(i).id}`),
      'page: overview': () => page('/admin'),
    });

    const rows: Row[] = [];
    for (const [what, ask] of Object.entries(kinds)) {
      for (let i = 0; i < 20; i++) await ask(i);
      const times: number[] = [];
      let all = 0;
      for (let i = 0; i < calls; i++) {
        const started = performance.now();
        all += await ask(i);
        times.push(performance.now() - started);
      }
      times.sort((a, b) => a - b);
      const at = (share: number) => times[Math.min(Math.floor(times.length * share), times.length - 1)] ?? 0;
      rows.push({ what, p50: at(0.5), p95: at(0.95), most: at(1), found: all / calls });
      process.stderr.write(`${what}\n`);
    }
    return { rows, count: await directory.count() };
  } finally {
    for (const each of stop) await each();
    await hasher.close();
    await store.close();
  }
}

function report(rows: Row[], count: number): string {
  return [
    `${count} accounts; ${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}; ${calls} calls of each kind`,
    '',
    '| | p50 ms | p95 ms | most ms | accounts in an answer |',
    '|---|---|---|---|---|',
    ...rows.map(({ what, p50, p95, most, found }) => {
      const figures = [p50, p95, most].map((ms) => ms.toFixed(1));
      return `| ${[what, ...figures, found.toFixed(1)].join(' | ')} |`;
    }),
    '',
  ].join('\n');
}
