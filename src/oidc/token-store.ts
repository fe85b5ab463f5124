import type { ReplayKind } from '../observer.ts';
import { randomText } from '../random.ts';
import { Change } from '../redis/change.ts';
import type { KeyRing } from '../redis/key-ring.ts';
import type { Store } from '../redis/redis.ts';
import { openLocator } from './account-locator.ts';
import type { Payload } from './adapter.ts';
import type { ClientStore } from './client-store.ts';
import { type Era, onlyEra } from './eras.ts';
import { packToken, type TokenPlace, unpackToken } from './token-record.ts';
import { type Single, type UnitOfWork, unitOfWork } from './unit-of-work.ts';

/**
 * Grants, and what hangs on them: codes, opaque tokens, device codes. All of one grant lives in one slot.
 *
 * An id is `<tag>.<random>`: the tag names the slot, so that a token leads to its grant without an index, and one
 * script spends a code, writes the tokens and keeps the answer. Destroying the grant kills what hangs on it, since
 * each use reads the grant. An id may name the session besides, `<tag>.<session uid>.<random>`, and an access
 * token's the account, in the first half of what is random elsewhere (account-locator.ts): so whoever uses the token
 * reads them all in one round trip.
 */

/** The tag of a grant or of a token outside any grant: 128 bits, base64url. */
const tagPattern = /^[A-Za-z0-9_-]{22}$/;
const idPattern = /^([A-Za-z0-9_-]{22})(?:\.([A-Za-z0-9_-]{22}))?\.([A-Za-z0-9_-]{43})$/;

export function mintTag(): string {
  return randomText(16);
}

/**
 * A token id in the slot of this tag, with 256 bits that nobody can guess (RFC 6749 10.10), or 128 beside the account.
 * @param named sessionUid of a token that ends with its session; account from account-locator.ts
 */
export function mintTokenId(tag: string, named: { sessionUid?: string; account?: Buffer } = {}): string {
  const session = named.sessionUid === undefined ? '' : `.${named.sessionUid}`;
  const { account } = named;
  const secret = account
    ? Buffer.concat([account, Buffer.from(randomText(16), 'base64url')]).toString('base64url')
    : randomText(32);
  return `${tag}${session}.${secret}`;
}

export type TokenPolicy = {
  /** The longest that a token can live: so long a revoked grant keeps its tombstone. */
  longestLifetimeSeconds(): number;
  /** How long a refresh request that is sent again gets the same answer. */
  retrySeconds: number;
};

/**
 * What ends grants without touching any: the next era of everything (eras.ts), and that of a client
 * (client-record.ts). A grant, and a token that hangs on none, remembers those in which it was made.
 */
export type GrantEnds = { era: Era; client: Pick<ClientStore, 'eraOf' | 'eraNow'> };
const noEnds: GrantEnds = { era: onlyEra, client: { eraOf: async () => 0, eraNow: async () => 0 } };

/** How long a code exchange that is sent again gets the same answer, unless the first was sent. */
const codeRetrySeconds = 10;

/** A consumed record stays until it expires: it is what tells a replay from a guess. */
type Stored = TokenPlace & { key: string; answerKey: string; fields: Record<string, string> };

