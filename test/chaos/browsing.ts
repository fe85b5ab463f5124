import * as oidc from 'openid-client';
import { formOf, type Person, type Reply } from '../support/person.ts';
import type { Record } from './record.ts';
import { sendPatiently } from './sending.ts';

export type Account = { id: string; email: string; password: string };
export type RelyingParty = { name: string; configuration: oidc.Configuration; redirectUri: string };

/** What comes back to the relying party, or the page on which the flow was stuck. */
export type Answer = { parameters: { [name: string]: string } } | { stuck: string; status: number };

type Step = { path: string; form?: { [field: string]: string } };

/** The browser's part of an authorization request: redirects, the sign-in page, and requests sent again. */
export async function authorize(options: {
  record: Record;
  browser: Person;
  account: Account;
  party: RelyingParty;
  verifier: string;
  prompt?: 'none';
  /** The sign-in form is sent by two tabs at the same moment, and both go on. */
  sendsFormTwice?: boolean;
}): Promise<Answer> {
  const { record, account, party, browser } = options;
  const url = oidc.buildAuthorizationUrl(party.configuration, {
    redirect_uri: party.redirectUri,
    scope: 'openid email',
    state: 's',
    code_challenge: await oidc.calculatePKCECodeChallenge(options.verifier),
    code_challenge_method: 'S256',
    ...(options.prompt ? { prompt: options.prompt } : {}),
  });
  return follow(browser, { path: url.pathname + url.search }, options.sendsFormTwice ?? false);

  async function follow(tab: Person, first: Step, isTwice: boolean): Promise<Answer> {
    let { path, form }: Step = first;
    for (let hop = 0; hop < 12; hop++) {
      const reply: Reply = await sendPatiently(record, () => tab.request(path, form ? { form } : {}));
      form = undefined;
      if (reply.location?.startsWith(party.redirectUri)) {
        return { parameters: Object.fromEntries(new URL(reply.location).searchParams) };
      }
      if (reply.location) {
        path = reply.location;
      } else if (reply.status === 200 && reply.body.includes('name="password"')) {
        const page = formOf(reply.body);
        const { email, password } = account;
        path = page.action;
        form = { ...page.fields, email, password, decision: 'sign-in' };
        if (isTwice) return together(tab, { path, form });
      } else {
        const title = /<h1>(.*?)<\/h1>/.exec(reply.body)?.[1] ?? reply.body.slice(0, 100);
        return { stuck: `${path.split('?')[0]}: ${reply.status} ${title}`, status: reply.status };
      }
    }
    return { stuck: 'goes in circles', status: 0 };
  }

  async function together(tab: Person, step: Step): Promise<Answer> {
    const other = tab.clone();
    const [one, two] = await Promise.all([follow(tab, step, false), follow(other, step, false)]);
    const codes = new Set([codeOf(one), codeOf(two)].filter((code) => code !== undefined));
    if (codes.size > 1) record.violate('double', 'two codes from one authorization request');
    return codeOf(one) === undefined ? two : one;
  }
}

export function codeOf(answer: Answer): string | undefined {
  return 'parameters' in answer ? answer.parameters.code : undefined;
}

/** Signs the browser out. @returns false when there was nothing to sign out of */
export async function signOut(record: Record, browser: Person): Promise<boolean> {
  const send = ({ path, form }: Step) =>
    sendPatiently(record, () => browser.request(path, form ? { form } : {}));
  const page = await send({ path: '/session/end' });
  if (page.status !== 200) {
    record.violate('wrong', `no sign-out page: ${page.status} ${page.location ?? ''}`);
    return false;
  }
  const { action, fields } = formOf(page.body);
  const reply = await send({ path: action, form: { ...fields, logout: 'yes' } });
  // 400: sent again after the first was carried out. The session has ended either way.
  if (reply.status === 303 || reply.status === 400) return true;
  record.violate('wrong', `sign-out: ${reply.status}`);
  return false;
}
