import * as oidc from 'openid-client';
import type { Person } from '../support/person.ts';
import { type Account, authorize, codeOf, type RelyingParty } from './browsing.ts';
import type { Record } from './record.ts';
import { opensUserInfo, refreshGrant, type Tokens, tokensOf } from './token-requests.ts';

export type HeldTokens = { refresh?: string; access?: string };

export function hold({ access_token: access, refresh_token: refresh }: Tokens): HeldTokens {
  return { access, ...(refresh ? { refresh } : {}) };
}

/** What was acknowledged to one person, to be read back when all is healed. */
export type Ledger = {
  /** The browser that is signed in now, and what its relying parties hold. */
  live: { browser: Person; tokens: Map<RelyingParty, HeldTokens> } | undefined;
  /** Signed out, or its password was changed; `tokens` are those that must have died with it. */
  ended: { why: string; browsers: Person[]; tokens: [RelyingParty, HeldTokens][] }[];
  revoked: [RelyingParty, HeldTokens][];
  /** With the passwords that were acknowledged last. */
  accounts: Account[];
};

type ReadBack = { record: Record; ledger: Ledger; parties: RelyingParty[]; newBrowser(): Person };

/** Counts whatever is not as it was acknowledged. */
export async function readBack({ record, ledger, parties, newBrowser }: ReadBack): Promise<void> {
  const [own] = ledger.accounts;
  if (!own) throw new Error('a person without an account');
  const silentCode = async (browser: Person) => {
    const [party] = parties;
    if (!party) throw new Error('no relying party');
    const verifier = oidc.randomPKCECodeVerifier();
    const answer = await authorize({ record, browser, account: own, party, verifier, prompt: 'none' });
    return codeOf(answer);
  };

  if (ledger.live) {
    const { browser, tokens } = ledger.live;
    record.readBack += 1;
    if (!(await silentCode(browser))) record.violate('lost', 'a session');
    for (const [party, { refresh, access }] of tokens) {
      record.readBack += 1;
      if (access && !(await opensUserInfo(party, access, own.id))) record.violate('lost', 'an access token');
      if (refresh && typeof (await refreshGrant(party, refresh)) !== 'object') {
        record.violate('lost', `a refresh token of ${party.name}`);
      }
    }
  }
  for (const { why, browsers, tokens } of ledger.ended) {
    record.readBack += 1;
    for (const browser of browsers) {
      if (await silentCode(browser)) record.violate('revived', `a session after: ${why}`);
    }
    for (const [party, held] of tokens) await mustBeDead(record, party, held, own.id, why);
  }
  for (const [party, held] of ledger.revoked) {
    record.readBack += 1;
    await mustBeDead(record, party, held, own.id, 'its revocation');
  }
  for (const account of ledger.accounts) {
    record.readBack += 1;
    const [party] = parties;
    if (!party) continue;
    const verifier = oidc.randomPKCECodeVerifier();
    const answer = await authorize({ record, browser: newBrowser(), account, party, verifier });
    if (!codeOf(answer)) record.violate('lost', `an account or its password: ${JSON.stringify(answer)}`);
  }
}

async function mustBeDead(
  record: Record,
  party: RelyingParty,
  { refresh, access }: HeldTokens,
  accountId: string,
  why: string,
): Promise<void> {
  if (access && (await opensUserInfo(party, access, accountId))) {
    record.violate('revived', `an access token after ${why}`);
  }
  if (!refresh) return;
  const { active } = await oidc.tokenIntrospection(party.configuration, refresh);
  if (active) record.violate('revived', `a refresh token is active after ${why}`);
  if (tokensOf(await refreshGrant(party, refresh))) {
    record.violate('revived', `a refresh token works after ${why}`);
  }
}
