/** The pages of the admin console: plumbing, overview, accounts and audit. */
import { builtInRoles, permissions } from '../../src/access/access.ts';
import type { Account } from '../../src/accounts/accounts.ts';
import type { ConsolePage } from '../../src/admin/console/console-views.ts';
import { eventKinds, type RecordedEvent } from '../../src/events/events.ts';
import type { Views } from '../../src/http/views.ts';
import type { Sample } from './sample-pages.ts';

type MakeSample = <V extends keyof Views>(name: string, view: V, data: Views[V]) => Sample;

const hourMs = 3_600_000;
const at = Date.UTC(2026, 10, 24, 12, 5);
const longEmail = `${'maximiliane.von.und.zu.'.repeat(4)}@${'subdomain.'.repeat(6)}example.com`;
const longName = `${'Donaudampfschifffahrtsgesellschaft'.repeat(3)} Personal- und Reisekostenabrechnung`;

/** What every page of the console has, for somebody who may do everything. */
export function consolePage(
  section: ConsolePage['console']['section'],
  says: ConsolePage['says'] = {},
): ConsolePage {
  return {
    frame: { path: '/admin' },
    csrfToken: 'c-s-r-f',
    console: {
      host: 'id.example.com',
      section,
      person: { id: 'mara', email: 'mara@example.org', name: 'Mara Lindqvist' },
      may: [...permissions],
      search: '',
    },
    says,
  };
}

const account: Account = {
  id: 'sf66uRcsIJ9LtDyQjdif3A',
  email: 'jonas@example.com',
  emailVerified: true,
  hasPassword: true,
  status: 'active',
  name: 'Jonas Weber',
  given_name: 'Jonas',
  zoneinfo: 'Europe/Berlin',
  roles: ['auditor'],
  groups: ['support'],
  epoch: 1,
  version: 3,
  createdAt: at - 90 * 24 * hourMs,
  updatedAt: at,
};
const longAccount: Account = {
  ...account,
  id: 'another',
  email: longEmail,
  emailVerified: false,
  status: 'disabled',
  name: longName,
  mustChangePassword: true,
  terms: { version: '2026-11', acceptedAt: at },
  roles: Object.keys(builtInRoles),
};
const roles = Object.entries(builtInRoles).map(([id, { name }]) => ({
  id,
  name,
  description: 'Looks after it.',
}));
const groups = [
  { id: 'support', name: 'Support', description: 'Answers the telephone' },
  { id: 'long', name: longName, description: longName },
];

const event: RecordedEvent = {
  id: 'ahogqn0ij6g',
  at,
  trail: 'admin',
  pod: 'pod-a',
  kind: 'account.roles-changed',
  outcome: 'success',
  actor: { kind: 'account', id: 'mara', name: 'mara@example.org' },
  target: { kind: 'account', id: account.id, name: account.email },
  before: { roles: ['auditor'] },
  after: { roles: ['auditor', 'owner'], name: longName },
  address: '2001:db8:85a3::8a2e:370:7334',
  browser: 'Firefox, Linux',
  via: 'console',
  requestId: '01JD4K9Q6WZ3F8',
};
const failure: RecordedEvent = {
  ...event,
  id: 'failed',
  trail: 'people',
  kind: 'sign-in.failed',
  outcome: 'failure',
  reason: 'wrong-password',
  actor: { kind: 'anonymous', name: longEmail },
  via: 'sign-in',
  clientId: 'payroll',
};
const filters = { person: '', client: '', kind: '', trail: '', outcome: '', request: '', from: '', to: '' };

const session = {
  uid: 'sEEKaD8t1S0Vn2iVq0hZ3w',
  accountId: account.id,
  signedInAt: at - hourMs,
  lastUsedAt: at,
  browser: 'Firefox, Linux',
  address: '203.0.113.7',
  acr: 'urn:holdfast:acr:2',
  amr: ['pwd', 'otp'],
  clients: [{ clientId: 'payroll', name: 'Harbour Payroll', host: 'payroll.example.com' }],
};
const whole: Omit<Views['admin-account'], keyof ConsolePage> = {
  account,
  isWithinReach: true,
  isSelf: false,
  mailIsOn: true,
  factors: [
    { id: 'f1', kind: 'totp', name: 'Phone', createdAt: at, lastUsedAt: at },
    { id: 'f2', kind: 'recovery-codes', name: '', createdAt: at, lastUsedAt: undefined, left: 3 },
  ],
  sessions: [session, { ...session, uid: 'other', browser: '', address: '' }],
  grants: [
    {
      id: 'g1',
      accountId: account.id,
      client: { clientId: 'payroll', name: 'Harbour Payroll', host: 'payroll.example.com' },
      scopes: ['openid', 'email'],
      resources: { 'https://api.example.com/': ['ledger:read'] },
      isOffline: true,
    },
  ],
  activity: [
    { kind: 'signed-in', at, count: 1, browser: 'Firefox, Linux', address: '203.0.113.7' },
    { kind: 'sign-in-failed', at, count: 4 },
  ],
  events: [event, failure],
  upstreams: [{ id: 'u1', providerName: 'Google', linkedAt: at }],
  roles: [
    { id: 'auditor', name: 'Auditor', by: [], isOwn: true },
    { id: 'account-manager', name: 'Account manager', by: ['Support'], isOwn: false },
  ],
  groups: [{ id: 'support', name: 'Support' }],
  permissions: [...permissions],
};

