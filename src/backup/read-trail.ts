import type { Store } from '../redis/redis.ts';
import type { KeyRecord } from './record.ts';

const atOnce = 500;
/** Links in one record. */
const linksAtOnce = 1000;

/**
 * Reads an audit trail so that it can be proven again: its entries, then the chain, how it began and what it is anchored in, at one
 * moment, then the entries that came meanwhile. Some of the first may have been let go of since; a restore drops what
 * lies before the anchor.
 */
export async function readTrail(
  store: Store,
  prefix: string,
  trail: string,
  write: (record: KeyRecord) => Promise<void>,
): Promise<void> {
  const { keys } = store;
  const name = (key: string) => key.slice(prefix.length);
  const stream = { name: name(keys.audit(trail)), type: 'stream' as const, expiresAt: 0 };
  let offset = 0;
  let last: string | undefined;

  /** @param until the last entry that is wanted; undefined for all there are */
  async function readEntries(until: string | undefined): Promise<void> {
    for (;;) {
      const from = last === undefined ? '-' : `(${last}`;
      const page = (await store.callBytes(
        'XRANGE',
        keys.audit(trail),
        from,
        until ?? '+',
        'COUNT',
        atOnce,
      )) as [Buffer, Buffer[]][];
      const items = page.flatMap(([id, fields]) => [id, Buffer.from(String(fields.length)), ...fields]);
      if (items.length > 0) await write({ ...stream, offset, items });
      offset += items.length;
      last = page.at(-1)?.[0].toString() ?? last;
      if (page.length < atOnce) return;
    }
  }

  await readEntries(undefined);
  const [anchor = '', newest = '0-0', beginning = '', ...links] = (await store.run(
    'audit-links',
    [keys.auditChain(trail), keys.auditAnchor(trail), keys.audit(trail), keys.auditBegun(trail)],
    [],
  )) as string[];
  if (newest !== '0-0' && newest !== last) await readEntries(newest);
  for (const [key, text] of [
    [keys.auditAnchor(trail), anchor],
    [keys.auditBegun(trail), beginning],
  ] as const) {
    const items = [Buffer.from(text)];
    if (text !== '') await write({ name: name(key), type: 'string', expiresAt: 0, offset: 0, items });
  }
  for (let at = 0; at < links.length; at += linksAtOnce) {
    const items = links.slice(at, at + linksAtOnce).map((link) => Buffer.from(link));
    await write({ name: name(keys.auditChain(trail)), type: 'list', expiresAt: 0, offset: at, items });
  }
}
