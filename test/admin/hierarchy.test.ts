import { expect } from 'chai';
import { builtInRoles, type ClaimValues, outranks } from '../../src/access/access.ts';
import type { Actor } from '../../src/access/actor.ts';
import type { Account } from '../../src/accounts/accounts.ts';
import type { Admin } from '../../src/admin/admin.ts';
import type { Outcome } from '../../src/admin/outcome.ts';
import { actorWith, expectRefused, must, operator, person, trailOf, usePods } from './admin-fixture.ts';

const dry = { isDryRun: true };

/** Everything that can be done to an account; none leaves it so that the next could not be done. */
const acts: Record<string, (admin: Admin, actor: Actor, id: string) => Promise<Outcome<unknown>>> = {
  rename: ({ accounts }, actor, id) => accounts.update(actor, id, { profile: { nickname: 'Nick' } }),
  'take the address': ({ accounts }, actor, id) => accounts.update(actor, id, { email: `${id}@example.org` }),
  disable: ({ accounts }, actor, id) => accounts.disable(actor, id, dry),
  enable: ({ accounts }, actor, id) => accounts.enable(actor, id),
  delete: ({ accounts }, actor, id) => accounts.remove(actor, id, dry),
  'set the password': ({ accounts }, actor, id) =>
    accounts.setPassword(actor, id, 'correct horse battery staple', { mustChange: true, isDryRun: true }),
  'reset factors': ({ accounts }, actor, id) => accounts.resetFactors(actor, id),
  'end sessions': ({ sessions }, actor, id) => sessions.endOfAccount(actor, id),
  'mail a link': ({ accounts }, actor, id) => accounts.sendReset(actor, id),
};

