import { expect } from 'chai';
import { letExpire } from '../accounts/account-fixture.ts';
import {
  actorWith,
  contentOf,
  expectRefused,
  must,
  operator,
  person,
  trailOf,
  usePods,
} from './admin-fixture.ts';

const from = { requestId: 'claim', address: '192.0.2.9' };

describe('owners', () => {
  const pods = usePods();

  /** As there are no others: those of earlier tests lose the role. */
  async function onlyOwners(count: number) {
    const { admin } = pods.one;
    const fresh = await Promise.all(Array.from({ length: count }, () => person(pods.one, ['owner'])));
    const { items } = await admin.accounts.search({ role: 'owner', count: 200 });
    for (const { id } of items) {
      if (fresh.some((one) => one.id === id)) continue;
      must(await admin.accounts.update(operator(), id, { roles: [] }));
    }
    return fresh;
  }

  it('keep the last of them from losing the role, being disabled or deleted', async () => {
    const { admin } = pods.one;
    const [last] = await onlyOwners(1);
    const id = last?.id ?? '';
    const attempts = [
      (isDryRun: boolean) => admin.accounts.update(operator(), id, { roles: [] }, { isDryRun }),
      (isDryRun: boolean) => admin.accounts.update(operator(), id, { roles: ['auditor'] }, { isDryRun }),
      (isDryRun: boolean) => admin.accounts.disable(operator(), id, { isDryRun }),
      (isDryRun: boolean) => admin.accounts.remove(operator(), id, { isDryRun }),
    ];
    for (const attempt of attempts) {
      for (const isDryRun of [true, false]) {
        const { message } = expectRefused(await attempt(isDryRun), 'conflict');
        expect(message).to.include('last owner');
      }
    }
    expect(must(await admin.accounts.find(id))).to.deep.include({ status: 'active', roles: ['owner'] });
    // One who cannot sign in is none.
    const other = await person(pods.one, ['owner']);
    must(await admin.accounts.disable(operator(), other.id));
    expectRefused(await admin.accounts.disable(operator(), id), 'conflict');
    must(await admin.accounts.enable(operator(), other.id));
    must(await admin.accounts.disable(operator(), id));
  });

  it('do not all go when each removes the others at the same moment, on two pods', async () => {
    const { one, two } = pods;
    const owners = await onlyOwners(4);
    await Promise.all(
      owners.flatMap(({ id }, i) => {
        const { accounts } = (i % 2 ? one : two).admin;
        return [
          accounts.update(operator(), id, { roles: [] }),
          accounts.disable(operator(), id),
          accounts.remove(operator(), id),
        ];
      }),
    );
    const { items } = await one.admin.accounts.search({ role: 'owner', status: 'active', count: 200 });
    expect(items).to.have.lengthOf(1);
  });

  describe('are invited by a link', () => {
    const invite = async () => must(await pods.one.admin.accounts.inviteOwner(operator(), 3600)).token;

    it('that makes whoever uses it first an owner, of twenty at once on two pods', async () => {
      const { one, two } = pods;
      const token = await invite();
      const people = await Promise.all(Array.from({ length: 20 }, () => person(one)));
      const outcomes = await Promise.all(
        people.map(({ id }, i) => (i % 2 ? one : two).admin.accounts.claimOwnership(token, id, from)),
      );
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
      for (const outcome of outcomes) if (!outcome.ok) expect(outcome.message).to.include('Somebody else');
      const now = await Promise.all(people.map(({ id }) => one.admin.accounts.find(id)));
      expect(now.filter((found) => must(found).roles?.includes('owner'))).to.have.lengthOf(1);
    });

    it('that the same account may use again, and then no other', async () => {
      const { one, two } = pods;
      const token = await invite();
      const [first, second] = [await person(one, ['auditor']), await person(one)];
      const claimed = must(await one.admin.accounts.claimOwnership(token, first.id, from));
      expect(claimed.roles).to.have.members(['auditor', 'owner']);
      must(await two.admin.accounts.claimOwnership(token, first.id, from));
      expectRefused(await two.admin.accounts.claimOwnership(token, second.id, from), 'conflict');
    });

    it('that does not make somebody an owner again who has lost the role since', async () => {
      const { one, two } = pods;
      await onlyOwners(1);
      const token = await invite();
      const { id } = await person(one);
      must(await one.admin.accounts.claimOwnership(token, id, from));
      must(await two.admin.accounts.update(operator(), id, { roles: [] }));
      const again = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          (i % 2 ? one : two).admin.accounts.claimOwnership(token, id, from),
        ),
      );
      for (const outcome of again) {
        expect(expectRefused(outcome, 'conflict').message).to.include('used this link before');
      }
      expect(must(await one.admin.accounts.find(id)).roles ?? []).to.deep.equal([]);
    });

    it('that a newer one ends, and that ends by itself', async () => {
      const { one } = pods;
      const { id } = await person(one);
      const older = await invite();
      const newer = await invite();
      const claim = (token: string) => one.admin.accounts.claimOwnership(token, id, from);
      expect(expectRefused(await claim(older), 'conflict').message).to.include('newer');
      const [record = ''] = newer.split('.');
      await letExpire(one.store, [one.store.keys.link(record)]);
      expectRefused(await claim(newer), 'conflict');
      expectRefused(await claim('nonsense'), 'conflict');
      expect(must(await one.admin.accounts.find(id)).roles).to.equal(undefined);
    });

    it('that is not used up by who is an owner already, nor by who is disabled', async () => {
      const { one } = pods;
      const token = await invite();
      const owner = await person(one, ['owner']);
      const disabled = await person(one);
      must(await one.admin.accounts.disable(operator(), disabled.id));
      expectRefused(await one.admin.accounts.claimOwnership(token, owner.id, from), 'conflict');
      expectRefused(await one.admin.accounts.claimOwnership(token, disabled.id, from), 'not-found');
      must(await one.admin.accounts.claimOwnership(token, (await person(one)).id, from));
    });

    it('that only an owner makes, and that Redis and the audit do not know', async () => {
      const { one } = pods;
      for (const role of ['account-manager', 'auditor']) {
        const actor = await actorWith(one, [role]);
        expectRefused(await one.admin.accounts.inviteOwner(actor, 3600), 'outranked');
      }
      const token = await invite();
      const [, secret = ''] = token.split('.');
      for (const [key, dump] of await contentOf(one)) {
        expect(key).to.not.include(secret);
        expect(Buffer.from(dump, 'base64').toString('latin1')).to.not.include(secret);
      }
      const trail = await trailOf(one);
      expect(JSON.stringify(trail)).to.not.include(secret);
      expect(trail.map(({ kind }) => kind)).to.include.members(['owner.invited', 'owner.claimed']);
    });
  });
});
