import { nowMs } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { type Account, toTermsFields } from './account-record.ts';
import type { AccountStore } from './account-store.ts';

/** The terms that whoever has an account must accept, by version; a newer version is asked for again. */
export type Terms = {
  /** What is in force now; undefined when nothing is to be accepted. */
  readonly current: { url: string; version: string } | undefined;
  /** Whether the account must still accept what is in force, before it goes on. */
  isDue(account: Account): boolean;
  /** @param version that the person was shown; another than the current one is refused as outdated */
  accept(
    id: string,
    version: string,
  ): Promise<{ ok: true; account: Account } | { ok: false; problem: 'not-found' | 'outdated' }>;
};

export function createTerms(parts: {
  config: Pick<Config, 'terms'>;
  accountStore: AccountStore;
  log: Log;
}): Terms {
  const { accountStore, log, config } = parts;
  return {
    get current() {
      return config.terms;
    },
    isDue: ({ terms }) => config.terms !== undefined && terms?.version !== config.terms.version,
    async accept(id, version) {
      if (version !== config.terms?.version) return { ok: false, problem: 'outdated' };
      const outcome = await accountStore.update(id, { set: toTermsFields({ version, acceptedAt: nowMs() }) });
      if (!outcome.ok) return { ok: false, problem: 'not-found' };
      log.info({ account: id, version }, 'terms accepted');
      return { ok: true, account: outcome.account };
    },
  };
}
