/** The pages around accounts for people who are not signed in, each in its states. */
import type { FormProblem, Views } from '../../src/http/views.ts';
import type { Sample } from './sample-pages.ts';

type MakeSample = <V extends keyof Views>(name: string, view: V, data: Views[V]) => Sample;

const csrfToken = 'c-s-r-f';
const email = 'mara@example.org';
const longEmail = `${'maximiliane.von.und.zu.'.repeat(4)}@${'subdomain.'.repeat(6)}example.com`;
const terms = { url: 'https://id.example.com/terms', version: '2026-11' };
const minimumLength = 15;
const token = 't-o-k-e-n';
const frame = { path: '/register' };
const signInPath = '/interaction/7hT2mPq/back';

// The keys are checked by the compiler, so that a new problem cannot lack a sample.
const formProblems: Record<FormProblem['code'], Omit<FormProblem, 'code'>> = {
  'form-expired': {},
  busy: {},
  'too-many-attempts': { waitSeconds: 1800 },
  'email-missing': {},
  'email-invalid': {},
  'email-look-alike': {},
  'password-missing': {},
  'password-too-short': { limit: 15 },
  'password-too-long': { limit: 1024 },
  'password-too-common': {},
  'password-like-yours': {},
  'password-repeats': {},
  'password-pattern': {},
  'password-breached': {},
  'password-same': {},
  'name-invalid': {},
  'terms-not-accepted': {},
};
const problemList = Object.entries(formProblems).map(
  ([code, more]): FormProblem => ({ code: code as FormProblem['code'], ...more }),
);

const register: Views['register'] = {
  action: '/register',
  csrfToken,
  problems: [],
  email: '',
  name: '',
  interaction: '7hT2mPq',
  minimumLength,
  termsAccepted: false,
  isAgain: false,
  signInPath,
  frame,
};
const confirm: Views['register-confirm'] = {
  action: '/register/confirm',
  csrfToken,
  problems: [],
  token,
  email,
  asksPassword: false,
  minimumLength,
  termsAccepted: false,
  frame: { path: '/register/confirm' },
};
const invitation: Views['invitation'] = {
  action: '/invitation',
  csrfToken,
  problems: [],
  token,
  email,
  inviter: 'Jonas Weber',
  name: '',
  minimumLength,
  terms,
  termsAccepted: false,
  frame: { path: '/invitation' },
};
const forgot: Views['forgot-password'] = {
  action: '/forgot-password',
  csrfToken,
  problems: [],
  email: '',
  interaction: '',
  signInPath: '/account',
  frame: { path: '/forgot-password' },
};
const reset: Views['reset-password'] = {
  action: '/reset-password',
  csrfToken,
  problems: [],
  token,
  email,
  minimumLength,
  everywhere: true,
  frame: { path: '/reset-password' },
};
const sent: Views['mail-sent'] = {
  what: 'register',
  email,
  againPath: '/register?again=yes',
  otherAddressPath: '/register',
  signInPath,
  frame: { path: '/register/sent' },
};
const emailLinks: Record<Views['email-link']['purpose'], string | undefined> = {
  'verify-email': undefined,
  'change-email': 'mara.lindqvist@example.net',
  'undo-email-change': 'mara.earlier@example.com',
};

const keysOf = <K extends string>(record: Record<K, unknown>) => Object.keys(record) as K[];

export function accountSamples(sample: MakeSample): Sample[] {
  return [
    sample('register', 'register', register),
    sample('register-terms', 'register', { ...register, terms }),
    sample('register-again', 'register', { ...register, email, name: 'Mara', isAgain: true }),
    sample('register-all-problems', 'register', {
      ...register,
      terms,
      email: longEmail,
      name: 'Mara',
      problems: problemList,
    }),
    sample('register-sent', 'mail-sent', sent),
    sample('register-sent-long', 'mail-sent', { ...sent, email: longEmail, mailsPath: '/local/mails' }),
    sample('register-confirm', 'register-confirm', confirm),
    sample('register-confirm-other', 'register-confirm', {
      ...confirm,
      asksPassword: true,
      terms,
      problems: [{ code: 'password-repeats' }],
    }),
    sample('invitation', 'invitation', invitation),
    sample('invitation-problem', 'invitation', {
      ...invitation,
      name: 'Mara',
      problems: [{ code: 'name-invalid' }, { code: 'terms-not-accepted' }],
    }),
    sample('forgot-password', 'forgot-password', forgot),
    sample('forgot-password-problem', 'forgot-password', {
      ...forgot,
      email: 'mara',
      problems: [{ code: 'email-invalid' }],
    }),
    sample('forgot-password-sent', 'mail-sent', {
      ...sent,
      what: 'reset-password',
      again: { action: '/forgot-password', csrfToken, interaction: '' },
      mailsPath: '/local/mails',
    }),
    sample('reset-password', 'reset-password', reset),
    sample('reset-password-problem', 'reset-password', {
      ...reset,
      everywhere: false,
      problems: [{ code: 'password-too-short', limit: 15 }],
    }),
    ...keysOf(emailLinks).map((purpose) =>
      sample(`email-link-${purpose}`, 'email-link', {
        purpose,
        action: `/${purpose}`,
        csrfToken,
        problems: [],
        token,
        email,
        ...(emailLinks[purpose] === undefined ? {} : { newEmail: emailLinks[purpose] }),
        frame: { path: `/${purpose}` },
      }),
    ),
    sample('email-link-problem', 'email-link', {
      purpose: 'verify-email',
      action: '/verify-email',
      csrfToken,
      problems: [{ code: 'form-expired' }],
      token,
      email: longEmail,
      frame,
    }),
    sample('link-done', 'link-done', { purpose: 'register', goOnPath: '/account', isElsewhere: true, frame }),
    sample('link-done-go-on', 'link-done', {
      purpose: 'register',
      goOn: {
        action: '/interaction/7hT2mPq/registered',
        csrfToken,
        client: { name: 'Harbour Payroll', host: 'payroll.example.com' },
      },
      isElsewhere: false,
      frame,
    }),
    sample('link-problem-spent', 'link-problem', { problem: 'spent', purpose: 'register', frame }),
    sample('link-problem-gone', 'link-problem', { problem: 'gone', purpose: 'register', frame }),
    sample('not-offered', 'not-offered', { what: 'register-by-invitation', signInPath: '/account', frame }),
    sample('local-mails-none', 'local-mails', { mails: [], frame: { path: '/local/mails' } }),
    sample('local-mails', 'local-mails', {
      mails: [
        {
          id: 'a1',
          subject: 'Please confirm your address',
          to: email,
          at: '24 November 2026 at 12:05 UTC',
          text: [
            { piece: 'Please open this link to confirm your address:\n\n', link: false },
            { piece: `https://id.example.com/register/confirm?token=${'Ab3'.repeat(22)}`, link: true },
            { piece: '\n\nIt works for 24 hours.\n', link: false },
          ],
          htmlPath: '/local/mails/a1',
        },
        {
          id: 'a2',
          subject: 'Neues Passwort',
          to: longEmail,
          at: '24 November 2026 at 11:58 UTC',
          text: [{ piece: 'Guten Tag\n', link: false }],
          htmlPath: '/local/mails/a2',
        },
      ],
      frame: { path: '/local/mails' },
    }),
  ];
}
