import { randomText } from '../random.ts';
import type { Store } from '../redis/redis.ts';
import { about, type Finding } from './finding.ts';

/** What a pod does, tried on a key of the doctor's own. */
const needed: [name: string, ...args: (string | number)[]][] = [
  ['SET', 'KEY', '1', 'PX', 5000],
  ['GET', 'KEY'],
  ['EXISTS', 'KEY'],
  ['PTTL', 'KEY'],
  ['PEXPIRE', 'KEY', 5000],
  ['PEXPIRETIME', 'KEY'],
  ['PERSIST', 'KEY'],
  ['TYPE', 'KEY'],
  ['DEL', 'KEY'],
  ['HSET', 'KEY', 'a', '1'],
  ['HGETALL', 'KEY'],
  ['HMGET', 'KEY', 'a'],
  ['HSCAN', 'KEY', 0],
  ['HDEL', 'KEY', 'a'],
  ['ZADD', 'KEY', 1, 'a'],
  ['ZRANGE', 'KEY', 0, -1],
  ['ZSCORE', 'KEY', 'a'],
  ['ZREM', 'KEY', 'a'],
  ['XADD', 'KEY', '1-1', 'a', '1'],
  ['XRANGE', 'KEY', '-', '+'],
  ['UNLINK', 'KEY'],
  ['EVAL', 'return redis.call("TIME")', 1, 'KEY'],
];

/** Harmful in the hands of who has taken over a pod, and never used by one. */
const dangerous = [
  ['FLUSHALL'],
  ['FLUSHDB'],
  ['KEYS', '*'],
  ['CONFIG', 'SET', 'save', ''],
  ['DEBUG', 'SLEEP', '0'],
  ['MONITOR'],
  ['SHUTDOWN'],
];

/** What the user of REDIS_URL may do: all that a pod needs, and little else. @throws Unavailable */
export async function checkAccess(store: Store): Promise<Finding[]> {
  const key = store.keys.doctor(`probe-${randomText(12)}`);
  const refused: string[] = [];
  for (const [name, ...args] of needed) {
    const given = args.map((arg) => (arg === 'KEY' ? key : arg));
    // A Cluster goes by the place of the key.
    if (await isRefused(store.call(name, ...given))) refused.push(name);
  }
  if (refused.length === 0) await store.call('UNLINK', key);
  const { ok, fault } = about('Redis: what this user needs');
  const needs =
    refused.length === 0
      ? ok('it may do all that a pod does')
      : fault(
          `it may not: ${refused.join(', ')} on keys that begin with the prefix`,
          `ACL SETUSER <user> ${refused.map((name) => `+${name.toLowerCase()}`).join(' ')} ~<prefix>*`,
        );
  return [needs, await checkDangerous(store)];
}

async function checkDangerous(store: Store): Promise<Finding> {
  const { ok, warning } = about('Redis: what this user may do besides');
  let user: string;
  try {
    user = String(await askAnyNode(store, 'WHOAMI'));
    const allowed: string[] = [];
    for (const command of dangerous) {
      const answer = String(await askAnyNode(store, 'DRYRUN', user, ...command));
      if (answer === 'OK') allowed.push(command[0] ?? '');
    }
    if (allowed.length === 0) return ok(`"${user}" may do nothing that is dangerous`);
    return warning(
      `"${user}" may ${allowed.join(', ')}: whoever takes over a pod may, too`,
      'ACL SETUSER <user> -@admin -@dangerous +info +role +client +wait, and turn the default user off',
    );
  } catch (error) {
    if (error instanceof Error && /^(NOPERM|ERR)/.test(error.message)) {
      return ok('it may not ask about itself, so it has no rights of an administrator');
    }
    throw error;
  }
}

async function askAnyNode(store: Store, ...args: string[]): Promise<unknown> {
  const { client } = store.handle;
  const node = 'nodes' in client ? client.nodes('master')[0] : client;
  return node?.call('ACL', args);
}

async function isRefused(working: Promise<unknown>): Promise<boolean> {
  try {
    await working;
    return false;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return true;
    // Of another kind, since one before it was refused.
    if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return false;
    throw error;
  }
}
