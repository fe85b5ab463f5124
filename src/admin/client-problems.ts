import { isBelow, type SecondFactorRule, secondFactorRules } from '../oidc/oidc.ts';
import type { ClientWriting } from '../oidc/registered-clients.ts';
import { rolesOf } from './client-metadata.ts';
import { changed, notFound, type Refused, refused, unfit } from './outcome.ts';

export function explainClientProblem(writing: Exclude<ClientWriting, { ok: true }>): Refused {
  switch (writing.problem) {
    case 'not-found':
      return notFound('client');
    case 'changed':
      return changed('client');
    case 'taken':
      return refused(
        'conflict',
        'This client_id is taken already, or was once. Choose another one, or leave it out.',
        [{ path: 'client_id', message: 'This client_id is taken, or was once.' }],
      );
    case 'built-in':
      return refused('conflict', 'This client is part of the product and cannot be changed.');
    case 'two-secrets':
      return refused(
        'conflict',
        'There are two secrets already. Remove the one that is not in use any more.',
      );
    case 'last-secret':
      return refused(
        'conflict',
        'This is the only secret. Add another one first, so that the application can go on; or disable the client.',
      );
    case 'invalid':
      return unfit([{ path: fieldOf(writing.message), message: writing.message }]);
  }
}

/** What nobody may write into the metadata of a client. @param id that it must have, when it is there already */
export function metadataFault(metadata: Record<string, unknown>, id?: string): Refused | undefined {
  if (id !== undefined && metadata.client_id !== id) {
    return unfit([{ path: 'client_id', message: 'The id of a client stays as it is.' }]);
  }
  if (metadata.client_secret !== undefined) {
    return unfit([
      { path: 'client_secret', message: 'A secret is made for the client and shown once; it is not given.' },
    ]);
  }
  const { roles } = metadata;
  const areNames = Array.isArray(roles) && roles.every((one) => typeof one === 'string');
  if (roles !== undefined && roles !== null && !areNames) {
    return unfit([{ path: 'roles', message: 'Give a list of ids of roles.' }]);
  }
  return undefined;
}

/**
 * A client that administers for people asks of them at least what the console does. One that does not say so goes by
 * the stricter of the two rules anyway; one that says less is told that it would not hold.
 * @param before as it was; one from before the console asked for more can be changed in all else
 */
export function secondFactorFault(
  metadata: Record<string, unknown>,
  console: SecondFactorRule,
  before?: Record<string, unknown>,
): Refused | undefined {
  if (before && proofOf(before) === proofOf(metadata)) return undefined;
  const rule = secondFactorRules.find((one) => one === metadata.second_factor);
  if (rolesOf(metadata).length === 0 || rule === undefined || !isBelow(rule, console)) return undefined;
  return unfit([
    {
      path: 'second_factor',
      message: `A client with roles administers, and so asks for a second factor as the admin console does: at least "${console}". Leave second_factor out, or take the roles away.`,
    },
  ]);
}

/** What a client administers with, and what it asks of people for that. */
function proofOf({ roles, second_factor: secondFactor }: Record<string, unknown>): string {
  return JSON.stringify([roles, secondFactor]);
}

/** The field that a message of the engine begins with or names; empty where it names none. */
function fieldOf(message: string): string {
  return /\b[a-z]+(?:_[a-z0-9]+)+\b/.exec(message)?.[0] ?? '';
}
