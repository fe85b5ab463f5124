import type { Command } from 'commander';
import { createAccountSeed } from '../accounts/seed.ts';
import type { Parts } from '../app.ts';
import { nowMs } from '../clock.ts';
import { randomText } from '../random.ts';
import { wholeNumber } from './option-values.ts';
import { createProgress } from './progress.ts';
import { CommandFailed, print, withParts } from './run.ts';
import { personOf, seedGroups } from './seed-people.ts';

const mostAccounts = 20_000_000;
const blockSize = 500;
/** Commands of the block before are still under way while the next one is made. */
const blocksAtOnce = 2;
const sessionClient = 'holdfast-account';
/** Of all accounts that are made here. */
const password = 'a thousand lanterns on the water';

type Options = { accounts: string; sessions: string; add: boolean };

/** Fills a Redis with made-up people and, if wanted, sessions; and tells what they take. */
export function addSeedCommand(program: Command): void {
  program
    .command('seed')
    .description('fill a Redis with made-up accounts, for trials, and tell what memory they take')
    .requiredOption('--accounts <n>', 'how many')
    .option('--sessions <n>', 'how many of them are signed in', '0')
    .option('--add', 'also where there are accounts already', false)
    .action(async (options: Options, command: Command) => {
      const accounts = wholeNumber(options.accounts, '--accounts', mostAccounts);
      const sessions =
        options.sessions === '0' ? 0 : wholeNumber(options.sessions, '--sessions', mostAccounts);
      if (sessions > accounts) throw new CommandFailed('--sessions must not be more than --accounts.');
      await withParts(async (parts) => {
        const there = await parts.directory.count();
        if (there > 0 && !options.add) {
          throw new CommandFailed(
            `There are ${there} accounts in this Redis. Use an empty one, or --add to put more beside them.`,
          );
        }
        const result = await seed(parts, accounts, sessions, there > 0);
        print(command, result, linesOf(result));
      });
    });
}

type Result = {
  accounts: number;
  seconds: number;
  bytes_per_account: number;
  sessions: number;
  bytes_per_session?: number;
  example: string;
  password: string;
};

async function seed(parts: Parts, count: number, sessions: number, isMore: boolean): Promise<Result> {
  const seeding = await createAccountSeed({ ...parts, password });
  for (const id of seedGroups) {
    const name = `${id.slice(0, 1).toUpperCase()}${id.slice(1)}`;
    // It may be there from before.
    await parts.access.groups.create(id, { name, description: '', roles: [], claims: {} });
  }
  const mark = isMore ? `-${randomText(3).toLowerCase()}` : '';
  const began = nowMs();
  const how = { count, until: began, mark };
  const before = await seeding.usedMemory();
  const ids: string[] = [];
  const progress = createProgress('accounts', count);
  await inBlocks(count, async (from, to) => {
    const people = Array.from({ length: to - from }, (_, i) => personOf(from + i, how));
    const written = await seeding.write(people);
    const active = written.filter((_, i) => !people[i]?.isDisabled);
    ids.push(...active.slice(0, Math.max(sessions - ids.length, 0)));
    progress.add(to - from);
  });
  const withAccounts = await seeding.usedMemory();
  const seconds = Math.round((nowMs() - began) / 1000);

  const { sessionIdleSeconds } = parts.config.lifetimes;
  const signingIn = createProgress('sessions', sessions);
  await inBlocks(sessions, async (from, to) => {
    const people = Array.from({ length: to - from }, (_, i) => ({
      accountId: ids[(from + i) % ids.length] ?? '',
      epoch: 0,
    }));
    await parts.oidc.seedSessions(people, sessionClient, sessionIdleSeconds);
    signingIn.add(to - from);
  });
  const withSessions = await seeding.usedMemory();
  return {
    accounts: count,
    seconds,
    bytes_per_account: Math.round((withAccounts - before) / count),
    sessions,
    ...(sessions > 0 && { bytes_per_session: Math.round((withSessions - withAccounts) / sessions) }),
    example: personOf(count - 1, how).email,
    password,
  };
}

/** Several blocks at a time, in order. */
async function inBlocks(count: number, write: (from: number, to: number) => Promise<void>): Promise<void> {
  const underWay: Promise<void>[] = [];
  for (let from = 0; from < count; from += blockSize) {
    const writing = write(from, Math.min(from + blockSize, count));
    // It may fail before it is waited for.
    writing.catch(() => {});
    underWay.push(writing);
    if (underWay.length >= blocksAtOnce) await underWay.shift();
  }
  await Promise.all(underWay);
}

function linesOf(result: Result): string[] {
  const { accounts, seconds, sessions, bytes_per_account, bytes_per_session, example } = result;
  return [
    `Made ${accounts} accounts in ${seconds} s; each takes ${bytes_per_account} bytes of Redis.`,
    ...(bytes_per_session === undefined
      ? []
      : [`Made ${sessions} sessions; each takes ${bytes_per_session} bytes, with the grant of one client.`]),
    `All have the password “${password}”; one of them is ${example}.`,
  ];
}
