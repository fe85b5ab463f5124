/** Owns one example of every self-service page in each of its states; part of sample-pages.ts. */
import {
  type AccountPage,
  type AccountProblem,
  type AccountSection,
  accountDone,
  accountProblems,
  type FactorItem,
  type Moment,
} from '../../src/http/account-views.ts';
import type { Views } from '../../src/http/views.ts';
import type { Sample } from './sample-pages.ts';

const at: Moment = {
  iso: '2026-11-24T09:05:00.000Z',
  text: '24 November 2026 at 09:05 UTC',
  ago: '3 hours ago',
};
const person = { email: 'mara@example.org', name: 'Mara Lindqvist' };
const longName = `${'Maximiliane Donaudampfschifffahrtsgesellschaft '.repeat(3)}`.trim();
const longEmail = `${'maximiliane.von.und.zu.'.repeat(4)}@${'subdomain.'.repeat(6)}example.com`;

function page(section: AccountSection, more: Partial<AccountPage> = {}): AccountPage {
  return {
    frame: { path: section === 'overview' ? '/account' : `/account/${section}` },
    section,
    csrfToken: 'c-s-r-f',
    person,
    hasProviders: true,
    ...more,
  };
}

const place = { at, browser: 'Firefox, Linux', address: '192.0.2.7' };
const passkey: FactorItem = {
  id: 'w:3vQ_k2',
  kind: 'passkey',
  name: 'Work laptop',
  addedAt: at,
  usedAt: at,
  isSynced: true,
};
const app: FactorItem = { id: 't:9sW-x1', kind: 'totp', name: '', addedAt: at, isSynced: false };
const values = {
  name: 'Mara Lindqvist',
  given_name: 'Mara',
  family_name: 'Lindqvist',
  middle_name: '',
  nickname: '',
  preferred_username: '',
  profile: '',
  picture: '',
  website: '',
  gender: '',
  birthdate: '',
  zoneinfo: 'Europe/Stockholm',
  locale: 'en',
};
const profile: Views['account-profile'] = {
  ...page('profile'),
  version: 7,
  values,
  faulty: [],
  stored: {},
  timeZones: ['America/New_York', 'Europe/Stockholm', 'Asia/Tokyo'],
  languages: { en: 'English', de: 'Deutsch', ar: 'العربية' },
};
const email: Views['account-email'] = {
  ...page('email'),
  email: person.email,
  isVerified: true,
  mailIsOn: true,
  typed: '',
  problems: [],
};
const password: Views['account-password'] = {
  ...page('password'),
  email: person.email,
  hasPassword: true,
  minimumLength: 15,
  problems: [],
};
const security: Views['account-security'] = {
  ...page('security'),
  hasPassword: true,
  passkeys: [],
  apps: [],
  browsers: [],
};
const totp = {
  sealed: 's-e-a-l-e-d',
  secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
  qrSvg:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9H0z" fill="#fff"/><path d="M1 1h3v3H1zM5 5h3v3H5z" fill="#000"/></svg>',
};
const session = {
  uid: 'k2jS0d',
  isThis: false,
  browser: 'Safari, iPhone',
  address: '2001:db8:85a3::8a2e:370:7334',
  signedInAt: at,
  usedAt: at,
  applications: ['Harbour Payroll', 'Ledger'],
};
const client = { name: 'Harbour Payroll', host: 'payroll.example.com' };

/** The pages that tell of a problem, by the problem. The compiler sees to it that none is left out. */
const problems: Record<
  AccountProblem,
  'security' | 'totp' | 'passkey' | 'password' | 'profile' | 'email' | 'delete'
