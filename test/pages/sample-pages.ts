/** Owns one example of every page in each of its states. Does not own what is checked on them. */

import type { Renderer } from '../../src/http/render.ts';
import type { ClientSummary, SignInNotice, Views } from '../../src/http/views.ts';
import type { Locale } from '../../src/locale.ts';
import { accountSamples } from './account-samples.ts';
import { apiReference } from './admin-api-sample.ts';
import { adminClientSamples } from './admin-client-samples.ts';
import { adminSamples } from './admin-samples.ts';
import { selfServiceSamples } from './self-service-samples.ts';

export type Sample = {
  name: string;
  view: keyof Views;
  /** The page; `change` may replace texts in its data first. */
  html(renderer: Renderer, locale: Locale, change?: (text: string) => string): string;
};

const client: ClientSummary = {
  name: 'Harbour Payroll',
  host: 'payroll.example.com',
  uri: 'https://payroll.example.com/',
  policyUri: 'https://payroll.example.com/privacy',
  tosUri: 'https://payroll.example.com/terms',
};

const longName = `${'Donaudampfschifffahrtsgesellschaft'.repeat(3)} Personal- und Reisekostenabrechnung (Test)`;
const longClient: ClientSummary = { name: longName, host: `${'very-long-host-name'.repeat(5)}.example.com` };
const longEmail = `${'maximiliane.von.und.zu.'.repeat(4)}@${'subdomain.'.repeat(6)}example.com`;

const frame = { path: '/interaction/7hT2mPq' };
const login: Views['login'] = {
  base: '/interaction/7hT2mPq',
  csrfToken: 'c-s-r-f',
  client,
  passkey: { options: '{"challenge":"AAAA"}', sealed: 's-e-a-l-e-d' },
  providers: [],
  email: '',
  reauthenticate: false,
  mayRemember: true,
  remember: false,
  frame,
};
const error = { status: 400, code: 'invalid_request', requestId: '01JD4K9Q6WZ3F8' };

// The keys are checked by the compiler, so that a new state cannot lack a sample.
const loginProblems: Record<NonNullable<Views['login']['problem']>, string> = {
  'wrong-credentials': 'mara@example.org',
  'too-many-attempts': 'mara@example.org',
  busy: 'mara@example.org',
  'email-missing': '',
  'password-missing': 'mara@example.org',
  locked: 'mara@example.org',
  'passkey-failed': '',
  'passkey-unknown': '',
  'form-expired': 'mara@example.org',
};
const loginNotices: SignInNotice[] = [
  'link-by-sign-in',
  'no-account',
  'provider-refused',
  'provider-away',
  'start-again',
  'sign-in-here',
];

const step = {
  base: '/interaction/7hT2mPq',
  csrfToken: 'c-s-r-f',
  client,
  email: 'mara@example.org',
  frame,
};
const factor: Views['second-factor'] = {
  ...step,
  method: 'otp',
  others: [],
  isSent: false,
  mayTrust: true,
};
const factorProblems: Record<
  NonNullable<Views['second-factor']['problem']>,
  Views['second-factor']['method']
> = {
  'wrong-code': 'otp',
  'used-code': 'otp',
  'code-missing': 'recovery',
  'code-expired': 'email-code',
  'too-many-attempts': 'otp',
  'factor-locked': 'recovery',
  'passkey-failed': 'passkey',
  'passkey-unknown': 'passkey',
  'form-expired': 'otp',
};
const enrolProblems: NonNullable<Views['enrol-factor']['problem']>[] = [
  'wrong-code',
  'code-missing',
  'enrolment-expired',
  'too-many-attempts',
  'passkey-failed',
  'form-expired',
];
const totp = {
  sealed: 's-e-a-l-e-d',
  secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
  uri: 'otpauth://totp/Holdfast:mara?secret=JBSWY3DPEHPK3PXP',
  qrSvg:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9H0z" fill="#fff"/><path d="M1 1h3v3H1zM5 5h3v3H5z" fill="#000"/></svg>',
};
const errorKinds: Record<Views['error']['kind'], Partial<Views['error']>> = {
  expired: {},
  'bad-request': { description: 'redirect_uri did not match any of the registered redirect_uris' },
  'not-found': { status: 404, code: 'not_found' },
  forbidden: { status: 403, code: 'access_denied' },
  'client-disabled': { status: 400, code: 'invalid_client' },
  'too-many-requests': { status: 429, code: 'too_many_requests', retryAfterSeconds: 600 },
  unavailable: { status: 503, code: 'temporarily_unavailable', retryAfterSeconds: 5 },
  server: { status: 500, code: 'server_error', frame },
  cookies: {},
};
const deviceProblems: Record<NonNullable<Views['device-code']['problem']>, string | undefined> = {
  'not-found': 'BDWP-HQPX',
  expired: 'BDWP-HQPK',
  missing: undefined,
};

