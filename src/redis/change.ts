/**
 * What is to happen to one aggregate: checks and writes, carried out by one script (scripts/commit.lua),
 * all or nothing. Build it up, then hand it to `store.commit`.
 */
export class Change {
  readonly keys: string[] = [];
  readonly args: string[] = [];
  /** Whether the answer waits until the configured replicas or disks hold the change. */
  isDurable = false;

  get isEmpty(): boolean {
    return this.args.length === 0;
  }

  durable(): this {
    this.isDurable = true;
    return this;
  }

  /** Several changes as one, for a Redis where their keys need not share a slot. */
  static merge(changes: Change[]): Change {
    const merged = new Change();
    for (const change of changes) {
      merged.isDurable ||= change.isDurable;
      const index = (old: string | undefined) => String(merged.#index(change.keys[Number(old) - 1] ?? ''));
      for (let at = 0; at < change.args.length; ) {
        const end = at + 3 + Number(change.args[at + 2]);
        const [name = '', key, count = '0', ...args] = change.args.slice(at, end);
        // The one argument that names a key as well: that of the answer.
        merged.args.push(name, index(key), count, ...(name === 'unspent' ? args.map(index) : args));
        at = end;
      }
    }
    return merged;
  }

  // Checks: when one fails, nothing is written.

  requireAlive(key: string): this {
    return this.#add('alive', key);
  }

  requireNotDead(key: string): this {
    return this.#add('not-dead', key);
  }

  requireAbsent(key: string): this {
    return this.#add('absent', key);
  }

  requireSame(key: string, field: string, value: string): this {
    return this.#add('same', key, field, value);
  }

  requireLacking(key: string, field: string): this {
    return this.#add('lacking', key, field);
  }

  /** The record exists and was not spent; when it was, the sealed answer under `answerKey` comes back. */
  requireUnspent(key: string, answerKey: string): this {
    return this.#add('unspent', key, String(this.#index(answerKey)));
  }

  // Writes.

  /** Sets fields of a hash. @param lifetimeMs 0 leaves the lifetime as it is */
  set(key: string, lifetimeMs: number, fields: Record<string, string>): this {
    return this.#add('set', key, wholeMs(lifetimeMs), ...Object.entries(fields).flat());
  }

  /** Lengthens the lifetime of a record; never shortens it. */
  extend(key: string, lifetimeMs: number): this {
    return this.#add('extend', key, wholeMs(lifetimeMs));
  }

  /** Sets the lifetime anew, longer or shorter. */
  expireIn(key: string, lifetimeMs: number): this {
    return this.#add('expire', key, wholeMs(lifetimeMs));
  }

  drop(key: string, fields: string[]): this {
    return fields.length === 0 ? this : this.#add('drop', key, ...fields);
  }

  /** Writes the Redis time `ms` from now into a field. */
  stamp(key: string, field: string, ms: number): this {
    return this.#add('stamp', key, field, wholeMs(ms));
  }

  spend(key: string): this {
    return this.#add('spend', key);
  }

  /** Replaces the record by a tombstone: what is in flight can no longer bring it back. */
  bury(key: string, lifetimeMs: number): this {
    return this.#add('bury', key, wholeMs(lifetimeMs));
  }

  text(key: string, lifetimeMs: number, value: string): this {
    return this.#add('text', key, wholeMs(lifetimeMs), value);
  }

  remove(key: string): this {
    return this.#add('remove', key);
  }

  /** Puts a member on a list from which it falls by itself; never earlier than said before. */
  list(key: string, member: string, lifetimeMs: number): this {
    return this.#add('list', key, member, wholeMs(lifetimeMs));
  }

  unlist(key: string, members: string[]): this {
    return members.length === 0 ? this : this.#add('unlist', key, ...members);
  }

  #add(name: string, key: string, ...args: string[]): this {
    this.args.push(name, String(this.#index(key)), String(args.length), ...args);
    return this;
  }

  /** One-based, as Lua counts. */
  #index(key: string): number {
    const at = this.keys.indexOf(key);
    return at === -1 ? this.keys.push(key) : at + 1;
  }
}

export type Refused = {
  ok: false;
  /** The key whose check failed. */
  key: string;
  reason: 'gone' | 'dead' | 'spent' | 'taken' | 'changed';
  /** The sealed answer of the first spender, with reason `spent`. */
  answer: string | undefined;
};

export type Outcome = { ok: true } | Refused;

/** Reads the reply of scripts/commit.lua. */
export function readOutcome(change: Change, reply: unknown): Outcome {
  const [done, index, reason, answer] = reply as [number, number, Refused['reason'], string];
  if (done === 1) return { ok: true };
  return { ok: false, key: change.keys[index - 1] ?? '', reason, answer: answer || undefined };
}

function wholeMs(ms: number): string {
  return String(Math.max(0, Math.ceil(ms)));
}