export function createTokenStore(store: Store, ring: KeyRing, policy: TokenPolicy, ends: GrantEnds = noEnds) {
  const { keys } = store;
  const tombstoneMs = () => policy.longestLifetimeSeconds() * 1000;

  function keyOf(id: string): (TokenPlace & { key: string; secret: string }) | undefined {
    const [, tag, sessionUid, secret] = idPattern.exec(id) ?? [];
    if (!tag || !secret) return undefined;
    return { key: keys.ofGrant(tag, ring.hash('token', id)), tag, sessionUid, secret };
  }

  async function load(id: string): Promise<Stored | undefined> {
    const at = keyOf(id);
    if (!at) return undefined;
    const unit = unitOfWork();
    const reading = unit.read(at.key);
    unit.readAhead(keys.grant(at.tag));
    if (at.sessionUid) unit.readAhead(keys.session(at.sessionUid));
    // Access tokens are shown to other routes; of another kind of token this reads nobody.
    if (!unit.mayAnswerAgain) {
      const locator = Buffer.from(at.secret, 'base64url').subarray(0, 16);
      unit.readAccountAhead(openLocator(ring, at.tag, locator));
    }
    const fields = await reading;
    return fields ? { ...at, answerKey: keys.answer(at.key), fields } : undefined;
  }

  const clientEra = (clientId: string) => unitOfWork().guard(ends.client.eraOf(clientId));

  /** Whether all that was granted when this was has ended. */
  async function isOver(fields: Record<string, string>, clientId = '', eraOf = clientEra): Promise<boolean> {
    if (Number(fields.r ?? 0) < ends.era.current()) return true;
    return Number(fields.k ?? 0) < (await eraOf(clientId));
  }

  /** Every use of a grant, and of what hangs on it, reads it here. Undefined when it has ended in any way. */
  async function liveGrant(
    tag: string,
  ): Promise<{ payload: Payload; epoch: number | undefined } | undefined> {
    const fields = await unitOfWork().read(keys.grant(tag));
    if (fields?.p === undefined) return undefined;
    const payload = readPayload(fields);
    if (await isOver(fields, payload.clientId)) return undefined;
    return { payload, epoch: fields.e === undefined ? undefined : Number(fields.e) };
  }

  async function grantBeside(tag: string): Promise<Payload | undefined> {
    return (await liveGrant(tag))?.payload;
  }

  async function unpack(stored: Stored): Promise<Payload | undefined> {
    const payload = unpackToken(stored.fields.p ?? '{}', stored, await grantBeside(stored.tag));
    // What hangs on no grant of its own slot belongs to its client alone.
    if (payload?.clientId === undefined || payload.grantId === stored.tag) return payload;
    return Number(stored.fields.k ?? 0) < (await clientEra(payload.clientId)) ? undefined : payload;
  }

  /** The fields of the eras in which something is made; the first is not written down. */
  async function erasOf(clientId: string | undefined, era = 0): Promise<Record<string, string>> {
    const ofClient = clientId === undefined ? 0 : await clientEra(clientId);
    return {
      ...(era > 0 && { r: String(era) }),
      ...(ofClient > 0 && Number.isFinite(ofClient) && { k: String(ofClient) }),
    };
  }

  return {
    /** @returns the payload, with `consumed` if it was spent */
    async find(id: string): Promise<Payload | undefined> {
      const stored = await load(id);
      const unpacked = stored && (await unpack(stored));
      const payload = unpacked && takeMarks(unpacked);
      if (!payload) {
        const at = keyOf(id);
        if (at) unitOfWork().ended.add(at.key);
        return undefined;
      }
      payload.jti = id;
      if (stored.fields.consumed !== undefined) {
        const unit = unitOfWork();
        unit.spentGrantKey = keys.grant(payload.grantId ?? stored.tag);
        unit.spentKind = replayKind(payload.kind);
        const earlierAnswer = unit.mayAnswerAgain
          ? await unit.guard(store.readText(stored.answerKey))
          : undefined;
        if (earlierAnswer === undefined) {
          payload.consumed = Math.floor(Number(stored.fields.consumed) / 1000);
        } else {
          // The request may be the first one sent again. The engine checks it as if it were the first;
          // at commit the earlier answer takes the place of the new one.
          unit.singles.push({ ...single(stored, payload), earlierAnswer });
        }
      }
      return payload;
    },

    async upsert(id: string, payload: Payload, lifetimeSeconds: number): Promise<void> {
      const at = keyOf(id);
      if (!at) throw new Error(`a ${payload.kind} needs an id with a tag`);
      const unit = unitOfWork();
      const before = await unit.asRead(at.key);
      const change = unit.change('grant', keys.grant(at.tag)).durable();
      const grant = payload.grantId === at.tag ? await grantBeside(at.tag) : undefined;
      const fields: Record<string, string> = { p: packToken({ ...payload, ...marksOf(payload) }, at, grant) };
      if (payload.grantId === at.tag) {
        // A grant that this request makes cannot be there yet; upsertGrant checks that nobody else made it.
        if (!unit.isHeld(keys.grant(at.tag))) change.requireAlive(keys.grant(at.tag));
        if (payload.kind === 'RefreshToken') {
          // The grant must outlive the longest token that hangs on it.
          change.extend(keys.grant(at.tag), lifetimeSeconds * 1000);
          if (!payload.expiresWithSession) listGrant(unit, payload.accountId, at.tag, lifetimeSeconds);
          const predecessor = unit.singles.find(({ key }) => key.startsWith(keys.ofGrant(at.tag, '')));
          if (predecessor) fields.after = predecessor.key.slice(keys.ofGrant(at.tag, '').length);
        }
      } else {
        Object.assign(fields, await erasOf(payload.clientId));
      }
      // A device code is written again when a person answers; of two who answer at once one decides.
      if (before?.p !== undefined) change.requireSame(at.key, 'p', before.p);
      change.set(at.key, lifetimeSeconds * 1000, fields);
      unit.hold(at.key, fields);
    },

    /** Spends the record: at commit exactly one request succeeds, however many try. */
    async consume(id: string): Promise<void> {
      const stored = await load(id);
      if (!stored) return;
      const unit = unitOfWork();
      if (unit.singles.some(({ key }) => key === stored.key)) return;
      const payload = await unpack(stored);
      if (!payload) return;
      // A device code lives beside its grant, not in its slot: then spending it is the gate of the request.
      const one = single(stored, { ...payload, jti: id });
      unit.singles.push(one);
      const change = unit.change(one.rank, one.aggregate).durable();
      change.requireUnspent(stored.key, stored.answerKey).spend(stored.key);
      // The successor is used: whoever still asks with the predecessor is not its rightful owner.
      const { after } = stored.fields;
      if (after) change.remove(keys.answer(keys.ofGrant(stored.tag, after)));
    },

    destroy(id: string): void {
      const at = keyOf(id);
      if (!at) return;
      // In one script with the end of its grant: sent again, a request no longer finds the grant by the token.
      unitOfWork().revocation(keys.grant(at.tag)).remove(at.key).remove(keys.answer(at.key));
      unitOfWork().hold(at.key, undefined);
    },

    async findGrant(tag: string): Promise<Payload | undefined> {
      if (!tagPattern.test(tag)) return undefined;
      const grant = await liveGrant(tag);
      return grant && { ...grant.payload, jti: tag, kind: 'Grant' };
    },

    readGrantAhead(tag: string): void {
      unitOfWork().readAhead(keys.grant(tag));
    },

    /** The epoch of the sign-in at which the grant was made. */
    async epochOf(tag: string): Promise<number | undefined> {
      return (await liveGrant(tag))?.epoch;
    },

    /** Whether this grant has ended: its id can then never be used again. */
    async isGrantBuried(tag: string): Promise<boolean> {
      const fields = await unitOfWork().read(keys.grant(tag));
      if (fields?.dead !== undefined) return true;
      return fields?.p !== undefined && isOver(fields, readPayload(fields).clientId);
    },

    /** Of two requests that make or widen a grant at once the second is refused, and looks again. */
    async upsertGrant(tag: string, payload: Payload, lifetimeSeconds: number): Promise<void> {
      const key = keys.grant(tag);
      // No `exp` in the payload: the engine takes it for an absolute limit, and a grant lives as long as
      // the longest token that hangs on it.
      const { jti: _jti, exp: _exp, kind: _kind, ...rest } = payload;
      const unit = unitOfWork();
      const change = unit.change('grant', key).durable();
      const before = await unit.asRead(key);
      const fields = {
        ...(before?.p === undefined &&
          (await erasOf(payload.clientId, unit.signInEra ?? ends.era.current()))),
        p: JSON.stringify(rest),
        e: before?.e ?? String(unit.signInEpoch ?? -1),
      };
      if (before?.p === undefined) change.requireAbsent(key);
      else change.requireSame(key, 'p', before.p);
      change.set(key, 0, fields).extend(key, lifetimeSeconds * 1000);
      unit.hold(key, { ...before, ...fields });
    },

    /** Ends a grant and all that hangs on it. */
    destroyGrant(tag: string): void {
      if (!tagPattern.test(tag)) return;
      const key = keys.grant(tag);
      unitOfWork().revocation(key).bury(key, tombstoneMs());
      unitOfWork().hold(key, { dead: '1' });
    },

    /** A grant as it is in Redis now; undefined when it has ended. */
    async look(tag: string): Promise<StoredGrant | undefined> {
      const fields = tagPattern.test(tag) ? await store.read(keys.grant(tag)) : undefined;
      if (!fields || fields.dead !== undefined) return undefined;
      const { accountId, clientId, openid, resources } = readPayload(fields) as Payload & {
        openid?: { scope?: string };
        resources?: Record<string, string>;
      };
      if (accountId === undefined || clientId === undefined) return undefined;
      if (await isOver(fields, clientId, (id) => ends.client.eraNow(id))) return undefined;
      const words = (text: string | undefined) => text?.split(' ').filter(Boolean) ?? [];
      return {
        tag,
        accountId,
        clientId,
        epoch: Number(fields.e ?? -1),
        scopes: words(openid?.scope),
        resources: Object.fromEntries(
          Object.entries(resources ?? {}).map(([indicator, scope]) => [indicator, words(scope)]),
        ),
      };
    },

    /** Takes a grant that was good in the era of its client before this one over into it. */
    async carryOver(tag: string, clientEra: number): Promise<void> {
      const key = keys.grant(tag);
      const change = new Change().durable().requireAlive(key);
      if (clientEra === 1) change.requireLacking(key, 'k');
      else change.requireSame(key, 'k', String(clientEra - 1));
      await store.commit(change.set(key, 0, { k: String(clientEra) }));
    },

    /** Ends a grant at once, outside the writes that a request holds. @param key the grant's own key */
    async revokeNow(key: string): Promise<void> {
      await store.commit(new Change().durable().bury(key, tombstoneMs()));
    },

    /** The user code of a device leads to its device code; both expire together. */
    pointUserCode(userCode: string, deviceCode: string, lifetimeSeconds: number): void {
      const key = keys.userCode(ring.hash('user-code', userCode));
      const fields = { to: ring.seal('user-code', key, deviceCode) };
      unitOfWork()
        .change('account', key)
        .set(key, lifetimeSeconds * 1000, fields);
    },

    async findByUserCode(userCode: string): Promise<Payload | undefined> {
      const key = keys.userCode(ring.hash('user-code', userCode));
      const fields = await unitOfWork().read(key);
      const code = fields?.to ? await this.find(ring.open('user-code', key, fields.to)) : undefined;
      // Not kept beside the device code: whoever types it in brings it along.
      return code && { ...code, userCode };
    },
  };

  /**
   * A grant that outlives its session is listed with the account; the others are named by the session. Beside the
   * check of the account that each of these requests makes, so it costs no script of its own.
   */
  function listGrant(unit: UnitOfWork, accountId: string | undefined, tag: string, lifetimeSeconds: number) {
    if (accountId === undefined) return;
    unit
      .change('account', `account ${accountId}`)
      .list(keys.accountSignedIn(accountId), `g${tag}`, lifetimeSeconds * 1000);
  }

  function single(stored: Stored, payload: Payload): Single {
    const isCode = payload.kind === 'AuthorizationCode';
    const seconds = isCode ? Math.min(codeRetrySeconds, policy.retrySeconds) : policy.retrySeconds;
    return {
      kind: replayKind(payload.kind),
      key: stored.key,
      answerKey: stored.answerKey,
      carrier: payload.jti ?? '',
      isBoundToBrowser: false,
      rank: payload.grantId === stored.tag ? 'grant' : 'gate',
      aggregate: payload.grantId === stored.tag ? keys.grant(stored.tag) : stored.key,
      answerForMs: seconds * 1000,
      until: isCode ? 'response-sent' : 'expiry',
      grantKey: keys.grant(payload.grantId ?? stored.tag),
    };
  }
}

