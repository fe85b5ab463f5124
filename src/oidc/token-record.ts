import type { Payload } from './adapter.ts';

/**
 * How codes and tokens are written. They are the bulk of what Redis holds, so whatever the grant beside them or
 * their own id says is left out, and put back when they are read.
 */
export type TokenPlace = {
  /** The tag in the token's id: that of its grant, for the kinds that hang on one. */
  tag: string;
  /** The session in the token's id, of a token that ends with it. */
  sessionUid: string | undefined;
};

const letters: Record<string, string> = {
  AuthorizationCode: 'c',
  AccessToken: 'a',
  RefreshToken: 'r',
  ClientCredentials: 's',
  DeviceCode: 'd',
  BackchannelAuthenticationRequest: 'b',
};
const kinds = new Map(Object.entries(letters).map(([kind, letter]) => [letter, kind]));

/** @param grant the grant in the same slot, if there is one */
export function packToken(payload: Payload, place: TokenPlace, grant: Payload | undefined): string {
  const { jti: _jti, userCode: _userCode, kind, ...rest } = payload;
  const record: Payload = { k: letters[kind ?? ''] ?? kind, ...rest };
  if (record.grantId === place.tag && grant) {
    delete record.grantId;
    record.g = 1;
    if (record.accountId === grant.accountId) delete record.accountId;
    if (record.clientId === grant.clientId) delete record.clientId;
  }
  if (record.expiresWithSession === true && record.sessionUid === place.sessionUid) {
    delete record.expiresWithSession;
    delete record.sessionUid;
  }
  return JSON.stringify(record);
}

/** @returns undefined when it hangs on a grant that is not there any more */
export function unpackToken(
  text: string,
  place: TokenPlace,
  grant: Payload | undefined,
): Payload | undefined {
  const { k, g, ...payload } = JSON.parse(text) as Payload & { k: string; g?: 1 };
  payload.kind = kinds.get(k) ?? k;
  if (g) {
    if (!grant) return undefined;
    payload.grantId = place.tag;
    payload.accountId ??= grant.accountId ?? '';
    payload.clientId ??= grant.clientId ?? '';
  }
  if (place.sessionUid !== undefined) {
    payload.sessionUid ??= place.sessionUid;
    payload.expiresWithSession ??= true;
  }
  return payload;
}
