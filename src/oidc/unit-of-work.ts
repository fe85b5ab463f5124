import { AsyncLocalStorage } from 'node:async_hooks';
import { Unavailable } from '../errors.ts';
import type { ReplayKind } from '../observer.ts';
import { Change, type Refused } from '../redis/change.ts';
import type { Store } from '../redis/redis.ts';
import type { AccountSource, PresentAccount } from './claims.ts';

/**
 * One request's dealings with Redis. Reads are remembered, writes are held back and visible to later reads,
 * and `commit` carries all of them out before the first byte of the answer leaves: one script for each
 * aggregate, with its preconditions inside.
 *
 * Aggregates commit in the order of `Rank`. Each state in between is harmless: an account that lists a
 * session which is not there yet, a grant and code that nobody was told of, a session that names only grants
 * that exist. The gate comes last: it is where a thing that may happen once is spent, and with it the
 * answer is left for whoever asks again.
 */
export type Rank = keyof typeof ranks;
const ranks = { account: 0, grant: 1, session: 2, gate: 3 } as const;

/** A hash as stored; undefined when there is none. */
export type Fields = Record<string, string> | undefined;

/** The thing that this request may do only once, and what is left for a request that asks again. */
export type Single = {
  kind: ReplayKind;
  /** The record that is spent. */
  key: string;
  answerKey: string;
  /** The aggregate whose change spends it. */
  rank: Rank;
  aggregate: string;
  /** The value that only the rightful asker has; the answer is sealed under a key that it yields. */
  carrier: string;
  /** Whether the browser's own cookie belongs to the carrier, since the value alone travels in a URL. */
  isBoundToBrowser: boolean;
  /** How long the answer is kept; 0 leaves none. */
  answerForMs: number;
  /** What the record was spent for; with `response-sent` the answer goes as soon as it was sent. */
  until: 'expiry' | 'response-sent';
  /** The grant to revoke when this turns out to be a replay. */
  grantKey: string | undefined;
  /** The sealed answer that was found with the spent record: this request asks again. */
  earlierAnswer?: string;
};

/** label: such as "Firefox, Linux"; empty where the browser does not say. address: an IP address. */
export type BrowserDescription = { label: string; address: string };

export type CommitResult = { ok: true } | { ok: false; rank: Rank; refused: Refused };

type Aggregate = {
  rank: Rank;
  change: Change;
  /** Needs nothing that another aggregate writes. */
  isIndependent: boolean;
};

export class UnitOfWork {
  readonly #store: Store;
  readonly #accounts: AccountSource | undefined;
  readonly #accountsRead = new Map<string, Promise<PresentAccount | undefined>>();
  readonly #reads = new Map<string, Promise<Fields>>();
  readonly #held = new Map<string, Fields>();
  readonly #aggregates = new Map<string, Aggregate>();
  readonly #revocations = new Map<string, Change>();
  readonly #beside: (() => Promise<unknown>)[] = [];
  /** Session ids that were replaced in this request; see oidc/session-store.ts. */
  readonly retiredSessionIds = new Set<string>();
  /** The session id that the browser showed, when there is a newer one on its way to it or there already. */
  replacedSessionId: string | undefined;
  readonly singles: Single[] = [];
  /** The grant of a spent code or token that this request shows, and what that is. */
  spentGrantKey: string | undefined;
  spentKind: ReplayKind = 'other';
  /**
   * Where the browser goes on by itself when the commit is refused. Where this request both takes a person's answer
   * and goes on with it, the answer alone is written then.
   */
  fallBack: { change?: Change; location: string } | undefined;
  /** What only the browser at hand has: the uid of its interaction, or the id of its session. */
  browserSecret: string | undefined;
  /** The store could not answer at some point: whatever the engine made of that, the request is refused. */
  outage: Unavailable | undefined;
  /** Keys of what this request asks for and that is not there any more, ended by an earlier request. */
  readonly ended = new Set<string>();
  /** The epoch of the sign-in that this request's session stands on; see AccountSource. */
  signInEpoch: number | undefined;
  /** The era of that sign-in; see eras.ts. */
  signInEra: number | undefined;
  /** How strong that sign-in was, where a code or a refresh token stands for it; a session tells the engine itself. */
  signedInAcr: string | undefined;
  /** Which of its secrets the client has shown. */
  clientSecretId: string | undefined;
  /** Whether that sign-in left the second factor out because the account trusts the browser. */
  signedInTrusted = false;
  /** Whether it left the second factor of the account out because its client asks for none. */
  signedInWaived = false;
  /** The browser that sent the request, as its person will recognise it. */
  readonly describeBrowser: () => BrowserDescription;
  /** Whether the route at hand answers a request that is sent again; others see a spent thing as spent. */
  readonly mayAnswerAgain: boolean;

  constructor(
    store: Store,
    options: {
      mayAnswerAgain: boolean;
      accounts?: AccountSource;
      describeBrowser?: () => BrowserDescription;
    },
  ) {
    this.#store = store;
    this.#accounts = options.accounts;
    this.describeBrowser = options.describeBrowser ?? (() => ({ label: '', address: '' }));
    this.mayAnswerAgain = options.mayAnswerAgain;
  }

