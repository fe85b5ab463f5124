import { z } from 'zod';
import type { Fact } from '../accounts/factor-policy.ts';

/**
 * What a person has proved in one interaction: each step adds a fact, and any pod goes on from here. It is kept
 * sealed with the interaction (oidc/interaction-store.ts).
 */
export type SignInProgress = {
  accountId: string;
  /** Of the account at the first fact; when it is another by now, all facts are void. */
  epoch: number;
  facts: Fact[];
  /** Whether the session is to outlive the browser's. */
  remember: boolean;
  /** Whether the account is to trust this browser from now on. */
  trust: boolean;
  /** Recovery codes were made in this sign-in, and are still to be shown; sealed, as everything here. */
  newCodes?: string[];
};

const schema = z.object({
  accountId: z.string(),
  epoch: z.number(),
  facts: z.array(
    z.object({
      method: z.enum(['pwd', 'passkey', 'otp', 'recovery', 'email-code', 'upstream']),
      at: z.number(),
    }),
  ),
  remember: z.boolean(),
  trust: z.boolean(),
  newCodes: z.array(z.string()).optional(),
});

/** @param stored as it was kept; what another version kept and this one cannot read counts as nothing */
export function readProgress(stored: unknown): SignInProgress | undefined {
  const parsed = schema.safeParse(stored);
  if (!parsed.success) return undefined;
  const { newCodes, ...progress } = parsed.data;
  return { ...progress, ...(newCodes ? { newCodes } : {}) };
}

/** With one more fact; of another account, it begins anew. */
export function withFact(
  progress: SignInProgress | undefined,
  proven: { accountId: string; epoch: number; fact: Fact },
): SignInProgress {
  const { accountId, epoch, fact } = proven;
  const isSame = progress?.accountId === accountId && progress.epoch === epoch;
  const before = isSame ? progress : { remember: progress?.remember ?? false, trust: false, facts: [] };
  const facts = before.facts.filter(({ method }) => method !== fact.method);
  return { ...before, accountId, epoch, facts: [...facts, fact] };
}
