import type { Factor } from '../accounts/factors.ts';
import type { FactorItem } from '../http/account-views.ts';
import { momentOf, type Visit } from './visit.ts';

/** A passkey or an app as pages show it; undefined for recovery codes, which are neither. */
export function factorItem(visit: Visit, factor: Factor): FactorItem | undefined {
  if (factor.kind === 'recovery-codes') return undefined;
  const { id, kind, name, createdAt, lastUsedAt } = factor;
  return {
    id,
    kind,
    name,
    addedAt: momentOf(visit, createdAt),
    ...(lastUsedAt === undefined ? {} : { usedAt: momentOf(visit, lastUsedAt) }),
    isSynced: factor.kind === 'passkey' && factor.isSynced,
  };
}

/**
 * Where to go on after a factor was added: to recovery codes where there are none, since whatever was set up can be
 * lost.
 */
export function afterAdding(done: 'passkey-added' | 'totp-added', list: readonly Factor[]): string {
  const hasCodes = list.some((one) => one.kind === 'recovery-codes' && one.left > 0);
  return `/account/security${hasCodes ? '' : '/recovery-codes'}?done=${done}`;
}
