import { expect } from 'chai';
import { createOneTimeLinks } from '../../src/accounts/one-time-link.ts';
import { createAdmin } from '../../src/admin/admin.ts';
import { createDeclaredMarks } from '../../src/admin/declared/declared-marks-store.ts';
import { buildEvents } from '../../src/app-events.ts';
import { Unavailable } from '../../src/errors.ts';
import type { RecordedEvent } from '../../src/events/events.ts';
import { createLog } from '../../src/log.ts';
import { openStore } from '../../src/redis/redis.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { startStandalone } from '../support/redis-topologies.ts';
import { configOf, expectRefused, must, operator, person, trailOf, usePods } from './admin-fixture.ts';

const canary = 'canary of a password 8f2c';
const service = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] };

describe('the audit of administration', () => {
  const pods = usePods();

  /** The event of the act that `work` does. */
  async function eventOf(
    work: (actor: ReturnType<typeof operator>) => Promise<unknown>,
  ): Promise<RecordedEvent> {
    const actor = operator();
    await work(actor);
    const events = (await trailOf(pods.one)).filter(({ requestId }) => requestId === actor.requestId);
    expect(events).to.have.lengthOf(1);
    const [event] = events;
    if (!event) throw new Error('no event');
    expect(event).to.include({ outcome: 'success', via: 'cli' });
    expect(event.actor).to.deep.equal({ kind: 'operator', id: 'root', name: 'root' });
    return event;
  }

  it('has each act on an account, with what changed and nothing else', async () => {
    const { one: parts } = pods;
    const { accounts, sessions } = parts.admin;
    await person(parts, ['owner']);
    let id = '';
    const email = 'audited@example.com';

    const created = await eventOf(async (actor) => {
      const draft = { email, password: canary, name: 'Ada', roles: ['auditor'] };
      ({ id } = must(await accounts.create(actor, draft)));
    });
    expect(created).to.include({ kind: 'account.created' });
    expect(created.target).to.deep.equal({ kind: 'account', id, name: email });
    expect(created.after).to.deep.include({ email, name: 'Ada', roles: ['auditor'], hasPassword: true });

    const updated = await eventOf((actor) => accounts.update(actor, id, { profile: { name: 'Grace' } }));
    expect(updated).to.include({ kind: 'account.updated' });
    expect(updated.before).to.deep.equal({ name: 'Ada' });
    expect(updated.after).to.deep.equal({ name: 'Grace' });

    const roles = await eventOf((actor) => accounts.update(actor, id, { roles: ['account-manager'] }));
    expect(roles).to.include({ kind: 'account.roles-changed' });
    expect(roles.before).to.deep.equal({ roles: ['auditor'] });
    expect(roles.after).to.deep.equal({ roles: ['account-manager'] });

    const verified = await eventOf((actor) => accounts.update(actor, id, { emailVerified: true }));
    expect(verified).to.include({ kind: 'account.email-verified' });

    const set = await eventOf((actor) =>
      accounts.setPassword(actor, id, `${canary} 2`, { mustChange: false }),
    );
    expect(set).to.include({ kind: 'account.password-set' });
    const expired = await eventOf((actor) => accounts.expirePassword(actor, id));
    expect(expired).to.include({ kind: 'account.password-expired' });
    expect(expired.after).to.deep.equal({ mustChangePassword: true });
    const reset = await eventOf((actor) => accounts.sendReset(actor, id));
    expect(reset).to.include({ kind: 'account.password-reset-sent' });
    const factors = await eventOf((actor) => accounts.resetFactors(actor, id));
    expect(factors).to.include({ kind: 'account.factor-removed' });
    const ended = await eventOf((actor) => sessions.endOfAccount(actor, id));
    expect(ended).to.include({ kind: 'sessions.ended' });

    const disabled = await eventOf((actor) => accounts.disable(actor, id));
    expect(disabled).to.include({ kind: 'account.disabled' });
    expect(disabled.before).to.deep.equal({ status: 'active' });
    expect(disabled.after).to.deep.equal({ status: 'disabled' });
    expect(await eventOf((actor) => accounts.enable(actor, id))).to.include({ kind: 'account.enabled' });
    const deleted = await eventOf((actor) => accounts.remove(actor, id));
    expect(deleted).to.include({ kind: 'account.deleted' });
    expect(deleted.before).to.include({ email });
    expect(JSON.stringify(deleted)).to.not.include('Grace');
  });

  it('has an invitation beside the account that was made for it, whatever becomes of the mail', async () => {
    const { accounts } = pods.one.admin;
    const invite = async (email: string) => {
      const actor = operator();
      const made = await accounts.create(actor, { email }, { sendsInvitation: true });
      const ofAct = ({ requestId }: RecordedEvent) => requestId === actor.requestId;
      const events = (await trailOf(pods.one)).filter(ofAct);
      return { made, events: events.map(({ kind, outcome, reason }) => ({ kind, outcome, reason })) };
    };
    const sent = await invite('early@example.com');
    expect(sent.made.ok && sent.made.warning).to.equal(undefined);
    expect(sent.events).to.deep.equal([
      { kind: 'account.created', outcome: 'success', reason: undefined },
      { kind: 'account.invited', outcome: 'success', reason: undefined },
    ]);
    // As many mails as an address may get in an hour, asked for by whoever.
    const email = 'late@example.com';
    for (let asked = 0; asked < 12; asked += 1) await pods.one.flows.resetPassword.request(email, {});
    const late = await invite(email);
    const account = must(late.made);
    expect(await pods.two.accounts.findByEmail(email)).to.include({ id: account.id });
    expect(late.made.ok && late.made.warning).to.include('no mail was sent');
    expect(late.events).to.deep.equal([
      { kind: 'account.created', outcome: 'success', reason: undefined },
      { kind: 'account.invited', outcome: 'failure', reason: 'conflict' },
    ]);
  });

  it('has each act on a client, an API, a role, a group, keys and settings', async () => {
    const { clients, resources, roles, groups, keys, settings } = pods.one.admin;
    const secrets: string[] = [];
    const id = 'audited-client';
    const created = await eventOf(async (actor) => {
      const made = must(await clients.create(actor, { ...service, client_id: id, client_name: 'Robot' }));
      secrets.push(made.secret ?? '');
    });
    expect(created).to.include({ kind: 'client.created' });
    expect(created.target).to.deep.equal({ kind: 'client', id, name: 'Robot' });
    expect(created.after).to.include({ client_name: 'Robot' });
    const updated = await eventOf((actor) => clients.update(actor, id, { client_name: 'Arm' }));
    expect(updated.before).to.deep.equal({ client_name: 'Robot' });
    expect(updated.after).to.deep.equal({ client_name: 'Arm' });
    let secretId = '';
    const added = await eventOf(async (actor) => {
      const fresh = must(await clients.addSecret(actor, id));
      secretId = fresh.secretId;
      secrets.push(fresh.secret);
    });
    expect(added).to.include({ kind: 'client.secret-added' });
    expect(added.after).to.deep.equal({ id: secretId });
    const removed = await eventOf((actor) => clients.removeSecret(actor, id, secretId));
    expect(removed).to.include({ kind: 'client.secret-removed' });
    const disabled = await eventOf((actor) => clients.disable(actor, id));
    expect([disabled.before, disabled.after]).to.deep.equal([{ isEnabled: true }, { isEnabled: false }]);
    expect(await eventOf((actor) => clients.enable(actor, id))).to.include({ kind: 'client.enabled' });
    expect(await eventOf((actor) => clients.revokeGrants(actor, id))).to.include({ kind: 'grant.revoked' });
    expect(await eventOf((actor) => clients.remove(actor, id))).to.include({ kind: 'client.deleted' });

    const api = 'https://audited.example.com';
    expect(await eventOf((actor) => resources.create(actor, api, {}))).to.include({
      kind: 'resource.created',
    });
    const opaque = await eventOf((actor) => resources.update(actor, api, { format: 'opaque' }));
    expect([opaque.before, opaque.after]).to.deep.equal([{ format: 'jwt' }, { format: 'opaque' }]);
    expect(await eventOf((actor) => resources.remove(actor, api))).to.include({ kind: 'resource.deleted' });

    for (const [flows, word] of [
      [roles, 'role'],
      [groups, 'group'],
    ] as const) {
      expect(await eventOf((actor) => flows.create(actor, 'audited', {}))).to.include({
        kind: `${word}.created`,
      });
      const named = await eventOf((actor) => flows.update(actor, 'audited', { name: 'Named' }));
      expect([named.before, named.after]).to.deep.equal([{ name: 'audited' }, { name: 'Named' }]);
      expect(await eventOf((actor) => flows.remove(actor, 'audited'))).to.include({
        kind: `${word}.deleted`,
      });
    }

    const rotated = await eventOf((actor) => keys.rotate(actor, 'signing'));
    expect(rotated).to.include({ kind: 'key.rotated' });
    expect(JSON.stringify(rotated.after)).to.include('ES256').and.not.include('[cut]');
    const changed = await eventOf((actor) => settings.change(actor, { registration: 'invitation' }));
    expect([changed.before, changed.after]).to.deep.equal([
      { registration: 'off' },
      { registration: 'invitation' },
    ]);

    const text = JSON.stringify(await trailOf(pods.one));
    expect(secrets).to.have.lengthOf(2);
    for (const secret of [...secrets, canary]) expect(text).to.not.include(secret);
  });

  it('has what was refused, with the reason', async () => {
    const { accounts, roles } = pods.one.admin;
    const actor = operator();
    expectRefused(await accounts.disable(actor, 'nobody'), 'not-found');
    expectRefused(await roles.update(actor, 'owner', { name: 'X' }), 'conflict');
    const refused = (await trailOf(pods.one)).filter(({ requestId }) => requestId === actor.requestId);
    expect(refused.map(({ outcome, reason }) => [outcome, reason])).to.deep.equal([
      ['failure', 'not-found'],
      ['failure', 'conflict'],
    ]);
  });

  it('has nothing of a change that another has overtaken but that it was refused', async () => {
    const { one, two } = pods;
    const { id, version } = await person(one);
    must(await two.admin.accounts.update(operator(), id, { profile: { name: 'First' } }));
    const late = await one.admin.accounts.update(
      operator(),
      id,
      { profile: { name: 'Second' } },
      { version },
    );
    expectRefused(late, 'changed');
    expect(must(await one.admin.accounts.find(id)).name).to.equal('First');
  });

  it('is kept before anything is done: an act that it cannot take is not done', async () => {
    const { one: parts } = pods;
    const account = await person(parts);
    const elsewhere = await startStandalone({ appendOnly: false });
    const log = createLog('silent', 'test');
    const config = configOf(elsewhere.url);
    const store = openStore(config, parseRedisUrl(elsewhere.url), log);
    try {
      await store.whenReady(5000);
      const { oidc, sealer, settings } = parts;
      // All as it is in a pod, but that the audit has a Redis of its own, which can go away by itself.
      const events = buildEvents({ config, store, ring: sealer as never, settings, log });
      const admin = createAdmin({
        ...parts,
        events,
        links: createOneTimeLinks({ store: parts.store, ring: sealer as never }),
        marks: createDeclaredMarks(parts.store),
        allSessions: oidc.allSessions,
        clients: oidc.registeredClients,
        keys: oidc.keys,
        pods: { list: async () => [] },
        issuer: config.issuer,
        environment: [],
      });
      must(await admin.accounts.update(operator(), account.id, { profile: { name: 'Before' } }));
      await elsewhere.stop();
      const attempts = [
        () => admin.accounts.update(operator(), account.id, { profile: { name: 'After' } }),
        () => admin.accounts.disable(operator(), account.id),
        () => admin.accounts.remove(operator(), account.id),
        () => admin.roles.create(operator(), 'unseen', {}),
        () => admin.clients.create(operator(), { ...service, client_id: 'unseen' }),
        () => admin.settings.change(operator(), { registration: 'open' }),
      ];
      for (const attempt of attempts) {
        const error = await attempt().then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error).to.be.instanceOf(Unavailable);
      }
      expect(must(await admin.accounts.find(account.id))).to.include({ name: 'Before', status: 'active' });
      expect((await admin.roles.find('unseen')).ok).to.equal(false);
      expect((await admin.clients.find('unseen')).ok).to.equal(false);
      expect((await admin.settings.read()).values.registration).to.equal('invitation');
    } finally {
      await store.close();
      await elsewhere.stop();
    }
  });
});
