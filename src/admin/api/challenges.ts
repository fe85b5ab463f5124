import type { Permission } from '../../access/permissions.ts';
import { twoFactors } from '../../acr.ts';
import { proofAlgorithms } from './dpop.ts';
import { ApiProblem } from './problem.ts';

/** What a sender is told whose token will not do, and in WWW-Authenticate how to get a better one. */
const realm = 'Holdfast admin API';

/** RFC 6750 3.1: who sends no token learns only that one is needed. */
export function noToken(): ApiProblem {
  return new ApiProblem('invalid-token', 'Send an access token for this API in Authorization.', {
    headers: {
      'www-authenticate': `Bearer realm="${realm}", DPoP realm="${realm}", algs="${proofAlgorithms.join(' ')}"`,
    },
  });
}

export function refuse(why: string): ApiProblem {
  return new ApiProblem('invalid-token', `The access token was not taken: ${why}.`, {
    headers: {
      'www-authenticate': `Bearer realm="${realm}", error="invalid_token", error_description="${why}"`,
    },
  });
}

/** RFC 9470 3: who sees this asks for a sign-in with one of these values. */
export function refuseWeak(): ApiProblem {
  const why = 'administration needs a sign-in with a second factor';
  return new ApiProblem(
    'insufficient-authentication',
    `The access token was not taken: ${why}. Ask for another one with acr_values=${twoFactors}.`,
    {
      headers: {
        'www-authenticate': `Bearer realm="${realm}", error="insufficient_user_authentication", error_description="${why}", acr_values="${twoFactors}"`,
      },
    },
  );
}

export function refuseProof(why: string): ApiProblem {
  const algs = proofAlgorithms.join(' ');
  return new ApiProblem('invalid-token', `The DPoP proof was not taken: ${why}.`, {
    headers: {
      'www-authenticate': `DPoP realm="${realm}", error="invalid_dpop_proof", error_description="${why}", algs="${algs}"`,
    },
  });
}

export function insufficientScope(permission: Permission): ApiProblem {
  return new ApiProblem('insufficient-scope', `This needs the permission ${permission}.`, {
    headers: {
      'www-authenticate': `Bearer realm="${realm}", error="insufficient_scope", scope="${permission}"`,
    },
  });
}