> = {
  'confirm-again': 'security',
  'identity-taken': 'security',
  'provider-refused': 'security',
  'provider-away': 'security',
  'link-again': 'security',
  'codes-replaced': 'security',
  'form-expired': 'profile',
  'too-many-attempts': 'password',
  'wrong-code': 'totp',
  'code-missing': 'totp',
  'enrolment-expired': 'totp',
  'passkey-failed': 'passkey',
  'already-registered': 'passkey',
  'too-many-factors': 'passkey',
  'name-missing': 'security',
  'last-way-in': 'security',
  'profile-changed': 'profile',
  'profile-invalid': 'profile',
  'same-email': 'email',
  'current-missing': 'password',
  'current-wrong': 'password',
  'password-locked': 'password',
  busy: 'password',
  'address-differs': 'delete',
  'last-owner': 'delete',
  'session-unknown': 'security',
  'factor-unknown': 'security',
  'browser-unknown': 'security',
  'application-unknown': 'security',
  'provider-unknown': 'security',
};

export function selfServiceSamples(
  sample: <V extends keyof Views>(name: string, view: V, data: Views[V]) => Sample,
): Sample[] {
  function told(problem: AccountProblem): Sample {
    const name = `account-problem-${problem}`;
    const says = { problem, waitSeconds: 300 };
    switch (problems[problem]) {
      case 'totp':
        return sample(name, 'account-totp', { ...page('security', says), totp, typed: 'Phone' });
      case 'passkey':
        return sample(name, 'account-passkey', {
          ...page('security', says),
          passkey: { options: '{"challenge":"AAAA"}', sealed: 's-e-a-l-e-d' },
          typed: 'Work laptop',
        });
      case 'password':
        return sample(name, 'account-password', { ...password, ...says });
      case 'profile':
        return sample(name, 'account-profile', { ...profile, ...says });
      case 'email':
        return sample(name, 'account-email', { ...email, ...says, typed: person.email });
      case 'delete':
        return sample(name, 'account-delete', { ...page('data', says), email: person.email, typed: 'mara' });
      default:
        return sample(name, 'account-security', { ...security, ...says });
    }
  }

  return [
    sample('account', 'account', {
      ...page('overview'),
      signedIn: place,
      before: { ...place, browser: '' },
      todos: [{ kind: 'verify-email' }, { kind: 'second-factor' }],
      counts: { passkeys: 0, apps: 0, sessions: 1, applications: 0 },
      hasPassword: true,
    }),
    sample('account-full', 'account', {
      ...page('overview', { hasProviders: false, person: { email: longEmail, name: longName } }),
      signedIn: { ...place, browser: '', address: '' },
      todos: [{ kind: 'recovery-codes' }, { kind: 'few-codes', left: 2 }],
      counts: { passkeys: 2, apps: 1, sessions: 3, applications: 12 },
      hasPassword: false,
    }),
    sample('account-profile', 'account-profile', profile),
    sample('account-profile-conflict', 'account-profile', {
      ...profile,
      ...page('profile', { problem: 'profile-changed' }),
      values: { ...values, birthdate: '1990-05-31', website: 'example' },
      stored: { name: 'Mara L.', nickname: '', locale: 'de', zoneinfo: 'Asia/Tokyo' },
    }),
    sample('account-profile-invalid', 'account-profile', {
      ...profile,
      ...page('profile', { problem: 'profile-invalid' }),
      values: { ...values, birthdate: 'yesterday', website: 'example', name: longName },
      faulty: ['birthdate', 'website'],
    }),
    sample('account-email', 'account-email', email),
    sample('account-email-unverified', 'account-email', {
      ...email,
      email: longEmail,
      isVerified: false,
    }),
    sample('account-email-invalid', 'account-email', {
      ...email,
      typed: 'mara',
      problems: [{ code: 'email-invalid' }],
    }),
    sample('account-email-off', 'account-email', { ...email, mailIsOn: false }),
    sample('account-password', 'account-password', password),
    sample('account-password-first', 'account-password', { ...password, hasPassword: false }),
    sample('account-password-short', 'account-password', {
      ...password,
      problems: [{ code: 'password-too-short', limit: 15 }],
    }),
    sample('account-security', 'account-security', security),
    sample('account-security-full', 'account-security', {
      ...security,
      passkeys: [passkey, { ...passkey, id: 'w:2', name: longName, isSynced: false }],
      apps: [app],
      codes: { left: 1, madeAt: at },
      browsers: [
        { id: 'b1', name: 'Firefox, Linux', isThis: true, seenAt: at, until: at },
        { id: 'b2', name: '', isThis: false, seenAt: at, until: at },
      ],
    }),
    sample('account-passkey-settings', 'account-factor', {
      ...page('security'),
      factor: passkey,
      typed: 'Work laptop',
    }),
    sample('account-app-settings', 'account-factor', {
      ...page('security', { problem: 'name-missing' }),
      factor: app,
      typed: '',
    }),
    sample('account-passkey', 'account-passkey', {
      ...page('security'),
      passkey: { options: '{"challenge":"AAAA"}', sealed: 's-e-a-l-e-d' },
      typed: 'Chrome, Linux',
    }),
    sample('account-totp', 'account-totp', { ...page('security'), totp, typed: '' }),
    sample('account-codes-none', 'account-recovery-codes', page('security', { done: 'totp-added' })),
    sample('account-codes-left', 'account-recovery-codes', { ...page('security'), left: 4 }),
    sample('account-codes-new', 'account-recovery-codes', {
      ...page('security'),
      left: 10,
      codes: Array.from({ length: 10 }, (_, i) => `K7QMD-2XW9R-BT4H${i}`),
    }),
    sample('account-sessions', 'account-sessions', {
      ...page('sessions'),
      sessions: [
        { ...session, uid: 'own', isThis: true, browser: 'Firefox, Linux', applications: [] },
        session,
      ],
    }),
    sample('account-sessions-one', 'account-sessions', {
      ...page('sessions', { done: 'sessions-ended' }),
      sessions: [{ ...session, isThis: true, browser: '', address: '' }],
    }),
    sample('account-applications', 'account-applications', {
      ...page('applications'),
      applications: [
        {
          clientId: 'payroll',
          client,
          scopes: ['openid', 'profile', 'offline_access'],
          resources: [{ indicator: 'https://api.example.com/payslips', scopes: ['payslips:read'] }],
          isOffline: true,
        },
        {
          clientId: 'long',
          client: { name: longName, host: `${'very-long-host-name'.repeat(5)}.example.com` },
          scopes: ['openid'],
          resources: [],
          isOffline: false,
        },
      ],
    }),
    sample('account-applications-none', 'account-applications', {
      ...page('applications'),
      applications: [],
    }),
    sample('account-activity', 'account-activity', {
      ...page('activity'),
      entries: [
        { kind: 'signed-in', at, count: 1, browser: 'Firefox, Linux', address: '192.0.2.7', about: '' },
        { kind: 'sign-in-failed', at, count: 12, browser: '', address: '', about: '' },
        { kind: 'sign-in-failed', at, count: 1, browser: '', address: '', about: '' },
        {
          kind: 'factor-added',
          at,
          count: 1,
          browser: '',
          address: '192.0.2.7',
          about: 'Passkey: Work laptop',
        },
        { kind: 'application-revoked', at, count: 1, browser: '', address: '', about: longName },
      ],
    }),
    sample('account-activity-none', 'account-activity', { ...page('activity'), entries: [] }),
    sample('account-providers', 'account-providers', {
      ...page('providers', { done: 'provider-linked' }),
      links: [{ identityId: 'i1', provider: 'Google', who: longEmail, linkedAt: at, usedAt: at }],
      offers: [{ name: longName, linkPath: '/account/providers/google/link?token=t' }],
    }),
    sample('account-providers-none', 'account-providers', { ...page('providers'), links: [], offers: [] }),
    sample('account-data', 'account-data', page('data')),
    sample('account-delete', 'account-delete', { ...page('data'), email: longEmail, typed: '' }),
    sample('account-deleted', 'account-closed', { frame: { path: '/account/goodbye' }, kind: 'deleted' }),
    sample('account-not-signed-in', 'account-closed', { frame: { path: '/account' }, kind: 'not-signed-in' }),
    ...accountDone.map((done) =>
      sample(`account-done-${done}`, 'account-security', { ...security, ...page('security', { done }) }),
    ),
    ...new Set([...accountProblems, ...(Object.keys(problems) as AccountProblem[])]).values().map(told),
  ];
}
