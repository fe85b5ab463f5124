import { meetsAcr, twoFactors } from '../acr.ts';
import { adminResourceIndicator } from './admin-resource.ts';

/**
 * What a client asks of a sign-in (client metadata `second_factor`), the least first:
 *
 *   none             a password is enough, whatever else the account has; for this client, and others like it
 *   optional         a second factor where the account has one
 *   required         always; a browser that the account trusts may leave it out
 *   required-always  always, in trusted browsers too
 *
 * Of a client that does not say it is what the setting `second_factor` says (settings/settings.ts).
 */
export const secondFactorRules = ['none', 'optional', 'required', 'required-always'] as const;
export type SecondFactorRule = (typeof secondFactorRules)[number];

/** What is known of a sign-in that was made. */
export type SignInStrength = {
  acr: string | undefined;
  /** Whether the second factor was left out because the account trusts the browser. */
  isTrusted: boolean;
  /** Whether that of the account was left out because its client asks for none. */
  isWaived: boolean;
};

/** Whether a sign-in will do where this is asked for: at the engine, in the console and in the admin API alike. */
export function isStrongEnough(
  { acr, isTrusted, isWaived }: SignInStrength,
  rule: SecondFactorRule,
): boolean {
  if (rule === 'none' || meetsAcr(acr, twoFactors)) return true;
  if (isWaived) return false;
  return rule === 'optional' || (rule === 'required' && isTrusted);
}

export function isBelow(one: SecondFactorRule, other: SecondFactorRule): boolean {
  return secondFactorRules.indexOf(one) < secondFactorRules.indexOf(other);
}

/** @param params of an authorization request */
export type SecondFactorOf = (
  client: unknown,
  params: { resource?: unknown } | undefined,
) => SecondFactorRule;

/**
 * The rule of a request. Where it may lead to a token for the admin API, that of the console counts as well, and the
 * stricter holds: who administers by the one way proves as much as by the other.
 */
export function createSecondFactorOf(parts: {
  issuer: string;
  /** Of clients that do not say. */
  usual(): SecondFactorRule;
  console(): SecondFactorRule;
}): SecondFactorOf {
  const adminResource = adminResourceIndicator(parts.issuer);
  return (client, params) => {
    const { second_factor: own, roles } = (client ?? {}) as {
      second_factor?: SecondFactorRule;
      roles?: string[];
    };
    const rule = own ?? parts.usual();
    const isForAdmin = [params?.resource].flat().includes(adminResource) || (roles?.length ?? 0) > 0;
    return isForAdmin && isBelow(rule, parts.console()) ? parts.console() : rule;
  };
}
