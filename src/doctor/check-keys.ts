import { nowMs } from '../clock.ts';
import type { Config } from '../config.ts';
import { readKeySet } from '../oidc/oidc.ts';
import type { Store } from '../redis/redis.ts';
import { sealedUnder } from '../redis/reseal.ts';
import { createVault } from '../redis/vault.ts';
import { about, type Finding } from './finding.ts';

const dayMs = 24 * 60 * 60 * 1000;
/** A rotation takes minutes, where all pods serve the new key. */
const longRotationMs = 60 * 60 * 1000;
const oldKeyDays = 400;

/**
 * What secrets are sealed under, and how old the keys are that sign.
 * @returns canOpen whether HOLDFAST_KEYS opens all of it. @throws Unavailable
 */
export async function checkKeys(
  config: Pick<Config, 'vaultKeys'>,
  store: Store,
): Promise<{ findings: Finding[]; kids: string[]; canOpen: boolean }> {
  const sealing = about('Keys: HOLDFAST_KEYS');
  const sealed = await sealedUnder(store);
  if (sealed.length === 0) {
    const findings = [sealing.ok('nothing is sealed yet: no pod has started here')];
    return { findings, kids: [], canOpen: false };
  }
  const has = new Set(config.vaultKeys.map(({ id }) => id));
  const current = config.vaultKeys[0]?.id;
  const foreign = sealed.filter(({ keyId }) => !has.has(keyId)).map(({ keyId }) => keyId);
  if (foreign.length > 0) {
    const says = `secrets are sealed under ${foreign.join(', ')}, which HOLDFAST_KEYS does not have: no pod starts`;
    const findings = [sealing.fault(says, 'add that key, behind the current one')];
    return { findings, kids: [], canOpen: false };
  }
  const fields = (await store.read(store.keys.keyRing())) ?? {};
  let keys: ReturnType<typeof readKeySet>;
  try {
    keys = readKeySet(createVault(config.vaultKeys), fields);
  } catch {
    const says = 'a key has the right name, and does not open what was sealed under it: no pod starts';
    const findings = [sealing.fault(says, 'restore the value that this key had')];
    return { findings, kids: [], canOpen: false };
  }

  const stale = sealed.filter(({ keyId }) => keyId !== current);
  const spare = config.vaultKeys.slice(1).map(({ id }) => id);
  const findings: Finding[] = [];
  if (stale.length > 0) {
    const count = stale.reduce((sum, { secrets }) => sum + secrets, 0);
    findings.push(
      sealing.warning(
        `${count} secrets are still sealed under ${stale.map(({ keyId }) => keyId).join(', ')}`,
        'holdfast reseal',
      ),
    );
  } else if (spare.length > 0) {
    findings.push(
      sealing.warning(
        `nothing is sealed under ${spare.join(', ')} any more`,
        'take it out of HOLDFAST_KEYS; keep it elsewhere for as long as you keep backups from before',
      ),
    );
  } else findings.push(sealing.ok(`all is sealed under "${current}"`));

  const signing = about('Keys: signing');
  const now = nowMs();
  const active = keys.records.filter(({ use, state }) => use === 'signing' && state === 'active');
  const stuck = keys.records.filter(
    ({ state, createdAt }) => state === 'published' && now - createdAt > longRotationMs,
  );
  const underWay = keys.records.filter(({ state }) => state === 'published');
  const oldest = Math.max(...active.map(({ activatedAt, createdAt }) => now - (activatedAt ?? createdAt)), 0);
  const days = Math.floor(oldest / dayMs);
  if (stuck.length > 0) {
    findings.push(
      signing.warning(
        'a rotation has been under way for more than an hour: some pod does not serve the new keys',
        'holdfast key list says how many do; look at the logs of the others',
      ),
    );
  } else if (days > oldKeyDays) {
    findings.push(signing.warning(`the oldest signs since ${days} days`, 'holdfast key rotate signing'));
  } else {
    const rotating = underWay.length > 0 ? '; a rotation is under way' : '';
    findings.push(signing.ok(`${active.length} sign, the oldest since ${days} days${rotating}`));
  }
  const kids = keys.records.filter(({ use }) => use === 'signing').map(({ id }) => id);
  return { findings, kids, canOpen: true };
}
