import { type Actor, stillMay } from '../access/actor.ts';
import type { RecordedEvent } from '../events/events.ts';

/**
 * Events as lines of JSON, a block at a time, for as long as whoever asked for them may have them.
 * @throws in between when they may no more: then the answer breaks off, and is not taken for whole
 */
export async function* eventLines(
  actor: Actor,
  blocks: AsyncIterable<RecordedEvent[]>,
  toWire: (event: RecordedEvent) => unknown,
): AsyncGenerator<string> {
  for await (const block of blocks) {
    if (!(await stillMay(actor, 'audit:export'))) {
      throw new Error('an export was broken off: whoever asked for it may not have it any more');
    }
    if (block.length > 0) yield `${block.map((event) => JSON.stringify(toWire(event))).join('\n')}\n`;
  }
}
