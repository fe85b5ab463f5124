import { expect } from 'chai';
import type { Identity } from '../../src/upstream/identity.ts';
import { createLinkStore } from '../../src/upstream/link-store.ts';
import { interrupted, Killed, letExpire } from '../accounts/account-fixture.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { entry, identityOf, openUpstream, type UpstreamFixture } from './upstream-fixture.ts';

describe('identities at other providers, and accounts', () => {
  let redis: Topology;
  let pod: UpstreamFixture;
  let otherPod: UpstreamFixture;
  let count = 0;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    const list = [entry('acme', 'https://acme.example'), entry('umbrella', 'https://umbrella.example')];
    pod = await openUpstream(redis.url, list);
    otherPod = await openUpstream(redis.url, list, pod.prefix);
  });
  after(async () => {
    await Promise.all([pod?.close(), otherPod?.close()]);
    await redis?.stop();
  });

  async function newAccount(options: { email?: string; emailVerified?: boolean } = {}) {
    const email = options.email ?? `person-${++count}@example.com`;
    const made = await pod.accounts.create({ email, emailVerified: options.emailVerified ?? true });
    if (!made.ok) throw new Error(made.problem);
    return made.account;
  }
  const newIdentity = (more: Partial<Identity> = {}) => identityOf(`sub-${++count}`, more);
  const idOf = (identity: Identity) => createLinkStore(pod.store, pod.ring).idOf(identity);
  const claimKey = (identity: Identity) => pod.store.keys.upstreamAccount(idOf(identity));
  const setFactor = (id: string, field: string) =>
    pod.store.call('HSET', pod.store.keys.accountFactors(id), field, 'x');

  it('lead to the account that they were linked to, from every pod', async () => {
    const account = await newAccount();
    const identity = newIdentity({ email: 'g@acme.example', name: 'Grace' });
    expect(await pod.upstream.findAccount(identity)).to.equal(undefined);
    expect(await pod.upstream.link(account.id, account.epoch, identity)).to.include({ ok: true });
    expect(await otherPod.upstream.findAccount(identity)).to.equal(account.id);
    expect(await otherPod.upstream.resolve(identity)).to.deep.equal({
      outcome: 'known',
      accountId: account.id,
    });
    const [link, ...others] = await otherPod.upstream.list(account.id);
    expect(others).to.have.lengthOf(0);
    expect(link).to.deep.include({
      identityId: idOf(identity),
      providerId: 'acme',
      issuer: 'https://acme.example',
      sub: identity.sub,
      email: 'g@acme.example',
      name: 'Grace',
    });
    expect(link?.lastUsedAt).to.be.at.least(link?.linkedAt ?? Number.NaN);
    expect(await pod.store.call('PTTL', claimKey(identity))).to.equal(-1);
  });

  it('are told apart by issuer and sub together, and by nothing else', async () => {
    const account = await newAccount();
    const identity = newIdentity({ email: 'same@acme.example', emailVerified: true });
    await pod.upstream.link(account.id, account.epoch, identity);
    expect(await pod.upstream.findAccount({ ...identity, issuer: 'https://evil.example' })).to.equal(
      undefined,
    );
    expect(await pod.upstream.findAccount({ ...identity, sub: `${identity.sub}x` })).to.equal(undefined);
    expect(await pod.upstream.findAccount({ ...identity, email: 'new@acme.example' })).to.equal(account.id);
    const shifted = {
      ...identity,
      issuer: `https://acme.example${identity.sub[0]}`,
      sub: identity.sub.slice(1),
    };
    expect(await pod.upstream.findAccount(shifted)).to.equal(undefined);
  });

  it('belong to one account when twenty links of two accounts are made at once', async () => {
    const accounts = [await newAccount(), await newAccount()];
    for (let round = 0; round < 5; round++) {
      const identity = newIdentity();
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const account = accounts[i % 2];
          if (!account) throw new Error('two accounts');
          const { upstream } = i % 4 < 2 ? pod : otherPod;
          const outcome = await upstream.link(account.id, account.epoch, identity);
          return { id: account.id, outcome };
        }),
      );
      const winners = new Set(outcomes.filter(({ outcome }) => outcome.ok).map(({ id }) => id));
      expect([...winners]).to.have.lengthOf(1);
      const [winner = ''] = winners;
      for (const { id, outcome } of outcomes) {
        expect(outcome).to.include(id === winner ? { ok: true } : { ok: false, problem: 'identity-taken' });
      }
      expect(await pod.upstream.findAccount(identity)).to.equal(winner);
      for (const { id } of accounts) {
        const linked = (await pod.upstream.list(id)).some(({ sub }) => sub === identity.sub);
        expect(linked).to.equal(id === winner);
      }
    }
  });

  it('stay with their account when another one wants them', async () => {
    const [owner, other] = [await newAccount(), await newAccount()];
    const identity = newIdentity();
    await pod.upstream.link(owner.id, owner.epoch, identity);
    const taken = { ok: false, problem: 'identity-taken' };
    expect(await pod.upstream.link(other.id, other.epoch, identity)).to.deep.equal(taken);
    expect(await pod.upstream.link(owner.id, owner.epoch, identity)).to.include({ ok: true });
    expect(await pod.upstream.list(other.id)).to.deep.equal([]);
  });

  it('are not linked to an account that was disabled, whose sessions were ended, or that is none', async () => {
    const account = await newAccount();
    const changed = { ok: false, problem: 'account-changed' };
    expect(await pod.upstream.link(account.id, account.epoch + 1, newIdentity())).to.deep.equal(changed);
    await pod.accounts.setStatus(account.id, 'disabled');
    const disabled = await pod.accounts.find(account.id);
    expect(await pod.upstream.link(account.id, disabled?.epoch ?? 0, newIdentity())).to.deep.equal(changed);
    expect(await pod.upstream.link('A'.repeat(22), 0, newIdentity())).to.deep.equal(changed);
    expect(await pod.upstream.link('x}{y', 0, newIdentity())).to.deep.equal(changed);
    expect(await pod.upstream.list(account.id)).to.deep.equal([]);
  });

  it('come to a whole link on a second try, wherever a pod was killed in the first', async () => {
    const [account, other] = [await newAccount(), await newAccount()];
    let commands = 0;
    for (let at = 0; at === 0 || at < commands; at++) {
      const identity = newIdentity();
      const dying = interrupted(pod.store, at, async () => {
        throw new Killed('killed');
      });
      const killed = await pod
        .variant({ store: dying.store })
        .link(account.id, account.epoch, identity)
        .catch((error: unknown) => error);
      expect(killed, `command ${at}`).to.be.instanceOf(Killed);
      // Whatever it left: the identity leads nowhere, or to this account.
      const meanwhile = await otherPod.upstream.findAccount(identity);
      expect(meanwhile ?? account.id).to.equal(account.id);
      expect(await pod.upstream.link(account.id, account.epoch, identity)).to.include({ ok: true });
      expect(await otherPod.upstream.findAccount(identity)).to.equal(account.id);

      const whole = interrupted(pod.store, -1, async () => {});
      await pod.variant({ store: whole.store }).link(account.id, account.epoch, newIdentity());
      commands = whole.count();
    }
    expect(commands).to.be.greaterThan(4);
    expect(await pod.upstream.list(other.id)).to.deep.equal([]);
  });

  it('come free when a pod was killed in a link that nobody repeats', async () => {
    const [account, other] = [await newAccount(), await newAccount()];
    const store = createLinkStore(pod.store, pod.ring);
    // Killed after the claim alone.
    const identity = newIdentity();
    await pod.store.run('upstream-claim', [claimKey(identity)], [account.id, 60_000, '']);
    const taken = { ok: false, problem: 'identity-taken' };
    expect(await store.link(other.id, other.epoch, identity)).to.deep.equal(taken);
    await letExpire(pod.store, [claimKey(identity)]);
    expect(await store.link(other.id, other.epoch, identity)).to.include({ ok: true });
    expect(await store.findAccount(identity)).to.equal(other.id);
  });

  it('are whole again for the account that lists them, unless another has them by now', async () => {
    const [account, other] = [await newAccount(), await newAccount()];
    const [kept, lost] = [newIdentity(), newIdentity()];
    for (const identity of [kept, lost]) {
      await pod.upstream.link(account.id, account.epoch, identity);
      // As if the pod had been killed before the claim was for good, and its time had passed.
      await pod.store.call('DEL', claimKey(identity));
    }
    expect(await pod.upstream.link(other.id, other.epoch, lost)).to.include({ ok: true });
    const listed = await pod.upstream.list(account.id);
    expect(listed.map(({ sub }) => sub)).to.deep.equal([kept.sub]);
    expect(await pod.upstream.findAccount(kept)).to.equal(account.id);
    expect(await pod.upstream.findAccount(lost)).to.equal(other.id);
    expect(
      Object.keys((await pod.store.read(pod.store.keys.accountUpstreams(account.id))) ?? {}),
    ).to.have.lengthOf(1);
  });

  it('are unlinked while there is a password or a passkey, and lead nowhere then', async () => {
    for (const way of ['password', 'passkey'] as const) {
      const [account, other] = [await newAccount(), await newAccount()];
      const identity = newIdentity();
      await pod.upstream.link(account.id, account.epoch, identity);
      if (way === 'passkey') await setFactor(account.id, 'w:credential');
      else await pod.store.call('HSET', pod.store.keys.account(account.id), 'passwordHash', 'sealed');
      expect(await otherPod.upstream.unlink(account.id, idOf(identity)), way).to.deep.equal({ ok: true });
      expect(await pod.upstream.findAccount(identity)).to.equal(undefined);
      expect(await pod.upstream.list(account.id)).to.deep.equal([]);
      const again = { ok: false, problem: 'not-linked' };
      expect(await pod.upstream.unlink(account.id, idOf(identity))).to.deep.equal(again);
      expect(await pod.upstream.link(other.id, other.epoch, identity)).to.include({ ok: true });
    }
  });

  it('are not unlinked when they are the last way in', async () => {
    const account = await newAccount();
    const [first, second, elsewhere] = [
      newIdentity(),
      newIdentity(),
      newIdentity({ providerId: 'no-longer-set', issuer: 'https://gone.example' }),
    ];
    for (const identity of [first, second, elsewhere]) {
      await pod.upstream.link(account.id, account.epoch, identity);
    }
    expect(await otherPod.upstream.waysIn(account.id)).to.have.members([idOf(first), idOf(second)]);
    // A time-based code is no way in by itself, nor is a provider that is not set any more.
    await setFactor(account.id, 't:phone');
    const lastWayIn = { ok: false, problem: 'last-way-in' };
    expect(await pod.upstream.unlink(account.id, idOf(first))).to.deep.equal({ ok: true });
    expect(await pod.upstream.unlink(account.id, idOf(second))).to.deep.equal(lastWayIn);
    expect(await pod.upstream.findAccount(second)).to.equal(account.id);
    expect(await pod.upstream.unlink(account.id, idOf(elsewhere))).to.deep.equal({ ok: true });
  });

  it('leave one of two when both are unlinked at once, twenty times over', async () => {
    for (let round = 0; round < 10; round++) {
      const account = await newAccount();
      const identities = [newIdentity(), newIdentity()];
      for (const identity of identities) await pod.upstream.link(account.id, account.epoch, identity);
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) => {
          const identity = identities[i % 2];
          if (!identity) throw new Error('two identities');
          return (i % 4 < 2 ? pod : otherPod).upstream.unlink(account.id, idOf(identity));
        }),
      );
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
      expect(await pod.upstream.list(account.id)).to.have.lengthOf(1);
    }
  });

  it('are free after an unlinking that a kill cut short', async () => {
    const [account, other] = [await newAccount(), await newAccount()];
    const identity = newIdentity();
    await pod.upstream.link(account.id, account.epoch, identity);
    await pod.store.call('HDEL', pod.store.keys.accountUpstreams(account.id), idOf(identity));
    expect(await pod.upstream.findAccount(identity)).to.equal(undefined);
    expect(await otherPod.upstream.link(other.id, other.epoch, identity)).to.include({ ok: true });
    expect(await pod.upstream.findAccount(identity)).to.equal(other.id);
  });

  it('are all free when their account is deleted', async () => {
    const [account, other] = [await newAccount(), await newAccount()];
    const identities = [newIdentity(), newIdentity()];
    for (const identity of identities) await pod.upstream.link(account.id, account.epoch, identity);
    await pod.upstream.unlinkAll(account.id);
    await pod.upstream.unlinkAll(account.id);
    for (const identity of identities) {
      expect(await pod.store.call('EXISTS', claimKey(identity))).to.equal(0);
      expect(await pod.upstream.link(other.id, other.epoch, identity)).to.include({ ok: true });
    }
  });

  describe('that nobody has linked yet', () => {
    it('are unknown with an address that no account has', async () => {
      for (const more of [{}, { email: 'nobody@example.com', emailVerified: true, isEmailTrusted: true }]) {
        expect(await pod.upstream.resolve(newIdentity(more))).to.deep.equal({ outcome: 'unknown' });
      }
    });

    it('lead nowhere by an address that their provider has not verified', async () => {
      const { email, id } = await newAccount();
      const identity = newIdentity({ email, emailVerified: false });
      expect(await pod.upstream.resolve(identity)).to.deep.equal({ outcome: 'unknown' });
      expect(await pod.upstream.list(id)).to.deep.equal([]);
    });

    it('ask for a sign-in first by an address that is verified there', async () => {
      const { email, id } = await newAccount();
      const identity = newIdentity({ email: email.toUpperCase(), emailVerified: true });
      const outcome = { outcome: 'sign-in-to-link', accountId: id };
      expect(await pod.upstream.resolve(identity)).to.deep.equal(outcome);
      expect(await pod.upstream.list(id)).to.deep.equal([]);
      expect(await pod.upstream.findAccount(identity)).to.equal(undefined);
    });

    it('sign in where the provider is trusted and both sides have verified the address, and are linked after that', async () => {
      const trusted = { emailVerified: true, isEmailTrusted: true };
      const { email, id } = await newAccount();
      const identity = newIdentity({ email, ...trusted });
      expect(await pod.upstream.resolve(identity)).to.deep.equal({ outcome: 'trusted', accountId: id });
      expect(await otherPod.upstream.list(id), 'not before all was proved').to.have.lengthOf(0);

      // Somebody may have made this account with an address that is not theirs, to wait for its owner in it.
      const unverified = await newAccount({ emailVerified: false });
      const outcome = await pod.upstream.resolve(newIdentity({ email: unverified.email, ...trusted }));
      expect(outcome).to.deep.equal({ outcome: 'sign-in-to-link', accountId: unverified.id });
      const disabled = await newAccount();
      await pod.accounts.setStatus(disabled.id, 'disabled');
      const refused = await pod.upstream.resolve(newIdentity({ email: disabled.email, ...trusted }));
      expect(refused).to.deep.equal({ outcome: 'sign-in-to-link', accountId: disabled.id });
      expect(await pod.upstream.list(disabled.id)).to.deep.equal([]);
    });

    it('are held for an interaction until its person has signed in', async () => {
      const identity = newIdentity({ email: 'held@acme.example', name: 'Held' });
      await pod.upstream.hold('uid-held', identity, 'owner');
      expect(await otherPod.upstream.held('uid-held')).to.deep.equal({ identity, owner: 'owner' });
      expect(await otherPod.upstream.held('uid-other')).to.equal(undefined);
      const key = pod.store.keys.upstreamSignIn(pod.ring.hash('upstream-held', 'uid-held'));
      expect(Number(await pod.store.call('PTTL', key))).to.be.within(3_590_000, 3_600_000);
      expect(await pod.store.readText(key)).not.to.include('held');
      await otherPod.upstream.letGo('uid-held');
      expect(await pod.upstream.held('uid-held')).to.equal(undefined);
    });
  });
});
