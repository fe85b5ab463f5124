import { expect } from 'chai';
import type { Admin } from '../../src/admin/admin.ts';
import type { Outcome } from '../../src/admin/outcome.ts';
import { contentOf, must, operator, password, person, usePods } from './admin-fixture.ts';

const dry = { isDryRun: true };
const service = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] };

type Try = (admin: Admin) => Promise<Outcome<unknown>>;

describe('a dry run', () => {
  const pods = usePods();
  let account = '';
  const api = 'https://api.example.com/dry';

  before(async () => {
    const { one: parts } = pods;
    const { admin } = parts;
    await person(parts, ['owner']);
    account = (await person(parts, [], { password, email: 'dry@example.com' })).id;
    must(await admin.roles.create(operator(), 'dry-role', {}));
    must(await admin.groups.create(operator(), 'dry-group', {}));
    must(await admin.resources.create(operator(), api, {}));
    must(await admin.clients.create(operator(), { ...service, client_id: 'dry-client' }));
  });

  const fits: Record<string, Try> = {
    'an account made': ({ accounts }) =>
      accounts.create(operator(), { email: 'new@example.com', password, roles: ['auditor'] }, dry),
    'an account changed': ({ accounts }) =>
      accounts.update(
        operator(),
        account,
        { email: 'x@example.com', profile: { name: 'X' }, roles: ['owner'] },
        dry,
      ),
    'an account disabled': ({ accounts }) => accounts.disable(operator(), account, dry),
    'an account enabled': ({ accounts }) => accounts.enable(operator(), account, dry),
    'an account deleted': ({ accounts }) => accounts.remove(operator(), account, dry),
    'a password set': ({ accounts }) =>
      accounts.setPassword(operator(), account, password, { mustChange: false, isDryRun: true }),
    'a password expired': ({ accounts }) => accounts.expirePassword(operator(), account, dry),
    'a client made': ({ clients }) => clients.create(operator(), { ...service, client_id: 'other' }, dry),
    'a client changed': ({ clients }) => clients.update(operator(), 'dry-client', { client_name: 'X' }, dry),
    'a client disabled': ({ clients }) => clients.disable(operator(), 'dry-client', dry),
    'a client enabled': ({ clients }) => clients.enable(operator(), 'dry-client', dry),
    'a client deleted': ({ clients }) => clients.remove(operator(), 'dry-client', dry),
    'an API made': ({ resources }) => resources.create(operator(), 'https://new.example.com', {}, dry),
    'an API changed': ({ resources }) => resources.update(operator(), api, { format: 'opaque' }, dry),
    'an API removed': ({ resources }) => resources.remove(operator(), api, dry),
    'a role made': ({ roles }) => roles.create(operator(), 'new', { permissions: ['keys:read'] }, dry),
    'a role changed': ({ roles }) => roles.update(operator(), 'dry-role', { name: 'X' }, dry),
    'a role removed': ({ roles }) => roles.remove(operator(), 'dry-role', dry),
    'a group made': ({ groups }) => groups.create(operator(), 'new', { roles: ['dry-role'] }, dry),
    'a group changed': ({ groups }) => groups.update(operator(), 'dry-group', { roles: ['owner'] }, dry),
    'a group removed': ({ groups }) => groups.remove(operator(), 'dry-group', dry),
    'settings changed': ({ settings }) => settings.change(operator(), { registration: 'off' }, dry),
  };

  const refused: Record<string, [run: Try, problem: string, says: string]> = {
    'an address that is taken': [
      ({ accounts }) => accounts.create(operator(), { email: 'DRY@example.com' }, dry),
      'conflict',
      'already',
    ],
    'no address': [
      ({ accounts }) => accounts.create(operator(), { email: 'dry' }, dry),
      'invalid',
      'e-mail address',
    ],
    'a password that is too short': [
      ({ accounts }) => accounts.create(operator(), { email: 'a@example.com', password: 'short' }, dry),
      'invalid',
      'at least 15',
    ],
    'a role that is not there': [
      ({ accounts }) => accounts.update(operator(), account, { roles: ['missing'] }, dry),
      'invalid',
      'no role "missing"',
    ],
    'a group that is not there': [
      ({ accounts }) => accounts.update(operator(), account, { groups: ['missing'] }, dry),
      'invalid',
      'no group "missing"',
    ],
    'a field that does not fit': [
      ({ accounts }) => accounts.update(operator(), account, { profile: { birthdate: 'spring' } }, dry),
      'invalid',
      'birthdate',
    ],
    'an account that is not there': [
      ({ accounts }) => accounts.disable(operator(), 'nobody', dry),
      'not-found',
      'no such account',
    ],
    'an older version': [
      ({ accounts }) => accounts.disable(operator(), account, { ...dry, version: 999 }),
      'changed',
      'Load it again',
    ],
    'a client_id that is taken': [
      ({ clients }) => clients.create(operator(), { ...service, client_id: 'dry-client' }, dry),
      'conflict',
      'taken',
    ],
    'metadata that does not fit': [
      ({ clients }) => clients.update(operator(), 'dry-client', { redirect_uri: [] }, dry),
      'invalid',
      'redirect_uri',
    ],
    'a secret in metadata': [
      ({ clients }) => clients.create(operator(), { ...service, client_secret: 'mine' }, dry),
      'invalid',
      'shown once',
    ],
    'a built-in client': [
      ({ clients }) => clients.disable(operator(), 'holdfast-account', dry),
      'conflict',
      'part of the product',
    ],
    'an API that is there': [
      ({ resources }) => resources.create(operator(), api, {}, dry),
      'conflict',
      'already',
    ],
    'an API without an address': [
      ({ resources }) => resources.create(operator(), 'orders', {}, dry),
      'invalid',
      'indicator',
    ],
    'a role that is there': [({ roles }) => roles.create(operator(), 'owner', {}, dry), 'conflict', 'taken'],
    'a built-in role': [
      ({ roles }) => roles.update(operator(), 'owner', { name: 'X' }, dry),
      'conflict',
      'part of the product',
    ],
    'a group with a role that is not there': [
      ({ groups }) => groups.create(operator(), 'new', { roles: ['missing'] }, dry),
      'invalid',
      'missing',
    ],
    'settings that do not fit together': [
      ({ settings }) => settings.change(operator(), { session_absolute_seconds: 60 }, dry),
      'invalid',
      'session_absolute_seconds',
    ],
  };

  it('of anything changes nothing in Redis', async () => {
    const { one: parts } = pods;
    const before = await contentOf(parts);
    for (const [what, run] of Object.entries(fits)) {
      const outcome = await run(parts.admin);
      expect(outcome.ok, `${what}: ${JSON.stringify(outcome)}`).to.equal(true);
      expect(await contentOf(parts), what).to.deep.equal(before);
    }
  });

  it('says beforehand what would be refused, and how to mend it', async () => {
    const { one: parts } = pods;
    const before = await contentOf(parts);
    for (const [what, [run, problem, says]] of Object.entries(refused)) {
      const outcome = await run(parts.admin);
      expect(outcome, `${what}: ${JSON.stringify(outcome)}`).to.include({ ok: false, problem });
      if (!outcome.ok) expect(outcome.message, what).to.include(says);
    }
    expect(await contentOf(parts)).to.deep.equal(before);
  });

  it('is refused as the act itself is', async () => {
    const { one: parts } = pods;
    const wet = (run: Try): Try => {
      const proxied = new Proxy(parts.admin, {
        get: (admin, section: keyof Admin) =>
          new Proxy(admin[section], {
            get: (flows, name: string) => {
              const flow: unknown = Reflect.get(flows, name);
              if (typeof flow !== 'function') return flow;
              return (...args: unknown[]) =>
                flow(...args.map((arg) => (isOptions(arg) ? { ...arg, isDryRun: false } : arg)));
            },
          }),
      });
      return () => run(proxied);
    };
    for (const [what, [run, problem]] of Object.entries(refused)) {
      const outcome = await wet(run)(parts.admin);
      expect(outcome, `${what}: ${JSON.stringify(outcome)}`).to.include({ ok: false, problem });
    }
  });
});

function isOptions(value: unknown): value is { isDryRun: boolean } {
  return typeof value === 'object' && value !== null && 'isDryRun' in value;
}