  /** The record as this request sees it: as read once, with the writes that it holds. */
  read(key: string): Promise<Fields> {
    if (this.#held.has(key)) return Promise.resolve(this.#held.get(key));
    let found = this.#reads.get(key);
    if (!found) {
      found = this.#store.read(key);
      // A read ahead may be rejected before anybody awaits it.
      found.catch((error) => this.noteOutage(error));
      this.#reads.set(key, found);
    }
    return found;
  }

  /** The record as it was in Redis when this request first read it, without the writes that it holds. */
  async asRead(key: string): Promise<Fields> {
    return this.#reads.get(key);
  }

  /** Starts a read that will be wanted soon, so that it shares a round trip with the one at hand. */
  readAhead(key: string): void {
    void this.read(key);
  }

  /** The account as it was when this request first looked. */
  account(accountId: string): Promise<PresentAccount | undefined> {
    let found = this.#accountsRead.get(accountId);
    if (!found) {
      if (!this.#accounts) throw new Error('this unit of work knows no accounts');
      found = this.#accounts.present(accountId);
      found.catch((error) => this.noteOutage(error));
      this.#accountsRead.set(accountId, found);
    }
    return found;
  }

  readAccountAhead(accountId: string): void {
    if (this.#accounts) void this.account(accountId);
  }

  noteOutage(error: unknown): void {
    if (error instanceof Unavailable) this.outage ??= error;
  }

  /** Does something with the store outside the held writes, so that an outage in it is not overlooked. */
  async guard<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.noteOutage(error);
      throw error;
    }
  }

  /** What later reads of this request get; the write itself goes into `change`. */
  hold(key: string, fields: Fields): void {
    this.#held.set(key, fields);
  }

  isHeld(key: string): boolean {
    return this.#held.has(key);
  }

  /** The change to one aggregate, named by any key of it that is always the same. */
  change(rank: Rank, aggregate: string): Change {
    let found = this.#aggregates.get(aggregate);
    if (!found) {
      found = { rank, change: new Change(), isIndependent: false };
      this.#aggregates.set(aggregate, found);
    }
    if (ranks[rank] > ranks[found.rank]) found.rank = rank;
    return found.change;
  }

  /** Says that this aggregate names nothing new, so that it may commit beside those that rank before it. */
  markIndependent(aggregate: string): void {
    const found = this.#aggregates.get(aggregate);
    if (found) found.isIndependent = true;
  }

  /** A change that is carried out even when the request is refused: what was stolen must die. */
  revocation(aggregate: string): Change {
    let found = this.#revocations.get(aggregate);
    if (!found) {
      found = new Change().durable();
      this.#revocations.set(aggregate, found);
    }
    return found;
  }

  /** Work that nobody waits for, to be sent in the round trip of the commit. It must not matter if it is lost. */
  besideCommit(work: () => Promise<unknown>): void {
    this.#beside.push(work);
  }

  get hasWrites(): boolean {
    return this.#aggregates.size > 0 || this.#revocations.size > 0;
  }

  async commitRevocations(): Promise<void> {
    const changes = [...this.#revocations.values()];
    this.#revocations.clear();
    await Promise.all(changes.map((change) => this.#store.commit(change)));
  }

  /**
   * Waits until the end of what was found ended is as durable as this answer has to be: the request that ended it
   * may have given up on its replicas, and this is the same one, sent again. WAIT covers what its own connection
   * wrote, so something is written in each slot.
   */
  async settleEnded(): Promise<void> {
    if (!this.#store.waitsForCopies) return;
    const marks = [...this.ended].map((key) =>
      new Change().durable().text(this.#store.keys.ended(key), 1000, '1'),
    );
    await Promise.all(marks.map((change) => this.#store.commit(change)));
  }

  /** The account's part alone, for a request whose other writes were made before. */
  async commitAccount(): Promise<CommitResult> {
    const changes = [...this.#aggregates.values()].filter(
      ({ rank, change }) => rank === 'account' && !change.isEmpty,
    );
    return (changes.length > 0 && (await this.#commitTogether(changes))) || { ok: true };
  }

  /** Stops at the first rank that refuses: what ranks after it is not written. */
  async commit(): Promise<CommitResult> {
    await this.commitRevocations();
    const waiting = [...this.#aggregates.values()].filter(({ change }) => !change.isEmpty);
    this.#aggregates.clear();
    waiting.sort((a, b) => ranks[a.rank] - ranks[b.rank]);
    for (const work of this.#beside.splice(0)) work().catch(() => {});
    while (waiting[0]) {
      const together = this.#nextTogether(waiting);
      const refused = await this.#commitTogether(together);
      if (refused) return refused;
    }
    return { ok: true };
  }

  /** Takes from the waiting what may commit at the same moment. */
  #nextTogether(waiting: Aggregate[]): Aggregate[] {
    // One script for all of them, where the Redis allows that: then there is no moment in between.
    if (this.#store.mayCrossSlots) return waiting.splice(0);
    const rank = waiting[0]?.rank;
    const together = waiting.filter((one) => one.rank === rank || (one.isIndependent && rank !== 'gate'));
    for (const one of together) waiting.splice(waiting.indexOf(one), 1);
    return together;
  }

  async #commitTogether(together: Aggregate[]): Promise<Extract<CommitResult, { ok: false }> | undefined> {
    const changes = together.map(({ change }) => change);
    const outcomes = await Promise.all(
      (this.#store.mayCrossSlots ? [Change.merge(changes)] : changes).map((change) =>
        this.#store.commit(change),
      ),
    );
    const refused = outcomes.find((outcome) => !outcome.ok);
    if (!refused || refused.ok) return undefined;
    const owner = together.find(({ change }) => change.keys.includes(refused.key));
    return { ok: false, rank: owner?.rank ?? 'grant', refused };
  }
}

const current = new AsyncLocalStorage<UnitOfWork>();

export function inUnitOfWork<T>(unit: UnitOfWork, work: () => Promise<T>): Promise<T> {
  return current.run(unit, work);
}

/** The unit of the request at hand. @throws outside of one, which is a bug */
export function unitOfWork(): UnitOfWork {
  const unit = current.getStore();
  if (!unit) throw new Error('the engine was used outside a unit of work');
  return unit;
}
