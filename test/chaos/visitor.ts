import { setTimeout as pause } from 'node:timers/promises';
import * as oidc from 'openid-client';
import { formOf, Person, type Reply } from '../support/person.ts';
import type { Random } from './random.ts';
import type { Record } from './record.ts';
import { Outage, sendPatiently } from './sending.ts';

export type Account = { id: string; email: string; password: string };
export type RelyingParty = { name: string; configuration: oidc.Configuration; redirectUri: string };

/** A request that gets no answer is tried anew for this long; then its outcome counts as unknown. */
const patienceMs = 25_000;

/**
 * A person with a browser, signed in to several relying parties, who does one thing after another and remembers
 * what was acknowledged. Whatever is not as it was promised goes into the record.
 */
export class Visitor {
  readonly #issuer: string;
  readonly #account: Account;
  readonly #parties: RelyingParty[];
  readonly #record: Record;
  readonly #random: Random;
  /** Whether only pods are killed: then not even a half-done sign-in may be lost. */
  readonly #isStrict: boolean;
  #browser: Person;
  #isSignedIn = false;
  readonly #refreshTokens = new Map<RelyingParty, string>();
  readonly #ended: { browser: Person; refreshTokens: Map<RelyingParty, string> }[] = [];

  constructor(options: {
    issuer: string;
    account: Account;
    parties: RelyingParty[];
    record: Record;
    random: Random;
    isStrict: boolean;
  }) {
    this.#issuer = options.issuer;
    this.#account = options.account;
    this.#parties = options.parties;
    this.#record = options.record;
    this.#random = options.random;
    this.#isStrict = options.isStrict;
    this.#browser = this.#newBrowser();
  }

  /** One flow. */
  async act(): Promise<void> {
    this.#record.flows += 1;
    try {
      if (!this.#isSignedIn) return await this.#signIn();
      const dice = this.#random.below(100);
      if (dice < 25) await this.#signOn(this.#random.pick(this.#parties));
      else if (dice < 40) await Promise.all(this.#parties.map((party) => this.#signOn(party)));
      else if (dice < 65) await this.#refresh();
      else if (dice < 80) await this.#refreshTwiceAtOnce();
      else if (dice < 90) await this.#introspect();
      else if (dice < 95) await this.#revoke();
      else await this.#signOut();
    } catch (error) {
      if (!(error instanceof Outage) && !((error as Error).cause instanceof Outage))
        this.#record.violate('wrong', `${error}`.slice(0, 300));
    }
  }

  /** Reads back what was acknowledged, when all is healed. */
  async readBack(): Promise<void> {
    if (this.#isSignedIn) {
      const party = this.#random.pick(this.#parties);
      const answer = await this.#authorize(this.#browser, party, { prompt: 'none' });
      if (!answer?.code) this.#record.violate('lost', `a session: ${JSON.stringify(answer)}`);
      for (const [client, token] of this.#refreshTokens) {
        const tokens = await this.#refreshGrant(client, token);
        if (tokens === 'refused') this.#record.violate('lost', 'a refresh token');
      }
    }
    for (const { browser, refreshTokens } of this.#ended) {
      const party = this.#random.pick(this.#parties);
      const answer = await this.#authorize(browser, party, { prompt: 'none' });
      if (answer?.code) this.#record.violate('revived', 'a session that was signed out');
      for (const [client, token] of refreshTokens) {
        const tokens = await this.#refreshGrant(client, token);
        if (typeof tokens === 'object') this.#record.violate('revived', 'a refresh token after sign-out');
      }
    }
  }

  #newBrowser(): Person {
    return new Person(this.#issuer, [this.#issuer]);
  }

  async #signIn(): Promise<void> {
    this.#browser = this.#newBrowser();
    this.#refreshTokens.clear();
    this.#isSignedIn = await this.#signOn(this.#random.pick(this.#parties), {});
  }

  /** @returns whether a code came, and with it a session */
  async #signOn(party: RelyingParty, extra: { prompt?: string } = { prompt: 'none' }): Promise<boolean> {
    const verifier = oidc.randomPKCECodeVerifier();
    const answer = await this.#authorize(this.#browser, party, extra, verifier);
    if (!answer) return false;
    if (!answer.code) {
      this.#record.violate('signedOut', `${party.name}: ${answer.error}`);
      this.#isSignedIn = false;
      return false;
    }
    const url = new URL(party.redirectUri);
    url.search = new URLSearchParams(answer).toString();
    const tokens = await this.#persist(() =>
      oidc.authorizationCodeGrant(party.configuration, url, {
        pkceCodeVerifier: verifier,
        expectedState: 's',
        idTokenExpected: true,
      }),
    );
    if (tokens === 'unknown') return true;
    if (tokens === 'refused') {
      // A code is good for a minute, and its answer for ten seconds: an outage may outlast both.
      if (this.#isStrict) this.#record.violate('wrong', 'a code was refused');
      return true;
    }
    this.#check(tokens.claims()?.sub, 'ID token');
    if (tokens.refresh_token) this.#refreshTokens.set(party, tokens.refresh_token);
    const info = await oidc.fetchUserInfo(party.configuration, tokens.access_token, this.#account.id);
    this.#check(info.sub, 'userinfo');
    return true;
  }

  async #refresh(): Promise<void> {
    const [party, token] = this.#anyToken();
    if (!party || !token) return;
    const tokens = await this.#refreshGrant(party, token);
    this.#keep(party, token, tokens);
  }

