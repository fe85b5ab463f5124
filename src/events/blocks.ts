import { blockEntries, blockMs, type Entry, type Link } from './chain.ts';
import { msOf } from './entry-reader.ts';

/** Cuts entries into blocks; the first goes on with the last block where that is still open. */
export function cutIntoBlocks(
  last: Link | undefined,
  entries: Entry[],
): { extends: boolean; entries: Entry[] }[] {
  const blocks: { extends: boolean; entries: Entry[] }[] = [];
  let count = last?.count ?? blockEntries;
  let from = last ? msOf(last.from) : 0;
  for (const entry of entries) {
    const isFull = count >= blockEntries || msOf(entry[0]) - from >= blockMs;
    if (isFull || blocks.length === 0) {
      blocks.push({ extends: !isFull, entries: [] });
      if (isFull) {
        count = 0;
        from = msOf(entry[0]);
      }
    }
    blocks.at(-1)?.entries.push(entry);
    count += 1;
  }
  return blocks;
}
