import { Change } from '../redis/change.ts';
import type { Store } from '../redis/redis.ts';

/**
 * The mark of a restore under way, in the schema (redis/schema.ts), which every pod reads before it starts. It says how
 * far the restore has come, so that one who was killed goes on.
 *
 *   clearing  what was there before is taken away, where that was asked for
 *   loading   up to `chunk`
 *   settling  lists, indexes, the era, the audit
 */
export type Step = 'clearing' | 'loading' | 'settling';
export type Restoring = { id: string; step: Step; chunk: number };

/** @returns undefined when none is under way. @throws Unavailable */
export async function restoringNow(store: Store): Promise<Restoring | undefined> {
  const fields = await store.read(store.keys.schema());
  if (fields?.restore === undefined) return undefined;
  return { id: fields.restore, step: fields.step as Step, chunk: Number(fields.chunk ?? 0) };
}

/**
 * @param seizes also where there is data, or a restore that was begun: all of it is going to be replaced
 * @returns taken: there is data here; other: a restore was begun here. @throws Unavailable
 */
export async function claimRestore(
  store: Store,
  id: string,
  seizes: boolean,
): Promise<'begun' | 'taken' | 'other'> {
  const key = store.keys.schema();
  const claimed = await store.run('schema-claim', [key], [seizes ? 'seize' : 'begin', id]);
  await store.settle(key);
  return claimed as 'begun' | 'taken' | 'other';
}

/** Gives the claim up, where nothing was written yet and there was no schema before. @throws Unavailable */
export async function unclaimRestore(store: Store): Promise<void> {
  const key = store.keys.schema();
  const fields = ['restore', 'begun', 'step', 'chunk'];
  await store.commit(new Change().durable().drop(key, fields));
}

export async function noteStep(store: Store, step: Step, chunk = 0): Promise<void> {
  await store.call('HSET', store.keys.schema(), 'step', step, 'chunk', chunk);
}

/** Pods may start from now on. @throws Unavailable */
export async function finishRestore(store: Store, data: { form: number; reader: number }): Promise<void> {
  const key = store.keys.schema();
  const fields = { form: String(data.form), reader: String(data.reader) };
  const change = new Change().durable().set(key, 0, fields);
  await store.commit(change.drop(key, ['restore', 'begun', 'step', 'chunk']));
}
