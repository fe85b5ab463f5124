/** The pages of the admin console: clients, roles, groups, APIs, sessions, keys, settings and the API for programs. */
import { type Group, permissions, type Role } from '../../src/access/access.ts';
import { clientFields, fieldGroups } from '../../src/admin/console/client-fields.ts';
import { clientKinds, kindQuestions } from '../../src/admin/console/client-kinds.ts';
import { setupOf } from '../../src/admin/console/client-setup.ts';
import { stepsOf } from '../../src/admin/console/key-routes.ts';
import { addressCodes } from '../../src/admin/console/redirect-address.ts';
import { settingGroups, settingShapes } from '../../src/admin/console/setting-fields.ts';
import type { Views } from '../../src/http/views.ts';
import type { ClientRecord, KeySummary, Resource } from '../../src/oidc/oidc.ts';
import { consolePage } from './admin-samples.ts';
import type { Sample } from './sample-pages.ts';

type MakeSample = <V extends keyof Views>(name: string, view: V, data: Views[V]) => Sample;

const at = Date.UTC(2026, 10, 24, 12, 5);
const day = 86_400_000;
const issuer = 'https://id.example.com';
const long = `${'Donaudampfschifffahrtsgesellschaft'.repeat(2)} Fahrgastauskunft`;

const client: ClientRecord = {
  metadata: {
    client_id: 'harbour-notes',
    client_name: 'Harbour Notes',
    description: 'Notes for people at the harbour',
    application_type: 'web',
    redirect_uris: ['https://notes.example.com/auth/callback', 'http://localhost:3000/auth/callback/'],
    post_logout_redirect_uris: ['https://notes.example.com/'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
    scope: 'openid profile email offline_access',
    first_party: true,
    second_factor: 'required',
    resources: ['https://api.example.com'],
  },
  isEnabled: true,
  secrets: [
    { id: '7M8LxYsJ', createdAt: at - 90 * day, expiresAt: at + day },
    { id: 'dmW-88g5', createdAt: at, expiresAt: undefined },
  ],
  isBuiltIn: false,
  version: 3,
  createdAt: at - 90 * day,
  updatedAt: at,
};

const resource: Resource = {
  indicator: 'https://api.example.com',
  name: 'Harbour API',
  scopes: [
    { name: 'orders:read', description: 'See orders' },
    { name: 'orders:write', description: '' },
  ],
  accessTokenSeconds: 300,
  signingAlgorithm: 'ES256',
  format: 'jwt',
  hasRoles: true,
  origin: 'settings',
  version: 1,
  createdAt: at,
  updatedAt: at,
};

const role: Role = {
  id: 'helpdesk',
  name: 'Help desk',
  description: long,
  permissions: ['accounts:read', 'sessions:end'],
  claims: { level: 2, areas: ['north', 'south'], inside: true },
  isBuiltIn: false,
  version: 1,
  createdAt: at,
  updatedAt: at,
};
const group: Group = { ...role, id: 'support', name: 'Support', roles: ['helpdesk'] };

const keys: KeySummary[] = (['published', 'active', 'retired'] as const).map((state) => ({
  id: `${state}-key-of-43-characters-0123456789abcdefghi`,
  use: 'signing',
  alg: 'ES256',
  state,
  createdAt: at - 90 * day,
  activatedAt: state === 'published' ? undefined : at - 89 * day,
  retiredAt: state === 'retired' ? at - day : undefined,
  removedAt: state === 'retired' ? at + 89 * day : undefined,
  activeFrom: state === 'published' ? at + 300_000 : undefined,
  servedBy: state === 'published' ? 1 : 3,
  livePods: 3,
}));

const setup = (chosen: string, record = client) =>
  setupOf(record.metadata, { issuer, resources: [resource], chosen });

const entered = {
  name: 'Harbour Notes',
  redirects: 'http://notes.example.com/cb',
  postLogout: '',
  isOurs: true,
  scopes: ['profile', 'email'],
  isOffline: false,
  framework: '',
};
const found = addressCodes.map((code, index) => ({
  address: 'http://notes.example.com/cb',
  findings: [
    {
      code,
      isWrong: index < 8,
      better: 'https://notes.example.com/cb',
      ...(code === 'other' ? { message: 'must not have a user name in it' } : {}),
    },
  ],
}));
const claims = [
  { name: 'level', type: 'number', value: '2' },
  { name: 'areas', type: 'list', value: 'north\nsouth' },
  { name: '', type: 'text', value: '' },
] as const;

const problem = (path: string) => ({
  problem: 'It does not fit yet.',
  faults: [{ path, message: 'This does not fit.' }],
});

/** Words of ours among the data, by which texts are chosen; whatever else is in it may be anything. */
const ours = new Set<string>([
  ...clientKinds,
  ...addressCodes,
  ...fieldGroups,
  ...Object.values(clientFields).flatMap((fields) =>
    fields.flatMap((field) => [field.name, field.type, ...('options' in field ? field.options : [])]),
  ),
  ...Object.keys(settingGroups),
  ...Object.entries(settingShapes).flatMap(([name, shape]) => [
    name,
    ...('options' in shape ? shape.options : []),
  ]),
  ...['seconds', 'minutes', 'hours', 'days', 'default', 'environment', 'settings', 'built-in'],
  ...[
    'made',
    'served',
    'active',
    'retired',
    'removed',
    'done',
    'now',
    'ahead',
    'published',
    'signing',
    'cookie',
  ],
  ...['slash', 'exact', 'jwt', 'opaque', 'accounts', 'text', 'number', 'boolean', 'list'],
]);

export function adminClientSamples(make: MakeSample): Sample[] {
  const sample: MakeSample = (name, view, data) => {
    const made = make(name, view, data);
    return {
      ...made,
      html: (renderer, locale, change) =>
        made.html(renderer, locale, change && ((text) => (ours.has(text) ? text : change(text)))),
    };
  };
  const clients = (says = {}) => consolePage('clients', says);
  const choice = {
    value: 'https://api.example.com',
    label: 'Harbour API',
    hint: 'orders:read',
    isOn: true,
    isFixed: false,
  };
  const page = {
    client,
    groups: fieldGroups.map((id) => ({
      id,
      rows: clientFields[id].flatMap(({ name }) => {
        const value = client.metadata[name];
        return value === undefined ? [] : [{ name, texts: [value].flat().map(String) }];
      }),
    })),
    isWithinReach: true,
    wantsSecret: true,
    sessions: 12,
    events: [],
    found: found.slice(8),
    tested: 'https://notes.example.com/auth/callback/',
    json: JSON.stringify(client.metadata, null, 2),
  };
  return [
    sample('admin-clients', 'admin-clients', {
      ...clients(),
      clients: [
        {
          id: 'harbour-notes',
          name: 'Harbour Notes',
          kind: 'web',
          isEnabled: true,
          isBuiltIn: false,
          isOurs: true,
          updatedAt: at,
        },
        {
          id: 'x'.repeat(120),
          name: long,
          kind: 'native',
          isEnabled: false,
          isBuiltIn: false,
          isOurs: false,
          updatedAt: at,
        },
        {
          id: 'holdfast-admin',
          name: 'Holdfast administration',
          kind: 'spa',
          isEnabled: true,
          isBuiltIn: true,
          isOurs: true,
          updatedAt: 0,
        },
      ],
      total: 2,
      text: '',
      next: '/admin/clients?cursor=x',
    }),
    sample('admin-clients-none', 'admin-clients', { ...clients(), clients: [], total: 0, text: 'zebra' }),
    sample('admin-client-kinds', 'admin-client-kinds', { ...clients(), kinds: clientKinds }),
    ...(['web', 'native', 'service'] as const).map((kind) =>
      sample(`admin-client-new-${kind}`, 'admin-client-new', {
        ...clients(kind === 'web' ? problem('redirects') : {}),
        kind,
        questions: kindQuestions[kind],
        entered,
        frameworks: [
          { id: 'express', name: 'Express', callbackPath: '' },
          { id: 'next', name: 'Next.js', callbackPath: '/api/auth/callback/holdfast' },
        ],
        apis: [choice],
        roles: [{ ...choice, value: 'owner', isFixed: true }],
        found: kind === 'web' ? found : [],
      }),
    ),
    sample('admin-client-addresses', 'admin-client-addresses', { ...clients(), found }),
    sample('admin-client-ready', 'admin-client-ready', {
      ...clients({ done: 'client-created' }),
      client,
      secret: 'a-secret-that-is-not-one-0123456789abcdefgh',
      isNew: true,
      setup: setup('aspnet-core'),
    }),
    sample('admin-client-ready-gone', 'admin-client-ready', {
      ...clients(),
      client,
      isNew: false,
      setup: setup('spring-boot'),
    }),
    sample('admin-client', 'admin-client', {
      ...clients(),
      ...page,
      match: { isAllowed: false, reason: 'slash', nearest: 'https://notes.example.com/auth/callback' },
      setup: setup('express'),
    }),
    sample('admin-client-disabled', 'admin-client', {
      ...clients({ done: 'client-disabled' }),
      ...page,
      client: {
        ...client,
        isEnabled: false,
        secrets: [],
        metadata: { ...client.metadata, client_name: long },
      },
      isWithinReach: false,
      sessions: 0,
      match: { isAllowed: true, reason: 'exact', nearest: 'https://notes.example.com/auth/callback' },
      setup: setup('oauth2-proxy'),
    }),
    ...(['general', 'tokens', 'apis'] as const).map((groupId) =>
      sample(`admin-client-edit-${groupId}`, 'admin-client-edit', {
        ...clients(groupId === 'tokens' ? problem('access_token_seconds') : {}),
        id: 'harbour-notes',
        name: 'Harbour Notes',
        version: 3,
        group: groupId,
        fields: clientFields[groupId].map((field) => ({
          ...field,
          value: '',
          chosen: [],
          choices:
            field.type === 'many'
              ? field.options.map((value) => ({ value, label: value, hint: '', isFixed: false }))
              : [{ value: 'one', label: long, hint: 'What it is for', isFixed: true }],
        })),
      }),
    ),
    sample('admin-client-json', 'admin-client-json', {
      ...clients(problem('json')),
      id: 'harbour-notes',
      name: 'Harbour Notes',
      version: 3,
      json: page.json,
    }),
    sample('admin-client-secret-new', 'admin-client-secret-new', {
      ...clients(),
      id: 'harbour-notes',
      name: 'Harbour Notes',
      secrets: 1,
    }),
    ...accessSamples(sample),
    ...operationSamples(sample),
  ];
}

function accessSamples(sample: MakeSample): Sample[] {
  const areas = [
    {
      area: 'accounts',
      permissions: permissions
        .filter((id) => id.startsWith('accounts:'))
        .map((id, index) => ({ id, text: 'See accounts', isOn: index < 2, isFixed: index % 2 === 0 })),
    },
  ];
  const form = { id: 'helpdesk', name: 'Help desk', description: '', version: 1, claims: [...claims] };
  return [
    sample('admin-resources', 'admin-resources', {
      ...consolePage('resources'),
      resources: [
        { ...resource, path: '/admin/resources/a' },
        {
          ...resource,
          name: long,
          scopes: [],
          origin: 'environment',
          format: 'opaque',
          path: '/admin/resources/b',
        },
      ],
    }),
    sample('admin-resource', 'admin-resource', {
      ...consolePage('resources'),
      resource,
      path: '/admin/resources/a',
      clients: [{ id: 'harbour-notes', name: 'Harbour Notes' }],
      isPartial: false,
    }),
    sample('admin-resource-fixed', 'admin-resource', {
      ...consolePage('resources'),
      resource: { ...resource, origin: 'environment', scopes: [] },
      path: '/admin/resources/a',
      clients: [],
      isPartial: true,
    }),
    sample('admin-resource-edit', 'admin-resource-edit', {
      ...consolePage('resources', problem('scopes.1.name')),
      version: 0,
      entered: { ...resource, accessTokenSeconds: '' },
    }),
    sample('admin-roles', 'admin-roles', {
      ...consolePage('roles'),
      roles: [
        { ...role, accounts: 3 },
        { ...role, id: 'owner', name: 'Owner', claims: {}, isBuiltIn: true, accounts: 1 },
      ],
    }),
    sample('admin-role', 'admin-role', {
      ...consolePage('roles'),
      role,
      accounts: 3,
      groups: [group],
      areas: [{ area: 'accounts', texts: ['See and search accounts'] }],
      isWithinReach: true,
    }),
    sample('admin-role-edit', 'admin-role-edit', {
      ...consolePage('roles', problem('claims.level')),
      ...form,
      isNew: true,
      areas,
    }),
    sample('admin-groups', 'admin-groups', {
      ...consolePage('groups'),
      groups: [{ ...group, accounts: 12, roleNames: ['Help desk'] }],
    }),
    sample('admin-groups-none', 'admin-groups', { ...consolePage('groups'), groups: [] }),
    sample('admin-group', 'admin-group', {
      ...consolePage('groups'),
      group,
      accounts: 12,
      roles: [{ id: 'helpdesk', name: 'Help desk' }],
      isWithinReach: false,
    }),
    sample('admin-group-edit', 'admin-group-edit', {
      ...consolePage('groups'),
      ...form,
      isNew: false,
      roles: [{ id: 'owner', name: 'Owner', hint: 'More than you', isOn: true, isFixed: true }],
    }),
  ];
}

function operationSamples(sample: MakeSample): Sample[] {
  const session = {
    uid: 'u1',
    accountId: 'jonas',
    label: long,
    signedInAt: at - day,
    lastUsedAt: at,
    browser: 'Firefox, Linux',
    address: '2001:db8:85a3::8a2e:370:7334',
    acr: undefined,
    amr: ['pwd', 'otp'],
    clients: [{ clientId: 'harbour-notes', name: 'Harbour Notes', host: 'notes.example.com' }],
  };
  return [
    sample('admin-sessions', 'admin-sessions', {
      ...consolePage('sessions', { done: 'sessions-picked', count: 2 }),
      sessions: [session, { ...session, uid: 'u2', label: 'Mara', browser: '', clients: [], amr: [] }],
      total: 2,
      filters: { account: '', client: '' },
      isFiltered: false,
      isSelf: false,
      ownUid: 'u2',
      next: '/admin/sessions?cursor=x',
    }),
    sample('admin-sessions-none', 'admin-sessions', {
      ...consolePage('sessions'),
      sessions: [],
      total: 0,
      filters: { account: 'jonas@example.com', client: '' },
      isFiltered: true,
      accountId: 'jonas',
      accountLabel: 'Jonas',
      isSelf: false,
      ownUid: 'u2',
    }),
    sample('admin-keys', 'admin-keys', {
      ...consolePage('keys'),
      uses: [
        { use: 'signing', isUnderWay: true, keys: keys.map((key) => ({ ...key, steps: stepsOf(key) })) },
        { use: 'cookie', isUnderWay: false, keys: [] },
      ],
      days: 90,
      jwksUri: `${issuer}/jwks`,
    }),
    sample('admin-settings', 'admin-settings', {
      ...consolePage('settings'),
      groups: Object.entries(settingGroups).map(([id, names]) => ({
        id,
        settings: names.map((name, index) => ({
          name,
          text: '14 days',
          source: (['default', 'environment', 'settings'] as const)[index] ?? 'default',
        })),
      })),
      environment: [{ name: 'HOLDFAST_UNSAFE_ALLOW_PRIVATE_ADDRESSES', value: 'a'.repeat(200) }],
    }),
    ...(['people', 'tokens'] as const).map((groupId) =>
      sample(`admin-settings-${groupId}`, 'admin-settings-edit', {
        ...consolePage('settings', groupId === 'tokens' ? problem('access_token_seconds') : {}),
        group: groupId,
        version: 1,
        fields: settingGroups[groupId].map((name, index) => {
          const shape = settingShapes[name];
          return {
            name,
            source: index === 0 ? ('settings' as const) : ('environment' as const),
            value: '14',
            ...(shape.type === 'choice' ? { options: shape.options } : {}),
            ...(shape.type === 'duration' ? { unit: 'days' } : {}),
            ...(shape.type === 'duration' || shape.type === 'days'
              ? { bounds: { least: '1 minute', most: '90 days' } }
              : {}),
          };
        }),
      }),
    ),
    sample('admin-api', 'admin-api', {
      ...consolePage('api'),
      issuer,
      api: `${issuer}/admin/api/v1`,
      permissions: permissions.length,
      command: `curl '${issuer}/token'\n`,
    }),
  ];
}