export type StoredGrant = {
  tag: string;
  accountId: string;
  clientId: string;
  epoch: number;
  scopes: string[];
  /** Resource indicator → scopes (RFC 8707). */
  resources: Record<string, string[]>;
};

export type TokenStore = ReturnType<typeof createTokenStore>;

/** How the second factor of the sign-in was left out (as in session-store.ts), beside its `acr` where that is kept. */
function marksOf({ acr }: Payload): { t?: 1; n?: 1 } {
  const { signedInTrusted, signedInWaived } = unitOfWork();
  return acr === undefined ? {} : { ...(signedInTrusted && { t: 1 }), ...(signedInWaived && { n: 1 }) };
}

/** Reads them for what is made of the token in this request. */
function takeMarks({ t, n, ...payload }: Payload): Payload {
  if (payload.acr === undefined) return payload;
  const unit = unitOfWork();
  unit.signedInAcr = payload.acr as string;
  unit.signedInTrusted = t === 1;
  unit.signedInWaived = n === 1;
  return payload;
}

const replayKinds: Record<string, ReplayKind> = {
  AuthorizationCode: 'code',
  RefreshToken: 'refresh',
  DeviceCode: 'device-code',
};

function replayKind(kind: string | undefined): ReplayKind {
  return replayKinds[kind ?? ''] ?? 'other';
}

function readPayload(fields: Record<string, string>): Payload {
  return JSON.parse(fields.p ?? '{}') as Payload;
}
