import { nowMs } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Store } from '../redis/redis.ts';
import { about, type Finding } from './finding.ts';

const noticeableMs = 1000;

/** The clock of this machine against that of Redis. @throws Unavailable */
export async function checkClock(
  config: Pick<Config, 'clockToleranceMs'>,
  store: Pick<Store, 'nowMs'>,
  now: () => number = nowMs,
): Promise<Finding> {
  const asked = performance.now();
  const redis = await store.nowMs();
  const skewMs = now() - (performance.now() - asked) / 2 - redis;
  const { ok, warning, fault } = about('Clock');
  const seconds = Math.abs(skewMs / 1000).toFixed(1);
  const says = `this machine is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} Redis`;
  const todo = 'set both clocks by the network: chronyc tracking, or timedatectl';
  if (config.clockToleranceMs > 0 && Math.abs(skewMs) > config.clockToleranceMs) {
    return fault(`${says}: a pod here answers nothing`, todo);
  }
  return Math.abs(skewMs) > noticeableMs ? warning(says, todo) : ok(says);
}
