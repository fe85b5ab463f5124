import type { Trail } from './catalogue.ts';
import { type Anchor, type Head, isSameMac, readHead, writeHead } from './chain.ts';
import type { Fault } from './entry-reader.ts';

/** Heads that were kept elsewhere, held against a chain: what Redis cannot prove about its own end, they do. */
export function createKeptHeads(texts: string[], trail: Trail, anchor: Anchor | undefined) {
  const open: Head[] = [];
  for (const text of texts) {
    const head = readHead(text);
    if (!head || head.trail !== trail || head.count === 0) continue;
    // Of what was let go of, nothing is left to compare.
    if (head.index >= (anchor?.index ?? 0)) open.push(head);
  }

  return {
    /** @param mac of the chain at this place, if it was as late as this */
    check(index: number, count: number, mac: (lateMs: number) => string): Fault | undefined {
      for (let at = open.length - 1; at >= 0; at -= 1) {
        const head = open[at];
        if (head?.index !== index || head.count !== count) continue;
        if (!isSameMac(head.mac, mac(head.lateMs))) {
          return { message: `The trail is another one than that of the head ${writeHead(head)}.` };
        }
        open.splice(at, 1);
      }
      return undefined;
    },
    /** Of a head that the chain does not reach. */
    fault(): Fault | undefined {
      const [head] = open;
      if (!head) return undefined;
      return {
        message: `The end of the trail was cut off: it no longer reaches the head ${writeHead(head)}.`,
      };
    },
  };
}
