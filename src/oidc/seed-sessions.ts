import { nowSeconds } from '../clock.ts';
import { randomText } from '../random.ts';
import type { Store } from '../redis/redis.ts';
import { mintSessionId, type SessionStore } from './session-store.ts';
import type { TokenStore } from './token-store.ts';
import { inUnitOfWork, UnitOfWork } from './unit-of-work.ts';

const idBytes = 16;
const browsers = ['Firefox, Linux', 'Chrome, Android', 'Safari, macOS', 'Edge, Windows'];

/**
 * Sessions in great number, each with the grant of one client, as a sign-in leaves them; to see how a provider does
 * with them. Nobody has their cookies.
 */
export function createSeedSessions(parts: { store: Store; sessions: SessionStore; tokens: TokenStore }) {
  const { store, sessions, tokens } = parts;

  /** @param lifetimeSeconds until they end by themselves */
  return async (
    people: { accountId: string; epoch: number }[],
    clientId: string,
    lifetimeSeconds: number,
  ): Promise<void> => {
    await Promise.all(
      people.map(async ({ accountId, epoch }, i) => {
        const unit = new UnitOfWork(store, {
          mayAnswerAgain: false,
          describeBrowser: () => ({
            label: browsers[i % browsers.length] ?? '',
            address: `203.0.113.${i % 254}`,
          }),
        });
        const [uid, tag, sid] = [randomText(idBytes), randomText(idBytes), randomText(idBytes)];
        await inUnitOfWork(unit, async () => {
          unit.signInEpoch = epoch;
          const openid = { scope: 'openid profile email' };
          await tokens.upsertGrant(
            tag,
            { kind: 'Grant', iat: nowSeconds(), accountId, clientId, openid },
            lifetimeSeconds,
          );
          await sessions.upsert(
            mintSessionId(uid),
            {
              ...{ kind: 'Session', uid, accountId, loginTs: nowSeconds(), amr: ['pwd'] },
              ...{ acr: 'urn:holdfast:acr:1', authorizations: { [clientId]: { sid, grantId: tag } } },
            },
            lifetimeSeconds,
          );
          const committed = await unit.commit();
          if (!committed.ok) throw new Error('a session could not be made');
        });
      }),
    );
  };
}
