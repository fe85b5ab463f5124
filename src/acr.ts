/**
 * How strongly somebody proved who they are: the values of `acr` (OpenID Connect Core 2), weakest first. Each one
 * also meets a request for those before it.
 *
 *   urn:holdfast:acr:1   one factor
 *   urn:holdfast:acr:2   two factors, or one that is two in itself (a passkey with user verification)
 *   phr                  phishing-resistant (OpenID Connect EAP ACR Values 1.0): a passkey
 */
export const acrValues = ['urn:holdfast:acr:1', 'urn:holdfast:acr:2', 'phr'] as const;
export type Acr = (typeof acrValues)[number];

export const oneFactor: Acr = 'urn:holdfast:acr:1';
export const twoFactors: Acr = 'urn:holdfast:acr:2';

/** @param actual,wanted values from outside; one that is not ours is never met, and meets nothing */
export function meetsAcr(actual: string | undefined, wanted: string): boolean {
  const at = acrValues.indexOf(wanted as Acr);
  return at !== -1 && acrValues.indexOf(actual as Acr) >= at;
}

/**
 * Whether one of the values of an `acr_values` parameter is met. It is voluntary (Core 3.1.2.1): where none of them
 * is ours, as with an empty one, nothing is asked for.
 */
export function meetsAny(actual: string | undefined, wanted: string): boolean {
  const values = wanted.split(' ').filter((value) => acrValues.includes(value as Acr));
  return values.length === 0 || values.some((value) => meetsAcr(actual, value));
}
