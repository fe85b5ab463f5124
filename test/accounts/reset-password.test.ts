import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import type { Account } from '../../src/accounts/accounts.ts';
import { startCluster, startStandalone } from '../support/redis-topologies.ts';
import { interrupted, Killed } from './account-fixture.ts';
import { commandsOf, flowsOn, killEverywhere, password, usePods } from './flow-fixture.ts';

const topologies = { 'one Redis': startStandalone, 'a Redis Cluster': startCluster };
const browser = 'my-browser';
const address = '192.0.2.1';
const chosen = 'another password entirely';

for (const [where, start] of Object.entries(topologies)) {
  describe(`a forgotten password on ${where}`, () => {
    const pods = usePods(start);
    let number = 0;

    const freshEmail = () => `person-${++number}@example.com`;

    async function create(): Promise<Account> {
      const made = await pods.first.accounts.create({ email: freshEmail(), locale: 'de-AT' });
      if (!made.ok) throw new Error(made.problem);
      return made.account;
    }

    async function asked() {
      const account = await create();
      await pods.flows.resetPassword.request(account.email, { address, returnTo: 'an-interaction' });
      await pods.flows.resetPassword.settled();
      return { account, token: pods.mail.token('reset-password', account.email) };
    }

    const isPassword = async (email: string, candidate: string) =>
      (await pods.second.accounts.checkPassword(email, candidate)).ok;

    it('is replaced by who has the link, and the owner is told', async () => {
      const { account, token } = await asked();
      expect(pods.mail.all()[0]).to.deep.include({ kind: 'reset-password', to: account.email, locale: 'de' });
      expect(await pods.other.resetPassword.look(token, '')).to.deep.equal({
        ok: true,
        email: account.email,
      });
      const done = await pods.other.resetPassword.complete(token, {
        browser,
        password: chosen,
        where: 'Firefox',
      });
      expect(done).to.deep.include({ ok: true, returnTo: 'an-interaction' });
      expect(done.ok && done.account).to.deep.include({
        id: account.id,
        epoch: account.epoch + 1,
        emailVerified: true,
        hasPassword: true,
      });
      expect(await isPassword(account.email, chosen)).to.equal(true);
      const notice = pods.mail.all()[1];
      expect(notice).to.deep.include({ kind: 'password-changed', to: account.email });
      expect(notice?.values).to.deep.include({ where: 'Firefox' });
    });

    it('leaves sessions alone where the person asks for that', async () => {
      const { account, token } = await asked();
      const done = await pods.flows.resetPassword.complete(token, {
        browser,
        password: chosen,
        endsSessions: false,
      });
      expect(done.ok && done.account).to.deep.include({ epoch: account.epoch, version: account.version + 1 });
      expect(await isPassword(account.email, chosen)).to.equal(true);
    });

    it('leaves second factors alone', async () => {
      const { account, token } = await asked();
      const key = pods.first.store.keys.accountFactors(account.id);
      await pods.first.store.call('HSET', key, 'a-factor', 'its record');
      await pods.flows.resetPassword.complete(token, { browser, password: chosen });
      expect(await pods.first.store.read(key)).to.deep.equal({ 'a-factor': 'its record' });
    });

    it('lifts the limit on wrong passwords', async () => {
      const { account, token } = await asked();
      const { email } = account;
      for (let i = 0; i < 5; i++) await pods.flows.limits.password({ email, address: `192.0.${i}.1` });
      expect((await pods.flows.limits.password({ email, address })).ok).to.equal(false);
      await pods.other.resetPassword.complete(token, { browser, password: chosen });
      expect((await pods.flows.limits.password({ email, address })).ok).to.equal(true);
    });

    it('gives the same answer after the same work whether or not there is an account', async () => {
      const known = await create();
      const disabled = await create();
      await pods.first.accounts.setStatus(disabled.id, 'disabled');
      const work = async (email: string) => {
        const hashes = pods.first.hasher.load().finished;
        let answer: unknown;
        const commands = await commandsOf(pods.first, pods.mail, async ({ resetPassword }) => {
          answer = await resetPassword.request(email, { address });
        });
        return { answer, commands, hashes: pods.first.hasher.load().finished - hashes };
      };
      const forKnown = await work(known.email);
      expect(forKnown).to.deep.include({ answer: { ok: true }, hashes: 0 });
      expect(forKnown.commands.length).to.be.greaterThan(4);
      expect(await work(freshEmail())).to.deep.equal(forKnown);
      expect(await work(disabled.email)).to.deep.equal(forKnown);
      // The mail is made when the answer has left.
      while (pods.mail.all().length === 0) await pause(5);
      expect(pods.mail.all().map(({ to }) => to)).to.deep.equal([known.email]);
      // Nor do the limits tell.
      for (const email of [known.email, freshEmail()]) {
        let refused = 0;
        for (let i = 0; i < 8; i++) {
          const again = await pods.flows.resetPassword.request(email, { address });
          if (!again.ok && again.problem === 'too-many-attempts') refused += 1;
        }
        expect(refused).to.be.within(3, 4);
      }
    });

    it('is replaced by exactly one of twenty who have the link at the same moment', async () => {
      const { account, token } = await asked();
      const passwords = Array.from({ length: 20 }, (_, i) => `the new password number ${i}`);
      const outcomes = await Promise.all(
        passwords.map((candidate, i) =>
          (i % 2 ? pods.flows : pods.other).resetPassword.complete(token, {
            browser: `b-${i}`,
            password: candidate,
          }),
        ),
      );
      const winner = outcomes.findIndex(({ ok }) => ok);
      expect(outcomes.filter(({ ok }) => ok)).to.have.lengthOf(1);
      expect(await isPassword(account.email, passwords[winner] ?? '')).to.equal(true);
      expect((await pods.second.accounts.find(account.id))?.epoch).to.equal(1);
      expect(pods.mail.to(account.email).filter(({ kind }) => kind === 'password-changed')).to.have.lengthOf(
        1,
      );
    });

    it('is completed by the same browser wherever the pod was killed, once', async () => {
      const kills = await killEverywhere(pods.first, pods.mail, {
        prepare: () => asked(),
        step: ({ resetPassword }, { token }) => resetPassword.complete(token, { browser, password: chosen }),
        async check({ account, token }, at) {
          const done = await pods.other.resetPassword.complete(token, { browser, password: chosen });
          expect(done.ok, `killed before command ${at}`).to.equal(true);
          expect(await pods.second.accounts.find(account.id)).to.deep.include({ epoch: 1, version: 2 });
          expect(await isPassword(account.email, chosen)).to.equal(true);
          expect(pods.mail.to(account.email).map(({ kind }) => kind)).to.deep.equal([
            'reset-password',
            'password-changed',
          ]);
        },
      });
      expect(kills).to.be.greaterThan(5);
    });

    it('can be asked for again wherever the pod was killed', async () => {
      await killEverywhere(pods.first, pods.mail, {
        prepare: () => create(),
        step: ({ resetPassword }, { email }) => resetPassword.request(email, { address }),
        async check({ email }) {
          await pods.other.resetPassword.request(email, { address });
          await pods.other.resetPassword.settled();
          const token = pods.mail.token('reset-password', email);
          expect((await pods.flows.resetPassword.look(token, '')).ok).to.equal(true);
        },
      });
    });

    it('does not let who sends the form again choose another password', async () => {
      const { account, token } = await asked();
      await pods.flows.resetPassword.complete(token, { browser, password: chosen });
      const again = await pods.other.resetPassword.complete(token, {
        browser,
        password: 'yet another password',
      });
      expect(again).to.deep.equal({ ok: false, problem: 'spent' });
      expect(await isPassword(account.email, chosen)).to.equal(true);
    });

    it('is not spent by a password that is refused', async () => {
      const { token } = await asked();
      const strict = flowsOn(pods.first, pods.mail, {
        passwordRule: (candidate, { email }) => {
          expect(email).to.match(/@example\.com$/);
          return candidate === password ? 'password-too-common' : undefined;
        },
      });
      expect(await strict.resetPassword.complete(token, { browser, password: 'short' })).to.deep.include({
        problem: 'password-too-short',
      });
      expect(await strict.resetPassword.complete(token, { browser, password })).to.deep.include({
        problem: 'password-weak',
      });
      expect((await strict.resetPassword.complete(token, { browser, password: chosen })).ok).to.equal(true);
    });

    it('is not replaced by a link from before the account changed', async () => {
      const changes: ((account: Account) => Promise<unknown>)[] = [
        ({ id }) => pods.first.accounts.setStatus(id, 'disabled'),
        ({ id }) => pods.first.accounts.setPassword(id, password),
        ({ id }) => pods.first.store.call('HSET', pods.first.store.keys.account(id), 'email', freshEmail()),
      ];
      const outdated = { ok: false, problem: 'outdated' };
      for (const change of changes) {
        const early = await asked();
        await change(early.account);
        expect(await pods.other.resetPassword.look(early.token, browser)).to.deep.equal(outdated);
        expect(
          await pods.other.resetPassword.complete(early.token, { browser, password: chosen }),
        ).to.deep.equal(outdated);

        // Nor when it changes at the last moment.
        const late = await asked();
        const pod = interrupted(pods.first.store, 3, async () => {
          await change(late.account);
        });
        const { resetPassword } = flowsOn(pods.first, pods.mail, {}, pod.store);
        expect(await resetPassword.complete(late.token, { browser, password: chosen })).to.deep.equal(
          outdated,
        );
        expect(pod.sent[3]).to.deep.include({ command: 'settle' });
        expect(await isPassword(late.account.email, chosen)).to.equal(false);
      }
    });

    it('counts a mail that was not taken as nothing that the person has to know', async () => {
      const { email } = await create();
      const broken = { ...pods.mail, enqueue: async () => Promise.reject(new Killed()) };
      const { resetPassword } = flowsOn(pods.first, broken);
      expect(await resetPassword.request(email, { address })).to.deep.equal({ ok: true });
      await resetPassword.settled();
      expect(await pods.first.readLog())
        .to.contain('was not taken')
        .and.not.contain(email);
      expect(await pods.flows.resetPassword.request('nobody', { address })).to.deep.equal({
        ok: false,
        problem: 'email-invalid',
      });
    });
  });
}
