import { expect } from 'chai';
import { clients, startProvider, type TestClient, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { addClient, introspect, isAlive, refresh } from './relying-party.ts';

/** What a client may learn about a token (RFC 7662), and end (RFC 7009): its own, and nobody else's. */
describe('introspection and revocation', () => {
  let redis: Topology;
  let provider: TestProvider;
  let publicClient: TestClient;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url);
    publicClient = await addClient(provider, { token_endpoint_auth_method: 'none' });
  });
  after(async () => {
    await provider?.stop();
    await redis?.stop();
  });

  const signIn = (client: TestClient = clients.first) => provider.signIn(provider.person(), client);

  async function publicTokens() {
    const { answer, verifier } = await provider.authorize(provider.person(), publicClient);
    const reply = await provider.post('/token', {
      grant_type: 'authorization_code',
      client_id: publicClient.id,
      code: answer.code ?? '',
      code_verifier: verifier,
      redirect_uri: publicClient.redirectUri,
    });
    expect(reply.status, reply.body).to.equal(200);
    return reply.json as { access_token: string; refresh_token: string };
  }

  it('tells a client about its own tokens', async () => {
    const tokens = await signIn();
    const access = await introspect(provider, clients.first, tokens.access_token);
    expect(access).to.include({
      active: true,
      client_id: clients.first.id,
      sub: provider.account.id,
      iss: provider.issuer,
      token_type: 'Bearer',
      scope: 'openid profile email',
    });
    expect(access.exp).to.be.a('number');
    const refreshToken = await introspect(provider, clients.first, tokens.refresh_token);
    expect(refreshToken).to.include({ active: true, client_id: clients.first.id });
    expect(refreshToken).not.to.have.property('token_type');
  });

  it('tells strangers nothing but that', async () => {
    const tokens = await signIn();
    for (const token of [tokens.access_token, tokens.refresh_token, 'x', `${tokens.access_token}x`]) {
      expect(await introspect(provider, clients.second, token)).to.deep.equal({ active: false });
    }
  });

  it('finds codes, ID tokens and other things no tokens', async () => {
    const { answer } = await provider.authorize(provider.person(), clients.first);
    expect(await introspect(provider, clients.first, answer.code ?? '')).to.deep.equal({ active: false });
    for (const token of ['', '\0', '{}', 'a'.repeat(5000), '__proto__']) {
      const reply = await provider.post('/token/introspection', { token }, { client: clients.first });
      expect([200, 400], token).to.include(reply.status);
      if (reply.status === 200) expect(reply.json).to.deep.equal({ active: false });
    }
  });

  it('finds spent, ended and signed-out tokens inactive', async () => {
    const tokens = await signIn();
    const next = await refresh(provider, clients.first, tokens.refresh_token);
    expect(await introspect(provider, clients.first, tokens.refresh_token)).to.deep.equal({ active: false });
    expect((await introspect(provider, clients.first, String(next.json.refresh_token))).active).to.equal(
      true,
    );
    await provider.parts.accounts.setStatus(provider.account.id, 'disabled');
    const ended = await introspect(provider, clients.first, String(next.json.refresh_token));
    await provider.parts.accounts.setStatus(provider.account.id, 'active');
    expect(ended).to.deep.equal({ active: false });
  });

  it('wants to know who asks', async () => {
    const { access_token: token } = await signIn();
    for (const path of ['/token/introspection', '/token/revocation']) {
      expect((await provider.post(path, { token })).status).to.be.within(400, 401);
      const wrong = { ...clients.first, secret: 'wrong' };
      expect((await provider.post(path, { token }, { client: wrong })).status).to.equal(401);
    }
    expect(await isAlive(provider, token)).to.equal(true);
  });

  it('tells a public client of its own tokens alone', async () => {
    const own = await publicTokens();
    const { access_token: others } = await signIn();
    const ask = (token: string) =>
      provider.post('/token/introspection', { token, client_id: publicClient.id });
    expect((await ask(own.access_token)).json.active).to.equal(true);
    expect((await ask(others)).json).to.deep.equal({ active: false });
    expect(await introspect(provider, clients.first, own.access_token)).to.deep.equal({ active: false });
  });

  describe('revocation', () => {
    const revoke = async (client: TestClient, token: string, hint?: string) => {
      const form = { token, ...(hint ? { token_type_hint: hint } : {}) };
      const reply = await provider.post('/token/revocation', form, { client });
      expect(reply.status, reply.body).to.equal(200);
      expect(reply.body).to.equal('');
    };

    it('of a refresh token ends the family', async () => {
      for (const hint of [undefined, 'refresh_token', 'access_token', 'nonsense']) {
        const tokens = await signIn();
        const next = await refresh(provider, clients.first, tokens.refresh_token);
        await revoke(clients.first, String(next.json.refresh_token), hint);
        for (const access of [tokens.access_token, String(next.json.access_token)]) {
          expect(await isAlive(provider, access)).to.equal(false);
        }
        for (const token of [tokens.refresh_token, String(next.json.refresh_token)]) {
          expect((await refresh(provider, clients.first, token)).json.error).to.equal('invalid_grant');
        }
      }
    });

    it('of an access token ends that alone', async () => {
      const tokens = await signIn();
      await revoke(clients.first, tokens.access_token);
      expect(await isAlive(provider, tokens.access_token)).to.equal(false);
      const next = await refresh(provider, clients.first, tokens.refresh_token);
      expect(next.status, next.body).to.equal(200);
      expect(await isAlive(provider, String(next.json.access_token))).to.equal(true);
    });

    it('of a stranger’s token does nothing, and says nothing', async () => {
      const tokens = await signIn();
      await revoke(clients.second, tokens.refresh_token);
      await revoke(clients.second, tokens.access_token);
      const byPublic = await provider.post('/token/revocation', {
        token: tokens.refresh_token,
        client_id: publicClient.id,
      });
      expect(byPublic.status).to.equal(200);
      expect(await isAlive(provider, tokens.access_token)).to.equal(true);
      expect((await refresh(provider, clients.first, tokens.refresh_token)).status).to.equal(200);
    });

    it('of nothing is fine', async () => {
      await revoke(clients.first, 'unknown');
      await revoke(clients.first, '\0');
    });

    it('does not sign the person out', async () => {
      const person = provider.person();
      const tokens = await provider.signIn(person, clients.first);
      await revoke(clients.first, tokens.refresh_token);
      const { answer } = await provider.authorize(person, clients.first, { prompt: 'none' });
      expect(answer.code).to.be.a('string');
    });

    it('of a public client’s refresh token works for that client', async () => {
      const tokens = await publicTokens();
      const form = { token: tokens.refresh_token, client_id: publicClient.id };
      expect((await provider.post('/token/revocation', form)).status).to.equal(200);
      expect(await isAlive(provider, tokens.access_token)).to.equal(false);
    });
  });
});
