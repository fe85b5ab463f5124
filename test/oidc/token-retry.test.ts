import { expect } from 'chai';
import {
  clients,
  createClientKey,
  type JsonReply,
  type PostOptions,
  startProvider,
  type TestClient,
  type TestProvider,
} from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { type DeathAt, startDyingPod, startPodAhead } from './odd-pods.ts';
import { addClient, isAlive, refresh } from './relying-party.ts';

/**
 * A token request that is sent again: the same one gets the same answer, as its first may have been lost on the
 * way. Anything else with a spent code or token is a replay, and ends the whole family.
 */
describe('a token request that is sent again', () => {
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

  const scope = 'openid email';

  /** A refreshed family: the spent refresh token, and the answer that it got. */
  async function refreshed(
    client: TestClient = clients.first,
    extra: Record<string, string> = {},
  ): Promise<{ spent: string; first: JsonReply; accessToken: string; successor: string }> {
    const tokens = await provider.signIn(provider.person(), client, { scope, prompt: 'consent', ...extra });
    const first = await refresh(provider, client, tokens.refresh_token, {}, { pod: 0 });
    expect(first.status, first.body).to.equal(200);
    return {
      spent: tokens.refresh_token,
      first,
      accessToken: String(first.json.access_token),
      successor: String(first.json.refresh_token),
    };
  }

  /** Nothing of the family works any more: not the access token, nor either refresh token. */
  async function expectDead(
    family: Awaited<ReturnType<typeof refreshed>>,
    client = clients.first,
  ): Promise<void> {
    expect(await isAlive(provider, family.accessToken)).to.equal(false);
    for (const token of [family.successor, family.spent]) {
      expect((await refresh(provider, client, token)).json.error).to.equal('invalid_grant');
    }
  }

  describe('with a refresh token', () => {
    it('gets the same answer, byte by byte, from any pod', async () => {
      const family = await refreshed();
      for (const pod of [0, 1, 1]) {
        const again = await refresh(provider, clients.first, family.spent, {}, { pod });
        expect(again.status, again.body).to.equal(200);
        expect(again.body).to.equal(family.first.body);
        expect(again.headers.get('cache-control')).to.equal('no-store');
        expect(again.headers.get('content-type')).to.equal(family.first.headers.get('content-type'));
      }
      expect(await isAlive(provider, family.accessToken)).to.equal(true);
      expect((await refresh(provider, clients.first, family.successor)).status).to.equal(200);
    });

    it('gets one answer from two pods at the same moment', async () => {
      const tokens = await provider.signIn(provider.person(), clients.first);
      const replies = await Promise.all(
        [0, 1].map((pod) => refresh(provider, clients.first, tokens.refresh_token, {}, { pod })),
      );
      expect(new Set(replies.map(({ body }) => body)).size).to.equal(1);
      expect(replies.map(({ status }) => status)).to.deep.equal([200, 200]);
    });

    it('is a replay once the successor was used', async () => {
      const family = await refreshed();
      const next = await refresh(provider, clients.first, family.successor);
      expect(next.status).to.equal(200);
      const replay = await refresh(provider, clients.first, family.spent);
      expect(replay.json.error).to.equal('invalid_grant');
      await expectDead({ ...family, accessToken: String(next.json.access_token) });
      const last = await refresh(provider, clients.first, String(next.json.refresh_token));
      expect(last.json.error).to.equal('invalid_grant');
    });

    it('is a replay once the answer is no longer kept', async () => {
      const family = await refreshed();
      await forgetAnswers();
      const replay = await refresh(provider, clients.first, family.spent);
      expect(replay.json.error).to.equal('invalid_grant');
      await expectDead(family);
    });

    it('keeps the answer for half a minute', async () => {
      await forgetAnswers();
      await refreshed();
      const keys = (await answersKept()).filter((key) => key.includes('{g:'));
      const lifetimes = await Promise.all(keys.map((key) => provider.parts.store.call('PTTL', key)));
      expect(Math.max(...lifetimes.map(Number))).to.be.within(25_000, 30_000);
    });

    it('is a replay with another scope', async () => {
      for (const other of ['openid', 'openid email profile']) {
        const family = await refreshed();
        const replay = await refresh(provider, clients.first, family.spent, { scope: other });
        expect(replay.status, other).to.equal(400);
        await expectDead(family);
      }
    });

    it('is a replay with another resource', async () => {
      const family = await refreshed();
      const replay = await refresh(provider, clients.first, family.spent, { resource: 'http://api.example' });
      expect(replay.status).to.equal(400);
      await expectDead(family);
    });

    it('is a replay from another client, whose own tokens live on', async () => {
      const others = await refreshed(clients.second);
      const family = await refreshed();
      const replay = await refresh(provider, clients.second, family.spent);
      expect(replay.json.error).to.equal('invalid_grant');
      await expectDead(family);
      expect(await isAlive(provider, others.accessToken)).to.equal(true);
    });

    it('is nothing from somebody who cannot say who they are', async () => {
      const family = await refreshed();
      const reply = await refresh(provider, { ...clients.first, secret: 'guessed' }, family.spent);
      expect(reply.status).to.equal(401);
      expect(await isAlive(provider, family.accessToken)).to.equal(true);
    });

    it('is a replay at once for a client that wants no answer twice', async () => {
      const family = await refreshed(clients.strict);
      const replay = await refresh(provider, clients.strict, family.spent);
      expect(replay.json.error).to.equal('invalid_grant');
      await expectDead(family, clients.strict);
    });

    it('does nothing to an unspent token that another client shows', async () => {
      const tokens = await provider.signIn(provider.person(), clients.first);
      const reply = await refresh(provider, clients.second, tokens.refresh_token);
      expect(reply.json.error).to.equal('invalid_grant');
      expect((await refresh(provider, clients.first, tokens.refresh_token)).status).to.equal(200);
    });
  });

  describe('with a refresh token that is bound to a key', () => {
    async function bound(client: TestClient) {
      const key = await createClientKey();
      const form = (token: string) => ({
        grant_type: 'refresh_token',
        refresh_token: token,
        ...(client === publicClient ? { client_id: client.id } : {}),
      });
      const options = async (by = key): Promise<PostOptions> => ({
        ...(client === publicClient ? {} : { client }),
        headers: { dpop: await by.proof('POST', `${provider.issuer}/token`) },
      });
      const { answer, verifier } = await provider.authorize(provider.person(), client);
      const exchanged = await provider.post(
        '/token',
        {
          grant_type: 'authorization_code',
          code: answer.code ?? '',
          code_verifier: verifier,
          redirect_uri: client.redirectUri,
          ...(client === publicClient ? { client_id: client.id } : {}),
        },
        await options(),
      );
      expect(exchanged.status, exchanged.body).to.equal(200);
      const spent = String(exchanged.json.refresh_token);
      const first = await provider.post('/token', form(spent), await options());
      expect(first.status, first.body).to.equal(200);
      return { key, form, options, spent, first, successor: String(first.json.refresh_token) };
    }

    it('gets the same answer with a new proof of the same key', async () => {
      for (const client of [publicClient, clients.first]) {
        const { form, options, spent, first } = await bound(client);
        const again = await provider.post('/token', form(spent), await options());
        expect(again.body).to.equal(first.body);
      }
    });

    it('gets the same answer for the very same bytes, proof and all', async () => {
      const { form, options, successor } = await bound(publicClient);
      const once = await options();
      const first = await provider.post('/token', form(successor), { ...once, pod: 0 });
      const again = await provider.post('/token', form(successor), { ...once, pod: 1 });
      expect(again.body).to.equal(first.body);
      expect(again.status).to.equal(200);
    });

    it('is a replay with the proof of another key, or without one', async () => {
      for (const client of [publicClient, clients.first]) {
        const { form, options, spent, successor } = await bound(client);
        const stranger = await options(await createClientKey());
        const replay = await provider.post('/token', form(spent), stranger);
        expect(replay.status).to.equal(400);
        const rightful = await provider.post('/token', form(successor), await options());
        expect(rightful.json.error, client.id).to.equal('invalid_grant');
      }
    });
  });

  describe('with an authorization code', () => {
    it('is a replay as soon as the answer was sent, and ends what it gave', async () => {
      const { answer, verifier } = await provider.authorize(provider.person(), clients.first);
      const first = await provider.exchange(clients.first, answer.code ?? '', verifier);
      expect(first.status).to.equal(200);
      await untilSent();
      const replay = await provider.exchange(clients.first, answer.code ?? '', verifier);
      expect(replay.json.error).to.equal('invalid_grant');
      expect(await isAlive(provider, String(first.json.access_token))).to.equal(false);
      const next = await refresh(provider, clients.first, String(first.json.refresh_token));
      expect(next.json.error).to.equal('invalid_grant');
    });

    it('is a replay from another client or with another verifier, too', async () => {
      for (const [client, wrongVerifier] of [
        [clients.second, undefined],
        [clients.first, 'x'.repeat(43)],
      ] as const) {
        const { answer, verifier } = await provider.authorize(provider.person(), clients.first);
        const first = await provider.exchange(clients.first, answer.code ?? '', verifier);
        await untilSent();
        const replay = await provider.exchange(client, answer.code ?? '', wrongVerifier ?? verifier);
        expect(replay.json.error).to.equal('invalid_grant');
        expect(await isAlive(provider, String(first.json.access_token))).to.equal(false);
      }
    });

    it('does not end what the next sign-in gives', async () => {
      const person = provider.person();
      const { answer, verifier } = await provider.authorize(person, clients.first);
      await provider.exchange(clients.first, answer.code ?? '', verifier);
      await untilSent();
      await provider.exchange(clients.first, answer.code ?? '', verifier);
      const tokens = await provider.signIn(person, clients.first);
      expect(await isAlive(provider, tokens.access_token)).to.equal(true);
      expect((await refresh(provider, clients.first, tokens.refresh_token)).status).to.equal(200);
    });

    it('is refused when the code has expired', async () => {
      const { answer, verifier } = await provider.authorize(provider.person(), clients.first);
      const tooLate = await startPodAhead(provider, redis.url, 61);
      try {
        provider.pods.push(tooLate);
        const reply = await provider.exchange(clients.first, answer.code ?? '', verifier, {
          pod: provider.pods.length - 1,
        });
        expect(reply.json.error).to.equal('invalid_grant');
      } finally {
        provider.pods.pop();
        await tooLate.kill('SIGKILL');
      }
    });
  });

  describe('because the pod was killed', () => {
    /** Sends the request to a pod that dies of it, then to another. */
    async function sentTwice(deathAt: DeathAt, form: Record<string, string>): Promise<JsonReply> {
      const dying = await startDyingPod(provider, redis.url, deathAt);
      provider.pods.push(dying);
      try {
        const lost = provider.post('/token', form, { client: clients.first, pod: provider.pods.length - 1 });
        expect(await lost.catch((error: NodeJS.ErrnoException) => error.code)).to.equal('ECONNRESET');
        await dying.kill('SIGKILL');
        expect(dying.process.signalCode).to.equal('SIGKILL');
      } finally {
        provider.pods.pop();
      }
      const before = await answersKept();
      expect(before.length > 0, 'whether an answer is kept').to.equal(deathAt !== 'before');
      return provider.post('/token', form, { client: clients.first });
    }

    for (const [deathAt, when] of [
      ['before', 'before it wrote anything'],
      ['between', 'before it knew that all was written'],
      ['after', 'before the answer left'],
    ] as const) {
      it(`gets its tokens for a code, ${when}`, async () => {
        const { answer, verifier } = await provider.authorize(provider.person(), clients.first);
        await forgetAnswers();
        const reply = await sentTwice(deathAt, {
          grant_type: 'authorization_code',
          code: answer.code ?? '',
          code_verifier: verifier,
          redirect_uri: clients.first.redirectUri,
        });
        expect(reply.status, reply.body).to.equal(200);
        expect(await isAlive(provider, String(reply.json.access_token))).to.equal(true);
        const next = await refresh(provider, clients.first, String(reply.json.refresh_token));
        expect(next.status, next.body).to.equal(200);
      });

      it(`gets its tokens for a refresh token, ${when}`, async () => {
        const tokens = await provider.signIn(provider.person(), clients.first);
        await forgetAnswers();
        const reply = await sentTwice(deathAt, {
          grant_type: 'refresh_token',
          refresh_token: tokens.refresh_token,
        });
        expect(reply.status, reply.body).to.equal(200);
        expect(await isAlive(provider, String(reply.json.access_token))).to.equal(true);
        const next = await refresh(provider, clients.first, String(reply.json.refresh_token));
        expect(next.status, next.body).to.equal(200);
      });
    }
  });

  /** Keys of the answers that are kept now, for whatever request. */
  async function answersKept(): Promise<string[]> {
    return (await provider.parts.store.call('KEYS', '*:again')) as string[];
  }

  async function forgetAnswers(): Promise<void> {
    const keys = await answersKept();
    if (keys.length > 0) await provider.parts.store.call('DEL', ...keys);
  }

  /** The answer to a code is removed once it was sent, a moment after the client has it. */
  async function untilSent(): Promise<void> {
    for (;;) {
      const keys = (await answersKept()).filter((key) => key.includes('{g:'));
      if (keys.length === 0) return;
      const lifetimes = await Promise.all(keys.map((key) => provider.parts.store.call('PTTL', key)));
      if (lifetimes.every((left) => Number(left) > 10_000)) return;
    }
  }
});
