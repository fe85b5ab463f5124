import { z } from 'zod';
import { usualMinimumLength as minimumLength } from '../accounts/new-password.ts';
import { unlessBusy } from '../errors.ts';
import { accountTarget, person } from '../events/events.ts';
import { passwordProblem } from '../http/password-problem.ts';
import { type Reply, type Route, route } from '../http/route.ts';
import type { FormProblem } from '../http/views.ts';
import { csrfField, saysQuery } from './forms.ts';
import type { PageParts } from './self-service.ts';
import type { Says, Visit } from './visit.ts';

const page = '/account/password';

/** Without a password there is none to ask for. */
const place = { page, isSensitive: ({ hasPassword }: { hasPassword: boolean }) => !hasPassword };

const secret = z.string().max(8192).default('');
/** `email` is there for password managers alone. */
const passwordForm = z.strictObject({ csrf: csrfField, current: secret, password: secret });

type Refused = { problems?: FormProblem[]; says?: Says };

/**
 * The password: to change it the present one is asked for, through the same limits as at sign-in. A first one is
 * for who has signed in freshly.
 */
export function passwordRoutes(parts: PageParts): Route[] {
  const { visits, accounts, limits, signedIn, news, people, knownCookie } = parts;

  function show(visit: Visit, { problems = [], says = {} }: Refused = {}): Reply {
    const { email, hasPassword } = visit.account;
    return visits.show(
      visit,
      'account-password',
      'password',
      { email, hasPassword, minimumLength, problems },
      says,
    );
  }

  const refuse = (visit: Visit, { problems, says }: Refused) =>
    show(visit, { ...(problems ? { problems } : {}), says: { status: 400, ...says } });

  /** @returns what is against it; undefined when it is the account's */
  async function checkCurrent(
    { ctx, account, session }: Visit,
    current: string,
    address: string,
  ): Promise<Refused | undefined> {
    if (current === '') return { says: { problem: 'current-missing' } };
    // Who is signed in is no stranger: strangers' failures do not stand in their way, nor theirs in anyone's.
    const attempt = await limits.password({
      email: account.email,
      address,
      knownBrowser: `session ${session.uid}`,
    });
    if (!attempt.ok) {
      const { needsReset, retryAfterSeconds: waitSeconds } = attempt;
      if (needsReset) return { says: { problem: 'password-locked', status: 429 } };
      return { says: { problem: 'too-many-attempts', status: 429, waitSeconds } };
    }
    try {
      const checked = await accounts.checkPassword(account.email, current);
      if (!checked.ok || checked.account.id !== account.id) {
        await people.note(ctx, {
          kind: 'sign-in.failed',
          outcome: 'failure',
          reason: 'wrong-password',
          actor: person(account),
          target: accountTarget(account),
          via: 'account',
        });
        return { says: { problem: 'current-wrong' } };
      }
      await limits.succeeded(attempt.ticket);
      return undefined;
    } catch (error) {
      await limits.notMade(attempt.ticket);
      throw error;
    }
  }

  async function change(
    visit: Visit,
    { current, password }: { current: string; password: string },
    address: string,
  ): Promise<Reply> {
    const { account, session } = visit;
    if (password === '') return refuse(visit, { problems: [{ code: 'password-missing' }] });
    const refused = account.hasPassword ? await checkCurrent(visit, current, address) : undefined;
    if (refused) return refuse(visit, refused);
    const outcome = await accounts.setPassword(account.id, password);
    if (!outcome.ok) {
      if (outcome.problem === 'not-found') return { redirect: '/account' };
      return refuse(visit, { problems: [passwordProblem(outcome)] });
    }
    const { epoch } = outcome.account;
    // Whatever else is signed in ends; not before this one stays is anything told.
    await signedIn.carryOver(session.uid, epoch - 1, epoch);
    await news.passwordChanged(visit, epoch);
    return {
      redirect: `${page}?done=${account.hasPassword ? 'password-changed' : 'password-set'}`,
      cookies: [knownCookie(outcome.account)],
    };
  }

  return [
    route({
      method: 'GET',
      path: page,
      query: saysQuery,
      statuses: [200, 303],
      handle: ({ raw, query }) => visits.open(raw, place, async (visit) => show(visit, { says: query })),
    }),

    route({
      method: 'POST',
      path: page,
      body: passwordForm,
      statuses: [303, 400, 429, 503],
      handle: ({ raw, body, clientAddress }) =>
        visits.open(raw, place, async (visit) => {
          if (!visits.isOwnForm(visit, body.csrf)) {
            return refuse(visit, { says: { problem: 'form-expired' } });
          }
          const reply = await unlessBusy(change(visit, body, clientAddress));
          const isBusy = 'problem' in reply;
          return isBusy ? refuse(visit, { says: { problem: 'busy', status: 503, waitSeconds: 2 } }) : reply;
        }),
    }),
  ];
}
