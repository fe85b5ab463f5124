import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { meetsAny } from '../acr.ts';
import { isStrongEnough, type SecondFactorOf } from './second-factor.ts';
import { unitOfWork } from './unit-of-work.ts';

/**
 * When a person has to answer something. The engine asks for a sign-in where there is none, or where it is too old
 * (`max_age`); besides, one that is not as strong as it has to be is repeated.
 */
export function createPromptPolicy(secondFactorOf: SecondFactorOf) {
  const { Check, base } = interactionPolicy;
  const policy = base();
  policy.get('login')?.checks.add(
    new Check('weak_sign_in', 'a stronger sign-in is needed', 'login_required', (ctx) => {
      const { session, result } = ctx.oidc;
      // What the person just did is as strong as it gets: `acr` says the truth about it (RFC 9470 6.1).
      const isEnough = !session?.accountId || result?.login !== undefined || willDo(ctx, secondFactorOf);
      return isEnough ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT;
    }),
  );
  return policy;
}

function willDo({ oidc }: KoaContextWithOIDC, secondFactorOf: SecondFactorOf): boolean {
  const { acr, client, params } = oidc;
  if (!meetsAny(acr, String(params?.acr_values ?? ''))) return false;
  const { signedInTrusted: isTrusted, signedInWaived: isWaived } = unitOfWork();
  return isStrongEnough({ acr, isTrusted, isWaived }, secondFactorOf(client, params));
}
