import { type Pod, silentMs } from '../redis/pods.ts';
import type { Store } from '../redis/redis.ts';
import { version } from '../version.ts';
import { about, type Finding } from './finding.ts';

/** Which pods there are, and whether they belong together. @throws Unavailable */
export async function checkPods(store: Store): Promise<Finding[]> {
  const [fields, now] = await Promise.all([store.read(store.keys.pods()), store.nowMs()]);
  const pods = Object.values(fields ?? {}).map((text) => JSON.parse(text) as Omit<Pod, 'id'>);
  const alive = pods.filter(({ seenAt }) => now - seenAt <= silentMs);
  const names = (some: { name: string }[]) => [...new Set(some.map(({ name }) => name))].sort().join(', ');
  const { ok, warning } = about('Pods');
  if (alive.length === 0) return [warning('none is running', 'start some, or look at their logs')];
  const found: Finding[] = [];
  const silent = pods.filter((pod) => !alive.includes(pod) && !alive.some(({ name }) => name === pod.name));
  if (silent.length > 0) {
    found.push(
      warning(
        `${names(silent)} fell silent less than a minute ago without signing off`,
        'look whether they were killed, or cannot reach Redis',
      ),
    );
  }
  const unready = alive.filter(({ isReady }) => !isReady);
  if (unready.length > 0) {
    found.push(warning(`${names(unready)} are not ready`, 'look at their logs, and at their clocks'));
  }
  const versions = [...new Set(alive.map((pod) => pod.version))].sort();
  if (versions.length > 1) {
    found.push(
      warning(
        `they run versions ${versions.join(' and ')}, which is right only while one follows the other`,
        'finish the rollout, or take it back',
      ),
    );
  } else if (versions[0] !== version) {
    found.push(
      warning(`they run version ${versions[0]}, and this is ${version}`, 'use the doctor of their version'),
    );
  }
  const firstKeys = [...new Set(alive.flatMap(({ keyIds }) => keyIds?.[0] ?? []))].sort();
  if (firstKeys.length > 1) {
    found.push(
      warning(
        `they seal under different keys: ${firstKeys.join(' and ')}`,
        'give all the same HOLDFAST_KEYS, in the same order',
      ),
    );
  }
  return found.length > 0 ? found : [ok(`${alive.length} run version ${version}: ${names(alive)}`)];
}
