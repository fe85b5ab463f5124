import type { Config } from '../config.ts';
import { headsNow } from '../events/events.ts';
import type { Store } from '../redis/redis.ts';
import { dataForm, faultOf, readSchema } from '../redis/schema.ts';
import { about, type Finding } from './finding.ts';

/** What is there is chained within seconds, where a pod runs. */
const longUnchainedMs = 60_000;

/** Whether this version can read the data. @throws Unavailable */
export async function checkSchema(config: Config, store: Store): Promise<Finding> {
  const { ok, warning, fault } = about('Data: form');
  const schema = await readSchema(store);
  if (!schema) {
    if ((await store.call('EXISTS', store.keys.keyRing())) === 1) {
      return ok('from before there was a mark of it; the next pod that starts sets it');
    }
    const says = 'there is none: this Redis, or this prefix, is empty';
    const todo =
      'where there should be some: look at REDIS_URL and HOLDFAST_REDIS_PREFIX, or holdfast restore';
    return config.redis.expectsData ? fault(`${says}, and no pod starts`, todo) : warning(says, todo);
  }
  if (schema.restore !== undefined) {
    return fault(
      'a backup is being put in: no pod starts until that is done',
      'wait for "holdfast restore"; if it was interrupted, run it again with --resume',
    );
  }
  const reason = faultOf(schema);
  if (reason) return fault(reason, 'start that version, or upgrade this one');
  const guarded = config.redis.expectsData
    ? 'and HOLDFAST_EXPECT_DATA guards against an empty Redis'
    : 'with HOLDFAST_EXPECT_DATA=true no pod would start on a Redis that has lost it';
  return ok(`form ${schema.form} of ${dataForm.known}, ${guarded}`);
}

/** How far the audit trails are chained. @throws Unavailable */
export async function checkAudit(store: Store): Promise<Finding[]> {
  const now = await store.nowMs();
  return (await headsNow(store)).map(({ trail, head, unchainedSince }) => {
    const { ok, warning } = about(`Audit: ${trail}`);
    if (unchainedSince !== undefined && now - unchainedSince > longUnchainedMs) {
      const seconds = Math.round((now - unchainedSince) / 1000);
      return warning(
        `events of ${seconds} s ago are not chained yet`,
        'start a pod; where one runs, run "holdfast audit verify": the chain may have been tampered with',
      );
    }
    return ok(`chained; head ${head}`);
  });
}
