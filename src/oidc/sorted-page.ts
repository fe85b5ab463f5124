import type { Store } from '../redis/redis.ts';

/**
 * Pages of a sorted set, the highest score first. The cursor names the last member of a page and its score, so that a
 * page goes on there whatever was added or removed meanwhile. A cursor that somebody made up starts somewhere else in
 * the set, or at its beginning.
 */
export type Scored = { member: string; score: number };

/** @returns cursor undefined at the end */
export async function pageDown(
  store: Store,
  key: string,
  options: { cursor: string | undefined; count: number },
): Promise<{ found: Scored[]; cursor: string | undefined }> {
  const after = readCursor(options.cursor);
  const found: Scored[] = [];
  // Members of the same score come in the order of their bytes; those up to the last one were on the page before.
  for (let offset = 0; found.length <= options.count; ) {
    const wanted = options.count + 1 - found.length;
    const replied = (await store.call(
      'ZRANGE',
      key,
      after ? after.score : '+inf',
      '-inf',
      'BYSCORE',
      'REV',
      'LIMIT',
      offset,
      wanted,
      'WITHSCORES',
    )) as unknown[];
    // In pairs, or one after the other: as the connection's protocol has it.
    const reply = replied.flat() as string[];
    for (let at = 0; at < reply.length; at += 2) {
      const [member = '', score] = [reply[at], Number(reply[at + 1])];
      if (after && score === after.score && !isBefore(member, after.member)) continue;
      found.push({ member, score });
    }
    if (reply.length < wanted * 2) break;
    offset += wanted;
  }
  const last = found.length > options.count ? found[options.count - 1] : undefined;
  return { found: found.slice(0, options.count), cursor: last && writeCursor(last) };
}

function writeCursor({ member, score }: Scored): string {
  return Buffer.from(JSON.stringify([score, member])).toString('base64url');
}

function readCursor(text: string | undefined): Scored | undefined {
  if (text === undefined) return undefined;
  try {
    const [score, member] = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown[];
    if (Number.isFinite(score) && typeof member === 'string') return { score: Number(score), member };
  } catch {
    // Made up: as none.
  }
  return undefined;
}

function isBefore(member: string, other: string): boolean {
  return Buffer.compare(Buffer.from(member), Buffer.from(other)) < 0;
}
