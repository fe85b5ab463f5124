import { expect } from 'chai';
import { clients, startProvider, type TestProvider, type Tokens } from '../support/provider.ts';
import { startCluster, startStandalone, type Topology } from '../support/redis-topologies.ts';

/**
 * A new password, or a disabled account, ends all that was signed in before: at once, on every pod, and for
 * requests in flight too, since the scripts of their commit check the account's epoch.
 */
const topologies: [name: string, start: () => Promise<Topology>][] = [
  ['standalone', () => startStandalone({ appendOnly: false })],
  ['Cluster', () => startCluster({ primaries: 3 })],
];

for (const [name, start] of topologies) {
  describe(`what was signed in (${name})`, () => {
    let redis: Topology;
    let provider: TestProvider;

    before(async function () {
      this.timeout(60_000);
      redis = await start();
      provider = await startProvider(redis.url);
    });
    after(async () => {
      await provider?.stop();
      await redis?.stop();
    });

    const refresh = ({ refresh_token }: Tokens) =>
      provider.post('/token', { grant_type: 'refresh_token', refresh_token }, { client: clients.first });
    const userinfo = ({ access_token }: Tokens) =>
      provider.get('/me', { authorization: `Bearer ${access_token}` });
    const introspect = (token: string) =>
      provider.post('/token/introspection', { token }, { client: clients.first });

    const endings: [what: string, end: () => Promise<unknown>, undo: () => Promise<unknown>][] = [
      [
        'ends with a new password',
        () => provider.parts.accounts.setPassword(provider.account.id, 'another long passphrase'),
        () => provider.parts.accounts.setPassword(provider.account.id, provider.account.password),
      ],
      [
        'ends when the account is disabled, and does not come back when it is enabled again',
        () => provider.parts.accounts.setStatus(provider.account.id, 'disabled'),
        () => provider.parts.accounts.setStatus(provider.account.id, 'active'),
      ],
    ];

    for (const [what, end, undo] of endings) {
      it(`${what}: cookie, code, refresh token, access token`, async () => {
        const person = provider.person();
        const tokens = await provider.signIn(person, clients.first);
        const fresh = await provider.signIn(person, clients.first);
        const { answer, verifier } = await provider.authorize(person, clients.first);
        const spent = await provider.signIn(provider.person(), clients.first);
        expect((await refresh(spent)).status).to.equal(200);
        expect((await userinfo(tokens)).status).to.equal(200);
        expect((await introspect(tokens.refresh_token)).json.active).to.equal(true);

        await end();
        for (const moment of ['at once', 'after the account is as before']) {
          expect((await userinfo(tokens)).status, moment).to.equal(401);
          expect((await introspect(tokens.access_token)).json.active, moment).to.equal(false);
          expect((await introspect(fresh.refresh_token)).json.active, moment).to.equal(false);
          expect((await refresh(tokens)).json.error, moment).to.equal('invalid_grant');
          // Not even the answer that it had before.
          expect((await refresh(spent)).json.error, moment).to.equal('invalid_grant');
          const exchanged = await provider.exchange(clients.first, answer.code ?? '', verifier);
          expect(exchanged.json.error, moment).to.equal('invalid_grant');
          const silent = await provider.authorize(person.clone(), clients.first, { prompt: 'none' });
          expect(silent.answer.error, moment).to.equal('login_required');
          if (moment === 'at once') await undo();
        }
        expect((await provider.signIn(provider.person(), clients.first)).refresh_token).to.be.a('string');
      });
    }

    it('mints nothing for twenty refreshes in flight after the moment of the change', async () => {
      const tokens = await Promise.all(
        Array.from({ length: 20 }, () => provider.signIn(provider.person(), clients.first)),
      );
      const [replies] = await Promise.all([
        Promise.all(tokens.map(refresh)),
        provider.parts.accounts.setPassword(provider.account.id, provider.account.password),
      ]);
      for (const { status, json } of replies) {
        if (status !== 200) continue;
        expect((await refresh(json as Tokens)).json.error).to.equal('invalid_grant');
        expect((await userinfo(json as Tokens)).status).to.equal(401);
      }
    });
  });
}
