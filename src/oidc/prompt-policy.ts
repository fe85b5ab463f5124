import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { meetsAcr, meetsAny, twoFactors } from '../acr.ts';
import { unitOfWork } from './unit-of-work.ts';

/**
 * When a person has to answer something. The engine asks for a sign-in where there is none, or where it is too old
 * (`max_age`); besides, one that is not as strong as it has to be is repeated.
 */

/**
 * What a client asks of a sign-in (client metadata `second_factor`):
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

/** @param fallback the rule of clients that have none, as it is now */
export function createPromptPolicy(fallback: () => SecondFactorRule) {
  const { Check, base } = interactionPolicy;
  const policy = base();
  policy.get('login')?.checks.add(
    new Check('weak_sign_in', 'a stronger sign-in is needed', 'login_required', (ctx) => {
      const { session, result } = ctx.oidc;
      // What the person just did is as strong as it gets: `acr` says the truth about it (RFC 9470 6.1).
      const isEnough = !session?.accountId || result?.login !== undefined || isStrongEnough(ctx, fallback());
      return isEnough ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT;
    }),
  );
  return policy;
}

function isStrongEnough({ oidc }: KoaContextWithOIDC, fallback: SecondFactorRule): boolean {
  const { acr } = oidc;
  if (!meetsAny(acr, String(oidc.params?.acr_values ?? ''))) return false;
  const rule = (oidc.client as { second_factor?: SecondFactorRule } | undefined)?.second_factor ?? fallback;
  if (rule === 'none' || meetsAcr(acr, twoFactors)) return true;
  const { signedInTrusted, signedInWaived } = unitOfWork();
  if (rule === 'required-always') return false;
  if (rule === 'required') return signedInTrusted;
  return !signedInWaived;
}
