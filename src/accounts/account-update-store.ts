import { nowMs } from '../clock.ts';
import { Unavailable } from '../errors.ts';
import type { Store } from '../redis/redis.ts';
import { type Account, fromFields, idPattern, pairs } from './account-record.ts';
import type { AccountIndex } from './directory-index.ts';

/**
 * Changes of an account that is there: one script each (account-update.lua), with the index around it where they
 * touch what the account is found by, or counts by.
 */

/** One change of an account that is there; see scripts/account-update.lua. */
export type AccountUpdate = {
  set?: Record<string, string>;
  drop?: string[];
  /** Counts the epoch up. */
  endsSessions?: boolean;
  /** Fields that must have these values, or nothing is changed. */
  require?: Record<string, string>;
  /** What flow this completes, and the id of its completion: done once, however often it is asked for. */
  completes?: { flow: string; completion: string };
};

export type UpdateOutcome =
  | { ok: true; account: Account; isAgain: boolean }
  /** last-owner: there would be no active owner left. */
  | { ok: false; problem: 'not-found' | 'changed' | 'last-owner' };

/** Others may change the same account at the same moment; each time one of them gets through. */
const mostTries = 100;

/** What an account is found by, or counts by; see directory-entries.ts. */
const indexed = new Set([
  ...['name', 'given_name', 'family_name', 'nickname', 'preferred_username'],
  ...['status', 'roles', 'groups'],
]);

/** @param readFields of an account that was not deleted; undefined for none */
export function createAccountUpdates(
  store: Store,
  index: AccountIndex,
  readFields: (id: string) => Promise<Record<string, string> | undefined>,
) {
  const { keys } = store;

  async function apply(id: string, change: AccountUpdate): Promise<UpdateOutcome> {
    const { set, completes, ...rest } = change;
    const key = keys.account(id);
    const given = { ...rest, ...completes, set: { ...set, updatedAt: String(nowMs()) } };
    const [result, ...all] = (await store.run('account-update', [key], [JSON.stringify(given)])) as string[];
    if (result === undefined) return { ok: false, problem: 'not-found' };
    if (result === 'changed') return { ok: false, problem: 'changed' };
    await store.settle(key);
    return { ok: true, account: fromFields(id, pairs(all) ?? {}).account, isAgain: result === 'again' };
  }

  /** What the account would be after a change; undefined when there is none. */
  async function preview(
    id: string,
    { set = {}, drop = [] }: Pick<AccountUpdate, 'set' | 'drop'>,
  ): Promise<{ before: Account; after: Account; fields: Record<string, string> } | undefined> {
    const fields = await readFields(id);
    if (!fields || fields.status === 'pending') return undefined;
    const after: Record<string, string> = { ...fields, ...set };
    for (const field of drop) delete after[field];
    return { before: fromFields(id, fields).account, after: fromFields(id, after).account, fields };
  }

  /** A change of what the account is found by; from the version that was looked at, or it is looked at again. */
  async function applyIndexed(id: string, change: AccountUpdate): Promise<UpdateOutcome> {
    for (let tries = 0; tries < mostTries; tries += 1) {
      const seen = await preview(id, change);
      if (!seen) return { ok: false, problem: 'not-found' };
      const { before, after, fields } = seen;
      const version = String(before.version);
      const wanted = change.require?.version;
      if (wanted !== undefined && wanted !== version) return { ok: false, problem: 'changed' };
      const outcome = await index.around<UpdateOutcome>(id, {
        before,
        after,
        make: () => apply(id, { ...change, require: { ...change.require, version } }),
        outcome: (made) => (made.ok ? made.account : undefined),
      });
      if (outcome === 'last-owner') return { ok: false, problem: outcome };
      if (outcome.ok || outcome.problem !== 'changed' || wanted !== undefined) return outcome;
      const isAsRequired = Object.entries(change.require ?? {}).every(
        ([key, value]) => fields[key] === value,
      );
      if (!isAsRequired) return outcome;
    }
    throw new Unavailable('an account was changed by others all the while');
  }

  return {
    preview,

    async update(id: string, change: AccountUpdate): Promise<UpdateOutcome> {
      if (!idPattern.test(id)) return { ok: false, problem: 'not-found' };
      const fields = [...Object.keys(change.set ?? {}), ...(change.drop ?? [])];
      return fields.some((field) => indexed.has(field)) ? applyIndexed(id, change) : apply(id, change);
    },

    /** Ends changes of the index that killed pods left. @returns how many */
    sweepIndex: (olderThanMs?: number) =>
      index.sweep(async (id) => {
        // Only the version counts up.
        await apply(id, {});
      }, olderThanMs),
  };
}
