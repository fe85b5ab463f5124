import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { Context } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { KeyRing } from '../redis/key-ring.ts';
import { decrypt, encrypt } from '../redis/vault.ts';
import type { Single, UnitOfWork } from './unit-of-work.ts';

/**
 * The answer to a request that spent something, sealed and kept for the same request sent again: the pod may
 * have died before the answer arrived. The key comes from the value that was presented (a code, a refresh
 * token, an interaction's cookie), so that nobody who does not have it can open the answer, and the request
 * around it must be the same: client, parameters and sender constraint are bound into the seal.
 */
type Answer = { status: number; headers: [name: string, value: string | string[]][]; body: string };

/** What makes an answer what it is; everything else on a response belongs to the request at hand. */
const keptHeaders = ['location', 'content-type', 'set-cookie', 'cache-control', 'pragma'];

export function sealAnswer(ring: KeyRing, ctx: Context, unit: UnitOfWork, single: Single): string {
  const answer: Answer = {
    status: ctx.status,
    headers: keptHeaders.flatMap((name) => {
      const value = ctx.res.getHeader(name);
      return value === undefined ? [] : [[name, typeof value === 'number' ? String(value) : value]];
    }),
    body: bodyText(ctx.body),
  };
  return encrypt(sealingKey(ring, unit, single), bindingOf(ctx), JSON.stringify(answer));
}

/** Puts the kept answer in place of the one at hand. @returns false when this is not the same request */
export function giveAnswerAgain(
  ring: KeyRing,
  ctx: Context,
  unit: UnitOfWork,
  single: Single,
  sealed: string,
): boolean {
  let answer: Answer;
  try {
    answer = JSON.parse(decrypt(sealingKey(ring, unit, single), bindingOf(ctx), sealed)) as Answer;
  } catch {
    return false;
  }
  for (const name of keptHeaders) ctx.res.removeHeader(name);
  ctx.status = answer.status;
  ctx.body = answer.body;
  ctx.res.removeHeader('content-type');
  for (const [name, value] of answer.headers) ctx.set(name, value);
  return true;
}

function sealingKey(ring: KeyRing, unit: UnitOfWork, single: Single): KeyObject {
  const carrier = single.isBoundToBrowser ? `${single.carrier}|${unit.browserSecret}` : single.carrier;
  return createSecretKey(createHmac('sha256', ring.key('answer')).update(carrier).digest());
}

/** The part of a request that must be the same for the answer to be given again. */
function bindingOf(ctx: Context): string {
  const { oidc } = ctx as unknown as Partial<KoaContextWithOIDC>;
  if (oidc?.route !== 'token') return oidc?.route ?? '';
  const { params, entities, client } = oidc;
  const token = entities?.AccessToken as { jkt?: string; 'x5t#S256'?: string } | undefined;
  const bound = [
    client?.clientId,
    params?.grant_type,
    params?.scope,
    params?.resource,
    params?.redirect_uri,
    token?.jkt,
    token?.['x5t#S256'],
  ].map((value) => value ?? null);
  return createHash('sha256').update(JSON.stringify(bound)).digest('base64url');
}

function bodyText(body: unknown): string {
  if (typeof body === 'string') return body;
  return body === undefined || body === null ? '' : JSON.stringify(body);
}
