/**
 * One key of Redis, or a part of a large one, as a backup has it: what it holds rather than how a version of Redis
 * stores it, so that it can be put into a Redis or Valkey of another version and another topology.
 *
 *   string  [value]               hash    [field, value, …]      set  [member, …]
 *   zset    [member, score, …]    list    [value, …]
 *   stream  [id, count of what follows, field, value, …, id, …]
 */
export const types = ['string', 'hash', 'set', 'zset', 'list', 'stream'] as const;
export type Type = (typeof types)[number];

export type KeyRecord = {
  /** Without the prefix. */
  name: string;
  type: Type;
  /** ms since the epoch; 0 for never. */
  expiresAt: number;
  /** How many items of the key came before; 0 begins the key anew. */
  offset: number;
  items: Buffer[];
};

const headBytes = 1 + 8 + 4 + 4;

export function encodeRecord({ name, type, expiresAt, offset, items }: KeyRecord): Buffer {
  const all = [Buffer.from(name), ...items];
  const bytes = Buffer.allocUnsafe(all.reduce((sum, { length }) => sum + 4 + length, headBytes));
  bytes.writeUInt8(types.indexOf(type), 0);
  bytes.writeDoubleBE(expiresAt, 1);
  bytes.writeUInt32BE(offset, 9);
  bytes.writeUInt32BE(all.length, 13);
  let at = headBytes;
  for (const item of all) {
    at = bytes.writeUInt32BE(item.length, at);
    at += item.copy(bytes, at);
  }
  return bytes;
}

/** All records of a chunk; the bytes are known to be as they were written. */
export function* decodeRecords(bytes: Buffer): Generator<KeyRecord> {
  let at = 0;
  while (at < bytes.length) {
    const type = types[bytes.readUInt8(at)];
    if (!type) throw new Error('a record of a kind that this version does not know');
    const expiresAt = bytes.readDoubleBE(at + 1);
    const offset = bytes.readUInt32BE(at + 9);
    const count = bytes.readUInt32BE(at + 13);
    at += headBytes;
    const all: Buffer[] = [];
    for (let n = 0; n < count; n += 1) {
      const end = at + 4 + bytes.readUInt32BE(at);
      all.push(bytes.subarray(at + 4, end));
      at = end;
    }
    yield { name: all[0]?.toString() ?? '', type, expiresAt, offset, items: all.slice(1) };
  }
}

/** What there is in a backup, for people. A key that was met twice is counted twice. */
export type Counts = { accounts: number; clients: number; events: number; keys: number };

export const noCounts: Counts = { accounts: 0, clients: 0, events: 0, keys: 0 };

export function count(counts: Counts, { name, type, offset, items }: KeyRecord): void {
  if (type === 'stream' && /^\{audit\}:(admin|people)$/.test(name)) counts.events += entriesOf(items).length;
  if (offset > 0) return;
  counts.keys += 1;
  if (/^\{a:[^}]+\}$/.test(name)) counts.accounts += 1;
  if (/^\{c:[^}]+\}$/.test(name)) counts.clients += 1;
}

/** Of a stream: id, then fields and values. */
export function entriesOf(items: Buffer[]): [id: Buffer, ...fields: Buffer[]][] {
  const entries: [Buffer, ...Buffer[]][] = [];
  for (let at = 0; at < items.length; ) {
    const fields = Number(items[at + 1]?.toString());
    entries.push([items[at] as Buffer, ...items.slice(at + 2, at + 2 + fields)]);
    at += 2 + fields;
  }
  return entries;
}
