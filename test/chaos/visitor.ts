import * as oidc from 'openid-client';
import { Person } from '../support/person.ts';
import type { Administrator } from './administrator.ts';
import { type Account, type Answer, authorize, codeOf, type RelyingParty, signOut } from './browsing.ts';
import { type HeldTokens, hold, type Ledger } from './ledger.ts';
import type { Random } from './random.ts';
import type { Record } from './record.ts';
import { describe, isNoAnswer } from './sending.ts';
import {
  codeGrant,
  type Granted,
  isRefused,
  opensUserInfo,
  refreshGrant,
  type Tokens,
  tokensOf,
} from './token-requests.ts';

export type VisitorOptions = {
  issuer: string;
  account: Account;
  parties: RelyingParty[];
  record: Record;
  random: Random;
  administrator: Administrator;
  /** See Fault. */
  sparesRedis: boolean;
};

/** What a signed-in person does, in an order of its own each time. */
const deck = [
  ...(['sign on', 'sign on', 'sign on', 'sign on', 'sign on to all', 'sign on to all'] as const),
  ...(['refresh', 'refresh', 'refresh', 'sign on in two tabs', 'introspect', 'introspect'] as const),
  ...(['refresh twice at once', 'refresh twice at once', 'refresh twice at once', 'revoke'] as const),
  ...(['sign out', 'sign out amid requests', 'change password amid requests'] as const),
  ...(['double everything', 'create account'] as const),
];

/**
 * A person with a browser, signed in to several relying parties, who does one thing after another. What is
 * acknowledged goes into the ledger, and whatever is not as it was promised into the record.
 */
export class Visitor {
  readonly #with: VisitorOptions;
  readonly #account: Account;
  readonly ledger: Ledger;
  #deck: (typeof deck)[number][] = [];

  constructor(options: VisitorOptions) {
    this.#with = options;
    this.#account = options.account;
    this.ledger = { live: undefined, ended: [], revoked: [], accounts: [options.account] };
  }

