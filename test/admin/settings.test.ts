import { expect } from 'chai';
import { permissions } from '../../src/access/access.ts';
import { actorWith, expectRefused, must, operator, trailOf, usePods } from './admin-fixture.ts';

describe('settings that tracks could be covered by', () => {
  const pods = usePods();

  it('are changed by an owner alone, whoever else may change settings', async () => {
    const { one, two } = pods;
    const draft = { permissions: permissions.filter((name) => name !== 'keys:revoke') };
    must(await one.admin.roles.create(operator(), 'nearly-owner', draft));
    must(
      await one.admin.roles.create(operator(), 'tuner', { permissions: ['settings:read', 'settings:write'] }),
    );
    for (const role of ['tuner', 'nearly-owner']) {
      const actor = await actorWith(one, [role]);
      const attempts = [
        { audit_admin_days: 30 },
        { audit_people_days: 3000 },
        { console_second_factor: 'optional' as const, registration: 'off' as const },
      ];
      for (const changes of attempts) {
        for (const isDryRun of [true, false]) {
          const { message, faults } = expectRefused(
            await two.admin.settings.change(actor, changes, { isDryRun }),
            'outranked',
          );
          expect(message).to.include('owner');
          expect(faults?.map(({ path }) => path)).to.deep.equal([Object.keys(changes)[0]]);
        }
      }
      // A form sends all of them, and those that stay as they are are no change.
      const { values } = await one.admin.settings.read();
      const { audit_admin_days, audit_people_days, console_second_factor } = values;
      const same = { audit_admin_days, audit_people_days, console_second_factor };
      must(await one.admin.settings.change(actor, { ...same, audit_admin_days: null, signing_key_days: 80 }));
    }
    expect((await one.admin.settings.read()).sources.audit_admin_days).to.equal('default');
    must(await one.admin.settings.change(await actorWith(one, ['owner']), { audit_people_days: 80 }));
    expectRefused(
      await one.admin.settings.change(await actorWith(one, ['tuner']), { audit_people_days: null }),
      'outranked',
    );
  });

  it('never wipe the audit, and say at once when events will be kept for less time', async () => {
    const { one } = pods;
    for (const changes of [{ audit_admin_days: 29 }, { audit_people_days: 6 }]) {
      expectRefused(await one.admin.settings.change(operator(), changes), 'invalid');
    }
    const owner = await actorWith(one, ['owner']);
    must(await one.admin.settings.change(owner, { audit_admin_days: 30 }));
    const event = (await trailOf(one)).at(-1);
    expect(event).to.deep.include({ kind: 'settings.changed', before: { audit_admin_days: 365 } });
    expect(event?.after).to.include({ audit_admin_days: 30 });
    const until = Date.parse(String(event?.after?.events_are_kept_as_before_until));
    expect(until).to.be.closeTo(Date.now() + 7 * 24 * 60 * 60 * 1000, 60_000);
    expect(one.settings.auditDays()).to.include({ admin: 365 });
  });
});