describe('the hierarchy of administrators', () => {
  const pods = usePods();
  const roles = Object.keys(builtInRoles) as (keyof typeof builtInRoles)[];
  const ranks: string[][] = [[], ...roles.map((role) => [role])];

  it('lets nobody act on who may do more, whatever the act', async () => {
    const { one: parts } = pods;
    // Another owner, so that it is rank alone that decides.
    await person(parts, ['owner']);
    let allowed = 0;
    let refused = 0;
    for (const [act, run] of Object.entries(acts)) {
      for (const theirs of ranks) {
        const target = await person(parts, theirs);
        for (const own of ranks) {
          const actor = await actorWith(parts, own);
          const { permissions } = await parts.access.effectiveNow({ roles: theirs, groups: [] });
          const outcome = await run(parts.admin, actor, target.id);
          const what = `${own} wants to ${act} of ${theirs}`;
          if (outranks(actor.permissions, permissions)) {
            // A fourth mail to one address within the hour is too many; it was not rank.
            const isTooMany = !outcome.ok && outcome.message.startsWith('Too many mails');
            expect(outcome.ok || isTooMany, what).to.equal(true);
            allowed += 1;
          } else {
            expect(outcome, what).to.include({ ok: false, problem: 'outranked' });
            refused += 1;
          }
        }
      }
    }
    expect(allowed + refused).to.equal(Object.keys(acts).length * ranks.length ** 2);
    expect(refused).to.be.greaterThan(50);
  });

  it('tells who is refused why, and has it in the audit', async () => {
    const { one: parts } = pods;
    const owner = await person(parts, ['owner']);
    const manager = await person(parts, ['account-manager']);
    const actor = await actorWith(parts, ['account-manager'], manager);
    const { message } = expectRefused(await parts.admin.accounts.disable(actor, owner.id), 'outranked');
    expect(message).to.include('may do more than you').and.include('clients:write');
    const event = (await trailOf(parts)).find(({ requestId }) => requestId === actor.requestId);
    expect(event).to.include({ kind: 'account.disabled', outcome: 'failure', reason: 'outranked' });
    expect(event?.actor).to.deep.equal({ kind: 'account', id: manager.id, name: manager.email });
    expect(event?.target).to.deep.equal({ kind: 'account', id: owner.id, name: owner.email });
    expect(event).to.include({ address: '192.0.2.7', via: 'console' });
    expect(must(await parts.admin.accounts.find(owner.id)).status).to.equal('active');
  });

  describe('nobody raises themselves', () => {
    it('by a role, on themselves or somebody else', async () => {
      const { one: parts } = pods;
      const self = await person(parts, ['account-manager']);
      const other = await person(parts);
      const actor = await actorWith(parts, ['account-manager'], self);
      for (const { id } of [self, other]) {
        for (const role of ['owner', 'client-manager', 'auditor']) {
          const wanted = { roles: ['account-manager', role] };
          expectRefused(await parts.admin.accounts.update(actor, id, wanted), 'outranked');
        }
      }
      const given = await parts.admin.accounts.update(actor, other.id, { roles: ['account-manager'] });
      expect(must(given).roles).to.deep.equal(['account-manager']);
      const draft = { email: 'new-owner@example.com', roles: ['owner'] };
      expectRefused(await parts.admin.accounts.create(actor, draft), 'outranked');
      expect(await parts.accounts.findByEmail(draft.email)).to.equal(undefined);
    });

    it('by a group that has roles, made, joined or changed', async () => {
      const { one: parts } = pods;
      const { groups, accounts } = parts.admin;
      must(await groups.create(operator(), 'owners', { roles: ['owner'] }));
      must(await groups.create(operator(), 'nobody', {}));
      const self = await person(parts, ['account-manager']);
      const actor = await actorWith(parts, ['account-manager'], self);
      expectRefused(await accounts.update(actor, self.id, { groups: ['owners'] }), 'outranked');
      expectRefused(await groups.create(actor, 'mine', { roles: ['owner'] }), 'outranked');
      expectRefused(await groups.update(actor, 'nobody', { roles: ['client-manager'] }), 'outranked');
      expectRefused(await groups.update(actor, 'owners', { name: 'Mine' }), 'outranked');
      expectRefused(await groups.update(actor, 'owners', { roles: [] }), 'outranked');
      expectRefused(await groups.remove(actor, 'owners'), 'outranked');
      must(await groups.update(actor, 'nobody', { roles: ['account-manager'] }));
    });

    it('by a role of their own', async () => {
      const { one: parts } = pods;
      const { roles: own } = parts.admin;
      must(await own.create(operator(), 'role-editor', { permissions: ['roles:read', 'roles:write'] }));
      must(await own.create(operator(), 'key-holder', { permissions: ['keys:revoke'] }));
      const actor = await actorWith(parts, ['role-editor']);
      expectRefused(await own.update(actor, 'role-editor', { permissions: ['keys:revoke'] }), 'outranked');
      expectRefused(await own.create(actor, 'mine', { permissions: ['keys:revoke'] }), 'outranked');
      expectRefused(await own.update(actor, 'key-holder', { name: 'Mine' }), 'outranked');
      expectRefused(await own.update(actor, 'key-holder', { permissions: [] }), 'outranked');
      expectRefused(await own.remove(actor, 'key-holder'), 'outranked');
      must(await own.create(actor, 'reader', { permissions: ['roles:read'] }));
      must(await own.update(actor, 'reader', { name: 'Reader' }));
    });

    it('by a claim that a role or group that may do more has, of a group or role of their own', async () => {
      const { one } = pods;
      const { roles, groups } = one.admin;
      must(
        await roles.create(operator(), 'hr-admin', {
          permissions: ['audit:read'],
          claims: { hr_admin: true, department: 'hr' },
        }),
      );
      must(await groups.create(operator(), 'payers', { roles: ['hr-admin'], claims: { may_pay: true } }));
      must(await roles.create(operator(), 'greeter', { permissions: [], claims: { greets: true } }));
      must(await roles.create(operator(), 'role-maker', { permissions: ['roles:write', 'groups:write'] }));
      const manager = await actorWith(one, ['account-manager']);
      const maker = await actorWith(one, ['role-maker']);
      const above: ClaimValues[] = [{ hr_admin: true }, { hr_admin: false, mine: 1 }, { may_pay: true }];
      for (const claims of above) {
        for (const isDryRun of [true, false]) {
          const made = await groups.create(manager, 'choir', { claims }, { isDryRun });
          const [name] = Object.keys(claims);
          expect(expectRefused(made, 'outranked').faults?.map(({ path }) => path)).to.deep.equal([
            `claims.${name}`,
          ]);
          expectRefused(await roles.create(maker, 'singer', { claims }, { isDryRun }), 'outranked');
        }
      }
      must(await groups.create(manager, 'choir', { claims: { mine: 1, greets: true } }));
      expectRefused(await groups.update(manager, 'choir', { claims: { hr_admin: true } }), 'outranked');
      // What an owner has put there stays, as it is.
      must(await groups.update(operator(), 'choir', { claims: { department: 'hr' } }));
      must(await groups.update(manager, 'choir', { claims: { department: 'hr', mine: 2 } }));
      expectRefused(await groups.update(manager, 'choir', { claims: { department: 'it' } }), 'outranked');
      must(await groups.update(manager, 'choir', { claims: {} }));
    });

    it('by a client, made, changed, or given another secret', async () => {
      const { one: parts } = pods;
      const { clients } = parts.admin;
      const service = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] };
      const actor = await actorWith(parts, ['client-manager']);
      const wanted = { ...service, client_name: 'Mine', roles: ['owner'] };
      expectRefused(await clients.create(actor, wanted), 'outranked');
      const own = must(await clients.create(actor, { ...service, roles: ['client-manager'] })).client;
      const id = own.metadata.client_id;
      expectRefused(await clients.update(actor, id, { roles: ['account-manager'] }), 'outranked');
      must(await clients.update(actor, id, { client_name: 'Robot' }));

      const high = must(await clients.create(operator(), { ...service, roles: ['owner'] })).client;
      const highId = high.metadata.client_id;
      const attempts = [
        clients.addSecret(actor, highId),
        clients.removeSecret(actor, highId, high.secrets[0]?.id ?? ''),
        clients.update(actor, highId, { redirect_uris: ['https://mine.example/cb'] }),
        clients.update(actor, highId, { roles: null }),
        clients.disable(actor, highId),
        clients.enable(actor, highId),
        clients.remove(actor, highId),
        clients.revokeGrants(actor, highId),
      ];
      for (const attempt of attempts) expectRefused(await attempt, 'outranked');
    });

    it('without the permission to give roles at all', async () => {
      const { one: parts } = pods;
      must(
        await parts.admin.roles.create(operator(), 'clerk', {
          permissions: ['accounts:read', 'accounts:create', 'accounts:update'],
        }),
      );
      const actor = await actorWith(parts, ['clerk']);
      const other = await person(parts);
      const given = await parts.admin.accounts.update(actor, other.id, { roles: ['clerk'] });
      expect(expectRefused(given, 'outranked').message).to.include('accounts:assign-roles');
      must(await parts.admin.accounts.update(actor, other.id, { profile: { name: 'Other' } }));
    });
  });

  it('looks at roles as they are now, not as they were when a page was opened', async () => {
    const { one, two } = pods;
    const target: Account = await person(one);
    const actor = await actorWith(one, ['account-manager']);
    must(await two.admin.accounts.update(operator(), target.id, { roles: ['owner'] }));
    expectRefused(await one.admin.accounts.disable(actor, target.id), 'outranked');
  });

  it('ends all sessions only for an owner', async () => {
    const { one: parts } = pods;
    for (const role of ['account-manager', 'auditor', 'client-manager']) {
      expectRefused(await parts.admin.sessions.endAll(await actorWith(parts, [role])), 'outranked');
    }
    expect(must(await parts.admin.sessions.endAll(await actorWith(parts, ['owner']))).before).to.be.a(
      'number',
    );
  });
});
