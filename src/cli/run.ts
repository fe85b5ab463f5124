import type { Command } from 'commander';
import type { Actor } from '../access/actor.ts';
import type { Admin } from '../admin/admin.ts';
import type { Outcome } from '../admin/outcome.ts';
import { openParts, type Parts } from '../app.ts';
import { type Config, readConfig } from '../config.ts';
import { localDefaults, openLocalRedis } from '../local/local.ts';
import { createLog, type Log } from '../log.ts';
import type { RedisTarget } from '../redis/redis-url.ts';
import { operator } from './operator.ts';

/** Something that the person can mend; its message is all that they see. */
export class CommandFailed extends Error {}

/** Opens the provider's data for one command, and closes it again. */
export async function withParts<T>(work: (parts: Parts) => Promise<T>): Promise<T> {
  return withRedis(async ({ config, target, log }) => {
    const parts = await openParts(config, target, log);
    try {
      return await work(parts);
    } finally {
      await parts.close();
    }
  });
}

export type Opened = { config: Config; target: RedisTarget; log: Log };

/** For a command that works on Redis itself, whatever is in it. */
export async function withRedis<T>(work: (opened: Opened) => Promise<T>): Promise<T> {
  const config = readConfig(process.env, localDefaults(process.env));
  const log = createLog('error', config.pod, 2);
  const redis = await openLocalRedis(config, log);
  try {
    return await work({ config, target: redis.target, log });
  } finally {
    await redis.close();
  }
}

/** The same for a command that goes by the flows of administration, as the operator who runs it. */
export function withAdmin<T>(work: (admin: Admin, actor: Actor, parts: Parts) => Promise<T>): Promise<T> {
  return withParts((parts) => work(parts.admin, operator(), parts));
}

/** @throws CommandFailed with the text of a refusal */
export function orFail<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw new CommandFailed(outcome.message);
}

/** A variable that a file of declarations names. */
export function environmentValue(name: string): string | undefined {
  return process.env[name];
}

/** Prints a result: JSON for scripts, lines for people. */
export function print(command: Command, result: unknown, lines: string[]): void {
  const { json } = command.optsWithGlobals<{ json: boolean }>();
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : `${lines.join('\n')}\n`);
}