function sample<V extends keyof Views>(name: string, view: V, data: Views[V]): Sample {
  return { name, view, html: (renderer, locale, change) => renderer.page(view, locale, edit(data, change)) };
}

// Fields whose values are ours, chosen from a list in the code.
const fixed = new Set([
  'problem',
  'problems',
  'purpose',
  'what',
  'kind',
  'message',
  'notice',
  'method',
  'others',
  'qrSvg',
  'options',
  'section',
  'done',
  'kinds',
  'trail',
  'outcome',
  'via',
  'use',
  'state',
  'may',
  'way',
  'why',
]);

function edit<T>(value: T, change?: (text: string) => string): T {
  if (change === undefined) return value;
  const entries = (part: unknown, key: string): unknown => {
    if (fixed.has(key)) return part;
    if (typeof part === 'string') return change(part);
    if (Array.isArray(part)) return part.map((item) => entries(item, ''));
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([name, item]) => [name, entries(item, name)]));
  };
  return entries(value, '') as T;
}

export const samples: Sample[] = [
  sample('login', 'login', login),
  ...Object.entries(loginProblems).map(([problem, email]) =>
    sample(`login-${problem}`, 'login', { ...login, email, problem: problem as keyof typeof loginProblems }),
  ),
  sample('login-again', 'login', {
    ...login,
    email: 'mara@example.org',
    reauthenticate: true,
    mayRemember: false,
  }),
  sample('login-ways', 'login', {
    ...login,
    providers: [
      { name: 'Google', href: '/interaction/7hT2mPq/upstream/google' },
      { name: longName, href: '/interaction/7hT2mPq/upstream/long' },
    ],
    forgotHref: '/forgot-password?interaction=7hT2mPq',
    registerHref: '/register?interaction=7hT2mPq',
  }),
  ...loginNotices.map((notice) => sample(`login-${notice}`, 'login', { ...login, notice })),
  sample('login-long', 'login', { ...login, client: longClient, email: longEmail, reauthenticate: true }),

  sample('second-factor-passkey', 'second-factor', {
    ...factor,
    method: 'passkey',
    others: ['otp', 'recovery'],
    passkey: login.passkey,
  }),
  sample('second-factor-otp', 'second-factor', { ...factor, others: ['recovery'] }),
  ...Object.entries(factorProblems).map(([problem, method]) =>
    sample(`second-factor-${problem}`, 'second-factor', {
      ...factor,
      method,
      problem: problem as keyof typeof factorProblems,
      ...(method === 'passkey' ? { passkey: login.passkey } : {}),
    }),
  ),
  sample('second-factor-mail', 'second-factor', { ...factor, method: 'email-code', email: longEmail }),
  sample('second-factor-mail-sent', 'second-factor', { ...factor, method: 'email-code', isSent: true }),
  sample('enrol-passkey', 'enrol-factor', {
    ...step,
    kind: 'passkey',
    others: ['totp'],
    passkey: login.passkey,
  }),
  sample('enrol-totp', 'enrol-factor', { ...step, kind: 'totp', others: ['passkey'], totp }),
  ...enrolProblems.map((problem) =>
    sample(`enrol-${problem}`, 'enrol-factor', { ...step, kind: 'totp', others: [], totp, problem }),
  ),
  sample('new-recovery-codes', 'new-recovery-codes', {
    ...step,
    codes: Array.from({ length: 10 }, (_, i) => `K7QMD-2XW9R-BT4H${i}`),
  }),
  sample('new-password', 'new-password', { ...step, minimumLength: 15, problems: [] }),
  sample('new-password-same', 'new-password', {
    ...step,
    ...{ email: longEmail, client: longClient },
    minimumLength: 15,
    problems: [{ code: 'password-same' }],
  }),
  sample('terms', 'terms', { ...step, terms: { url: 'https://example.com/terms', version: '2027-01' } }),

  sample('consent', 'consent', {
    action: '/interaction/7hT2mPq/consent',
    csrfToken: 'c-s-r-f',
    client,
    account: { email: 'mara@example.org', name: 'Mara Lindqvist' },
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    claims: ['email', 'birthdate', 'shoe_size'],
    resources: [
      { indicator: 'https://api.example.com/payslips', scopes: ['payslips:read', 'payslips:sign'] },
    ],
    alreadyGranted: ['openid', 'ledger:read'],
    frame,
  }),
  sample('consent-long', 'consent', {
    action: '/interaction/7hT2mPq/consent',
    csrfToken: 'c-s-r-f',
    client: longClient,
    account: { email: longEmail },
    scopes: ['openid', 'a-permission-with-a-very-long-name'.repeat(3)],
    claims: [],
    resources: [{ indicator: `https://api.example.com/${'path/'.repeat(30)}`, scopes: [] }],
    alreadyGranted: [],
  }),

  sample('logout', 'logout', {
    action: '/session/end/confirm',
    xsrf: 'x',
    account: { email: 'mara@example.org' },
    frame,
  }),
  sample('logout-client', 'logout', {
    action: '/session/end/confirm',
    xsrf: 'x',
    client,
    account: { email: 'mara@example.org' },
  }),
  sample('signed-out', 'signed-out', { frame }),
  sample('signed-out-client', 'signed-out', { client }),
  sample('signed-out-both', 'signed-out', { client, stillSignedIn: false }),
  sample('signed-out-not', 'signed-out', { stillSignedIn: true, frame }),

  ...Object.entries(errorKinds).map(([kind, more]) =>
    sample(`error-${kind}`, 'error', { ...error, ...more, kind: kind as keyof typeof errorKinds }),
  ),

  sample('home', 'home', {
    issuer: 'https://id.example.com',
    discoveryUrl: 'https://id.example.com/.well-known/openid-configuration',
    demo: { relyingPartyUrl: 'http://localhost:4100/' },
    frame: { path: '/' },
  }),
  sample('continue-logout', 'continue', {
    action: '/arrived',
    fields: { xsrf: 'x', logout: 'yes' },
    message: 'logout',
  }),
  sample('continue-form-post', 'continue', {
    action: '/arrived',
    fields: { code: 'abc', state: 'def', iss: 'https://id.example.com' },
    message: 'form-post',
  }),

  sample('device-code', 'device-code', { action: '/device', xsrf: 'x', frame: { path: '/device' } }),
  ...Object.entries(deviceProblems).map(([problem, userCode]) =>
    sample(`device-code-${problem}`, 'device-code', {
      action: '/device',
      xsrf: 'x',
      userCode,
      problem: problem as keyof typeof deviceProblems,
    }),
  ),
  sample('device-confirm', 'device-confirm', {
    action: '/device',
    xsrf: 'x',
    userCode: 'BDWP-HQPK',
    client: { name: 'Harbour TV', host: 'tv.example.com' },
    deviceAddress: '2001:db8:85a3::8a2e:370:7334',
    deviceAgent:
      'HarbourTV/7.2 (Linux; armv7l) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120 Safari/537.36',
    scopes: ['openid', 'profile'],
    frame: { path: '/device' },
  }),
  sample('device-done', 'device-done', { client, approved: true }),
  sample('device-done-refused', 'device-done', { client, approved: false }),

  ...accountSamples(sample),
  ...selfServiceSamples(sample),
  ...adminSamples(sample),
  ...adminClientSamples(sample),
  sample('admin-api-reference', 'admin-api-reference', apiReference()),
];