const keyAt = (use: 'signing' | 'cookie', state: 'published' | 'active') => ({
  id: 'jjvuJsXvg0iWyPV-fAQCh52mxbc0ORTDuXzo6ujSGZA',
  use,
  alg: use === 'signing' ? 'ES256' : 'HS256',
  state,
  createdAt: at,
  activatedAt: at,
  retiredAt: undefined,
  removedAt: undefined,
  activeFrom: undefined,
  servedBy: 2,
  livePods: 2,
  ageDays: 12,
});

export function adminSamples(sample: MakeSample): Sample[] {
  const accountCrumbs = [{ label: 'Accounts', href: '/admin/accounts' }];
  return [
    sample('admin-overview', 'admin-overview', {
      ...consolePage('overview'),
      accounts: 1_204_331,
      clients: 12,
      activeSessions: 48_120,
      today: { succeeded: 8123, failed: 97 },
      signIns: Array.from({ length: 48 }, (_, hour) => ({
        hour: at - (47 - hour) * hourMs,
        succeeded: 200 + Math.round(150 * Math.sin(hour / 4)),
        failed: hour % 7,
      })),
      topClients: [
        { clientId: 'payroll', name: 'Harbour Payroll', signIns: 5120 },
        { clientId: 'long', name: longName, signIns: 12 },
      ],
      pods: [
        {
          id: 'a',
          name: 'pod-a',
          version: '1.2.0',
          startedAt: at,
          seenAt: at,
          keySetVersion: 4,
          isReady: true,
        },
        {
          id: 'b',
          name: 'pod-b',
          version: '1.1.9',
          startedAt: at,
          seenAt: at,
          keySetVersion: 3,
          isReady: false,
        },
      ],
      keys: [keyAt('signing', 'active'), keyAt('signing', 'published'), keyAt('cookie', 'active')],
      attention: [
        {
          kind: 'owner-without-passkey',
          tone: 'warn',
          values: { email: longEmail },
          href: '/admin/accounts/a',
        },
        { kind: 'many-failures', tone: 'danger', values: { failed: 97, succeeded: 3 }, href: '/admin/audit' },
        { kind: 'rotation', tone: 'plain', values: {}, href: '/admin/keys' },
      ],
    }),
    sample('admin-accounts', 'admin-accounts', {
      ...consolePage('accounts', { done: 'account-deleted' }),
      accounts: [account, longAccount],
      roleNames: { auditor: 'Auditor' },
      roles,
      groups,
      total: 1_204_331,
      filters: { text: 'jo', status: '', role: 'auditor', group: '' },
      isFiltered: true,
      first: '/admin/accounts',
      next: '/admin/accounts?cursor=abc',
    }),
    sample('admin-accounts-none', 'admin-accounts', {
      ...consolePage('accounts'),
      accounts: [],
      roleNames: {},
      roles,
      groups: [],
      total: 0,
      filters: { text: '', status: '', role: '', group: '' },
      isFiltered: false,
    }),
    sample('admin-accounts-done', 'admin-accounts-done', {
      ...consolePage('accounts'),
      title: 'Disable',
      rows: [
        { id: 'a', label: account.email, isDone: true, message: 'Disabled.' },
        { id: 'b', label: longEmail, isDone: false, message: 'This person may do more than you.' },
      ],
      back: { label: 'Accounts', href: '/admin/accounts' },
    }),
    sample('admin-account-new', 'admin-account-new', {
      ...consolePage('accounts', {
        problem: 'This address is taken.',
        faults: [{ path: 'email', message: 'This address is taken.' }],
      }),
      values: { email: 'jonas@example.com', name: '', given_name: '', family_name: '', locale: '' },
      way: 'invite',
      isVerified: false,
      chosenRoles: ['auditor'],
      chosenGroups: [],
      roles: roles.map((role) => ({ ...role, isFixed: role.id === 'owner' })),
      groups,
      mailIsOn: true,
      minimumLength: 15,
    }),
    sample('admin-account', 'admin-account', { ...consolePage('accounts'), ...whole }),
    sample('admin-account-bare', 'admin-account', {
      ...consolePage('accounts'),
      ...whole,
      account: longAccount,
      isWithinReach: false,
      factors: [],
      sessions: [],
      grants: [],
      activity: [],
      events: [],
      upstreams: [],
      roles: [],
      groups: [],
      permissions: [],
    }),
    sample('admin-account-edit', 'admin-account-edit', {
      ...consolePage('accounts'),
      id: account.id,
      label: longName,
      version: 3,
      values: { email: account.email, name: longName, zoneinfo: 'Europe/Berlin' },
      isVerified: true,
    }),
    sample('admin-account-access', 'admin-account-access', {
      ...consolePage('accounts'),
      id: account.id,
      label: 'Jonas Weber',
      version: 3,
      roles: roles.map((role) => ({ ...role, isOn: true, isFixed: role.id === 'owner', permissions: 3 })),
      groups: groups.map((group) => ({ ...group, isOn: false, roles: ['auditor'] })),
    }),
    sample('admin-account-password', 'admin-account-password', {
      ...consolePage('accounts'),
      id: account.id,
      label: 'Jonas Weber',
      suggestion: 'k7mnp-2wxyz-a3bcd-efgh4',
      mustChange: true,
      sessions: 2,
      minimumLength: 15,
    }),
    sample('admin-confirm', 'admin-confirm', {
      ...consolePage('accounts'),
      title: `Delete ${longName}?`,
      crumbs: accountCrumbs,
      lead: 'The account is removed for good.',
      ends: ['3 sessions', 'The access of 2 applications'],
      stays: ['What was done with it stays in the audit.'],
      action: '/admin/accounts/a/delete',
      fields: { group: 'support' },
      submit: 'Delete for good',
      isDangerous: true,
      back: '/admin/accounts/a',
      typed: { label: `Type ${longEmail} to confirm`, value: '' },
    }),
    sample('admin-message', 'admin-message', {
      ...consolePage('accounts'),
      title: 'This is not there',
      text: 'It was removed.',
      links: accountCrumbs,
    }),
    sample('admin-no-permission', 'admin-no-permission', {
      ...consolePage(undefined),
      permission: 'keys:rotate',
      roles: ['Owner', longName],
      owners: ['mara@example.org', longEmail],
    }),
    sample('admin-search', 'admin-search', {
      ...consolePage(undefined),
      accounts: [{ id: 'a', name: longName, email: longEmail }],
      clients: [{ id: 'payroll', name: 'Harbour Payroll' }],
      pages: [{ label: 'Keys', href: '/admin/keys' }],
    }),
    sample('admin-audit', 'admin-audit', {
      ...consolePage('audit'),
      events: [event, failure, { ...event, id: 'unknown', outcome: 'unknown', actor: { kind: 'system' } }],
      filters: { ...filters, person: longEmail, request: '01JD4K9Q6WZ3F8' },
      isFiltered: true,
      kinds: eventKinds,
      isPersonUnknown: true,
      why: [{ event: failure, reason: 'wrong-password' }],
      exportPath: '/admin/audit/export',
      next: '/admin/audit?cursor=abc',
    }),
    sample('admin-audit-event', 'admin-audit-event', {
      ...consolePage('audit'),
      event: failure,
      why: 'wrong-password',
      changes: [
        { field: 'roles', removed: ['auditor'], added: ['owner', longName] },
        { field: 'name', removed: [longName], added: [] },
      ],
    }),
    sample('admin-audit-verified', 'admin-audit-verified', {
      ...consolePage('audit'),
      trails: [
        { trail: 'admin', isIntact: true, events: 12_000, unchained: 2, head: `admin.${'Ab3'.repeat(22)}` },
        {
          trail: 'people',
          isIntact: false,
          events: 3,
          unchained: 0,
          head: 'people.1',
          fault: { message: 'An event was changed.', eventId: 'abc', at },
        },
      ],
    }),
    sample('admin-closed', 'admin-closed', {
      frame: { path: '/admin' },
      kind: 'no-role',
      email: longEmail,
      issuer: 'https://id.example.com',
    }),
    sample('admin-closed-not-signed-in', 'admin-closed', {
      frame: { path: '/admin' },
      kind: 'not-signed-in',
      issuer: 'https://id.example.com',
    }),
    sample('admin-owner', 'admin-owner', {
      frame: { path: '/admin/owner' },
      csrfToken: 'c-s-r-f',
      token: 't-o-k-e-n',
      email: 'mara@example.org',
      name: longName,
      problem: 'Please try again.',
    }),
  ];
}