  newBrowser(): Person {
    return new Person(this.#with.issuer, [this.#with.issuer]);
  }

  /** One flow. */
  async act(): Promise<void> {
    const { record, random, parties } = this.#with;
    record.flows += 1;
    const party = random.pick(parties);
    try {
      if (!this.ledger.live) return await this.#signIn(party);
      if (this.#deck.length === 0) this.#deck = random.shuffle(deck);
      await this.#do(this.#deck.pop() ?? 'sign on', party);
    } catch (error) {
      if (!isNoAnswer(error)) record.violate('wrong', describe(error));
    }
  }

  async #do(action: (typeof deck)[number], party: RelyingParty): Promise<void> {
    if (action === 'sign on') await this.#signOn(party);
    else if (action === 'sign on to all') {
      await Promise.all(this.#with.parties.map((each) => this.#signOn(each)));
    } else if (action === 'sign on in two tabs') {
      await Promise.all([this.#signOn(party), this.#signOn(party)]);
    } else if (action === 'refresh') await this.#refresh(party);
    else if (action === 'refresh twice at once') await this.#refreshTwiceAtOnce(party);
    else if (action === 'introspect') await this.#introspect(party);
    else if (action === 'revoke') await this.#revoke(party);
    else if (action === 'sign out') await this.#end('sign-out');
    else if (action === 'sign out amid requests') await this.#end('sign-out', party);
    else if (action === 'change password amid requests') await this.#end('a new password', party);
    else if (action === 'double everything') await this.#doubleEverything(party);
    else await this.#createAccount();
  }

  async #signIn(party: RelyingParty): Promise<void> {
    const browser = this.newBrowser();
    const verifier = oidc.randomPKCECodeVerifier();
    const answer = await authorize({ ...this.#with, browser, party, verifier });
    if (!('parameters' in answer)) return this.#noteStuck(answer);
    if (!codeOf(answer)) return this.#with.record.violate('wrong', `sign-in: ${answer.parameters.error}`);
    this.ledger.live = { browser, tokens: new Map() };
    this.#keep(party, await this.#exchange(party, answer, verifier));
  }

  /** Silent: whoever is signed in is not asked. */
  async #signOn(party: RelyingParty): Promise<void> {
    const { live } = this.ledger;
    if (!live) return;
    const verifier = oidc.randomPKCECodeVerifier();
    const answer = await authorize({ ...this.#with, browser: live.browser, party, verifier, prompt: 'none' });
    if (!('parameters' in answer)) return this.#noteStuck(answer);
    if (!codeOf(answer)) {
      this.#with.record.violate('signedOut', `${party.name}: ${answer.parameters.error}`);
      this.ledger.live = undefined;
      return;
    }
    const tokens = await this.#exchange(party, answer, verifier);
    this.#keep(party, tokens);
    if (tokens && !(await opensUserInfo(party, tokens.access_token, this.#account.id))) {
      this.#with.record.violate('signedOut', 'a new access token is refused');
    }
  }

  async #exchange(party: RelyingParty, answer: Answer, verifier: string) {
    if (!('parameters' in answer)) return undefined;
    const { record, sparesRedis } = this.#with;
    const granted = await codeGrant(party, answer.parameters, verifier);
    // A code is good for a minute, and its answer for ten seconds: an outage may outlast both.
    if (isRefused(granted)) record.violate('wrong', `a code was refused: ${granted.refused}`);
    if (granted === 'late' && sparesRedis) record.violate('wrong', 'a code was refused, late');
    const tokens = tokensOf(granted);
    if (tokens && tokens.claims()?.sub !== this.#account.id) {
      record.violate('wrong', 'an ID token is about somebody else');
    }
    return tokens;
  }

  async #refresh(party: RelyingParty): Promise<void> {
    const refresh = this.#held(party)?.refresh;
    if (refresh) this.#keepNext(party, refresh, await refreshGrant(party, refresh));
  }

  /** Two instances of a relying party that use one refresh token at the same moment. */
  async #refreshTwiceAtOnce(party: RelyingParty): Promise<void> {
    const refresh = this.#held(party)?.refresh;
    if (!refresh) return;
    const both = await Promise.all([refreshGrant(party, refresh), refreshGrant(party, refresh)]);
    const granted = both.flatMap((one) => tokensOf(one) ?? []);
    if (new Set(granted.map((one) => one.access_token + one.refresh_token)).size > 1) {
      this.#with.record.violate('double', 'one refresh token, two sets of tokens');
    }
    if (granted.length > 0 && both.some(isRefused)) {
      this.#with.record.violate('wrong', 'one of two equal requests was refused');
    }
    const known = granted[0] ?? (both.includes('unknown') ? 'unknown' : both[0]);
    if (known) this.#keepNext(party, refresh, known);
  }

  async #introspect(party: RelyingParty): Promise<void> {
    const { record } = this.#with;
    const { refresh, access } = this.#held(party) ?? {};
    for (const token of [refresh, access]) {
      if (!token) continue;
      const { active, sub } = await oidc.tokenIntrospection(party.configuration, token);
      if (!active) record.violate('signedOut', `a token of ${party.name} is not active`);
      else if (sub !== this.#account.id) record.violate('wrong', 'introspection is about somebody else');
    }
  }

  async #revoke(party: RelyingParty): Promise<void> {
    const held = this.#held(party);
    if (!held?.refresh) return;
    this.ledger.live?.tokens.delete(party);
    await oidc.tokenRevocation(party.configuration, held.refresh);
    this.ledger.revoked.push([party, held]);
    // Whatever the next sign-on makes anew, it does not bring back what was revoked.
    await this.#signOn(party);
    if (held.access && (await opensUserInfo(party, held.access, this.#account.id))) {
      this.#with.record.violate('revived', 'an access token after the next sign-on');
    }
  }

  /**
   * Ends the session and all that hangs on it.
   * @param party signs on in another tab, and renews its tokens, at the same moment
   */
  async #end(why: 'sign-out' | 'a new password', party?: RelyingParty): Promise<void> {
    const { live } = this.ledger;
    if (!live) return;
    this.ledger.live = undefined;
    const tab = live.browser.clone();
    const before = live.browser.clone();
    const tokens: [RelyingParty, HeldTokens][] = [...live.tokens];
    const keepLate = (by: RelyingParty, granted: Granted) => {
      const late = tokensOf(granted);
      if (late) tokens.push([by, hold(late)]);
    };
    const signOn = async (by: RelyingParty) => {
      const verifier = oidc.randomPKCECodeVerifier();
      const answer = await authorize({ ...this.#with, browser: tab, party: by, verifier, prompt: 'none' });
      if (codeOf(answer) && 'parameters' in answer) {
        keepLate(by, await codeGrant(by, answer.parameters, verifier));
      }
    };
    const refresh = async (by: RelyingParty) => {
      const token = live.tokens.get(by)?.refresh;
      if (token) keepLate(by, await refreshGrant(by, token));
    };
    const ending = why === 'sign-out' ? signOut(this.#with.record, live.browser) : this.#changePassword();
    const [ended, ...late] = await Promise.allSettled([
      ending,
      ...(party ? [signOn(party), refresh(party)] : []),
    ]);
    if (ended.status === 'fulfilled' && ended.value) {
      this.ledger.ended.push({ why, browsers: [before, tab], tokens });
    }
    for (const one of [ended, ...late]) if (one.status === 'rejected') throw one.reason;
  }

  /** In a browser of its own: the sign-in form from two tabs at once, and the code by two workers at once. */
  async #doubleEverything(party: RelyingParty): Promise<void> {
    const { record } = this.#with;
    const browser = this.newBrowser();
    const verifier = oidc.randomPKCECodeVerifier();
    const answer = await authorize({ ...this.#with, browser, party, verifier, sendsFormTwice: true });
    if (!('parameters' in answer)) return this.#noteStuck(answer);
    const exchange = () => codeGrant(party, answer.parameters, verifier);
    const granted = [...(await Promise.all([exchange(), exchange()])), await exchange()];
    const sets = new Set(granted.flatMap((one) => tokensOf(one)?.access_token ?? []));
    if (sets.size > 1) record.violate('double', 'one code, two sets of tokens');
  }

  async #changePassword(): Promise<true> {
    const password = `the passphrase number ${this.#with.random.below(1e9)}`;
    await this.#with.administrator.setPassword(this.#account, password);
    this.#account.password = password;
    return true;
  }

  async #createAccount(): Promise<void> {
    const name = `${this.#account.email.split('@')[0]}-friend-${this.ledger.accounts.length}`;
    this.ledger.accounts.push(await this.#with.administrator.createAccount(name));
  }

  #held(party: RelyingParty): HeldTokens | undefined {
    return this.ledger.live?.tokens.get(party);
  }

  #keep(party: RelyingParty, tokens: Tokens | undefined): void {
    if (tokens) this.ledger.live?.tokens.set(party, hold(tokens));
  }

  #keepNext(party: RelyingParty, used: string, granted: Granted): void {
    if (this.#held(party)?.refresh !== used) return;
    const tokens = tokensOf(granted);
    this.ledger.live?.tokens.delete(party);
    this.#keep(party, tokens);
    if (isRefused(granted))
      this.#with.record.violate('signedOut', `${party.name}: a refresh token was refused`);
  }

  /** What is not a durable write, such as a sign-in page that waits, may go with a Redis. */
  #noteStuck({ stuck, status }: Extract<Answer, { stuck: string }>): void {
    if (this.#with.sparesRedis || status !== 400) this.#with.record.violate('wrong', `authorize ${stuck}`);
  }
}