  /** Two instances of a relying party that use one refresh token at the same moment. */
  async #refreshTwiceAtOnce(): Promise<void> {
    const [party, token] = this.#anyToken();
    if (!party || !token) return;
    const both = await Promise.all([this.#refreshGrant(party, token), this.#refreshGrant(party, token)]);
    const successors = new Set(both.flatMap((one) => (typeof one === 'object' ? one.refresh_token : [])));
    if (successors.size > 1) this.#record.violate('double', 'one refresh token, two successors');
    const known = both.find((one) => typeof one === 'object') ?? both[0];
    if (known && both.includes('refused') && typeof known === 'object') {
      this.#record.violate('wrong', 'one of two equal requests was refused');
    }
    if (known) this.#keep(party, token, known);
  }

  async #introspect(): Promise<void> {
    const [party, token] = this.#anyToken();
    if (!party || !token) return;
    const { active, sub } = await oidc.tokenIntrospection(party.configuration, token);
    if (!active) this.#record.violate('signedOut', 'a refresh token is not active');
    else this.#check(sub, 'introspection');
  }

  async #revoke(): Promise<void> {
    const [party, token] = this.#anyToken();
    if (!party || !token) return;
    this.#refreshTokens.delete(party);
    await oidc.tokenRevocation(party.configuration, token);
    if (typeof (await this.#refreshGrant(party, token)) === 'object') {
      this.#record.violate('revived', 'a refresh token after its revocation');
    }
  }

  async #signOut(): Promise<void> {
    const before = this.#browser.clone();
    const refreshTokens = new Map(this.#refreshTokens);
    const page = await this.#send('/session/end');
    if (page.status !== 200) throw new Error(`no sign-out page: ${page.status} ${page.location}`);
    const { action, fields } = formOf(page.body);
    this.#isSignedIn = false;
    this.#refreshTokens.clear();
    const reply = await this.#send(action, { ...fields, logout: 'yes' });
    // 400: sent again after the first was carried out. The session has ended either way.
    if (reply.status === 303 || reply.status === 400) this.#ended.push({ browser: before, refreshTokens });
    else throw new Error(`sign-out: ${reply.status}`);
  }

  #anyToken(): [RelyingParty?, string?] {
    const all = [...this.#refreshTokens];
    return all.length === 0 ? [] : this.#random.pick(all);
  }

  #keep(
    party: RelyingParty,
    token: string,
    tokens: oidc.TokenEndpointResponse | 'refused' | 'unknown',
  ): void {
    if (this.#refreshTokens.get(party) !== token) return;
    if (typeof tokens === 'object') {
      if (tokens.refresh_token) this.#refreshTokens.set(party, tokens.refresh_token);
      return;
    }
    this.#refreshTokens.delete(party);
    if (tokens === 'refused') this.#record.violate('signedOut', `${party.name}: a refresh token was refused`);
  }

  #refreshGrant(party: RelyingParty, token: string) {
    return this.#persist(() => oidc.refreshTokenGrant(party.configuration, token));
  }

  /** Repeats a token request until it is answered. */
  async #persist<T>(request: () => Promise<T>): Promise<T | 'refused' | 'unknown'> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      try {
        return await request();
      } catch (error) {
        const cause = error instanceof Outage ? error : (error as Error).cause;
        if (cause instanceof Outage) {
          if (Date.now() > deadline) return 'unknown';
          await pause(300);
        } else if (error instanceof oidc.ResponseBodyError && error.error === 'invalid_grant') {
          return Date.now() > deadline ? 'unknown' : 'refused';
        } else throw error;
      }
    }
  }

  #send(path: string, form?: { [field: string]: string }): Promise<Reply> {
    return sendPatiently(this.#record, () => this.#browser.request(path, form ? { form } : {}));
  }

  /** @returns the parameters for the relying party; undefined when the flow was lost with an outage */
  async #authorize(
    browser: Person,
    party: RelyingParty,
    extra: { prompt?: string },
    verifier = oidc.randomPKCECodeVerifier(),
  ): Promise<{ [name: string]: string } | undefined> {
    const url = oidc.buildAuthorizationUrl(party.configuration, {
      redirect_uri: party.redirectUri,
      scope: 'openid email',
      state: 's',
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...extra,
    });
    let path = url.pathname + url.search;
    let form: { [field: string]: string } | undefined;
    for (let hop = 0; hop < 12; hop++) {
      const reply: Reply = await sendPatiently(this.#record, () =>
        browser.request(path, form ? { form } : {}),
      );
      form = undefined;
      if (reply.location?.startsWith(party.redirectUri)) {
        return Object.fromEntries(new URL(reply.location).searchParams);
      }
      if (reply.location) {
        path = reply.location;
      } else if (reply.status === 200 && reply.body.includes('name="password"')) {
        const { action, fields } = formOf(reply.body);
        const { email, password } = this.#account;
        path = action;
        form = { ...fields, email, password, decision: 'sign-in' };
      } else {
        // What is not a durable write, such as a sign-in page that waits, may go with a Redis.
        if (this.#isStrict || reply.status !== 400) {
          throw new Error(`authorize: ${reply.status} ${/<h1>(.*?)<\/h1>/.exec(reply.body)?.[1]}`);
        }
        return undefined;
      }
    }
    throw new Error('authorize goes in circles');
  }

  #check(sub: string | undefined, where: string): void {
    if (sub !== this.#account.id) this.#record.violate('wrong', `${where} is about somebody else`);
  }
}
