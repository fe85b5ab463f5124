import type { Store } from '../redis/redis.ts';
import { type Trail, trails } from './catalogue.ts';
import { emptyHead, readAnchor, readLink, writeHead } from './chain.ts';

/** How far a trail is chained. Proves nothing: `verify` does. */
export type HeadNow = {
  trail: Trail;
  head: string;
  /** ms of Redis time of the first event that is not chained; undefined where all are. */
  unchainedSince: number | undefined;
};

/** @throws Unavailable */
export async function headsNow(store: Store): Promise<HeadNow[]> {
  const { keys } = store;
  return Promise.all(
    trails.map(async (trail) => {
      const [text] = (await store.call('LRANGE', keys.auditChain(trail), -1, -1)) as string[];
      const link = readLink(text ?? '');
      const anchor = readAnchor((await store.readText(keys.auditAnchor(trail))) ?? '');
      const to = link?.to ?? anchor?.to;
      const range = [to === undefined ? '-' : `(${to}`, '+', 'COUNT', 1] as const;
      const [next] = (await store.call('XRANGE', keys.audit(trail), ...range)) as [string, string[]][];
      return {
        trail,
        head: link ? writeHead({ trail, ...link }) : emptyHead(trail),
        unchainedSince: next && Number(next[0].split('-')[0]),
      };
    }),
  );
}
