import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import type { AllSessions } from '../../src/oidc/all-sessions.ts';
import { authorizationRequest, formOf, type Person } from '../support/person.ts';
import {
  clients,
  startProvider,
  type TestClient,
  type TestProvider,
  type Tokens,
} from '../support/provider.ts';
import { startCluster, startStandalone, type Topology } from '../support/redis-topologies.ts';
import { addClient, introspect, isSignedIn, userinfo } from './relying-party.ts';

/**
 * What administrators end: on the other pods within a second, for cookies, codes, refresh tokens and opaque access
 * tokens. The acts are made by a process of its own, so both pods are the other pods.
 */
const topologies: [name: string, start: () => Promise<Topology>][] = [
  ['standalone', () => startStandalone({ appendOnly: false })],
  ['Cluster', () => startCluster({ primaries: 3 })],
];
const withinMs = 1000;

const resource = {
  description: '',
  accessTokenSeconds: undefined,
  signingAlgorithm: 'ES256',
  format: 'opaque',
  hasRoles: false,
} as const;

/** What somebody has who is signed in to a client. */
type Held = { client: TestClient; person: Person; tokens: Tokens; code: string; verifier: string };

for (const [topology, start] of topologies) {
  describe(`sessions and grants for administrators (${topology})`, () => {
    let redis: Topology;
    let provider: TestProvider;
    let all: AllSessions;

    before(async function () {
      this.timeout(60_000);
      redis = await start();
      provider = await startProvider(redis.url);
      all = provider.parts.oidc.allSessions;
    });
    after(async () => {
      await provider?.stop();
      await redis?.stop();
    });

    async function hold(client: TestClient, person = provider.person()): Promise<Held> {
      const tokens = await provider.signIn(person, client);
      const { answer, verifier } = await provider.authorize(person, client);
      return { client, person, tokens, code: answer.code ?? '', verifier };
    }

    const refresh = (client: TestClient, token: string, pod?: number) =>
      provider.post(
        '/token',
        { grant_type: 'refresh_token', refresh_token: token },
        { client, ...(pod === undefined ? {} : { pod }) },
      );

    async function uidOf(clientId: string): Promise<string> {
      const { sessions } = await all.list({ clientId });
      expect(sessions).to.have.lengthOf(1);
      return sessions[0]?.uid ?? '';
    }

    /** Waits until this is so on both pods, and no longer than they may take. */
    async function soon(isSo: (pod: number) => Promise<boolean>): Promise<void> {
      const until = Date.now() + withinMs;
      for (const pod of [0, 1]) while (!(await isSo(pod)) && Date.now() < until) await pause(20);
    }

    const isRefused = (token: string) => async (pod: number) =>
      (await provider.get('/me', { authorization: `Bearer ${token}` }, pod)).status === 401;

    /** Nothing of it is worth anything on any pod. @param options.client what its own requests are answered */
    async function expectEnded(held: Held, options: { client: string; hasCookie?: boolean }): Promise<void> {
      const { client, person, tokens, code, verifier } = held;
      for (const pod of [0, 1]) {
        const info = await provider.get('/me', { authorization: `Bearer ${tokens.access_token}` }, pod);
        expect(info.status, `userinfo on pod ${pod}`).to.equal(401);
        const refreshed = await refresh(client, tokens.refresh_token, pod);
        expect(refreshed.json.error, `refresh on pod ${pod}`).to.equal(options.client);
        const exchanged = await provider.exchange(client, code, verifier, { pod });
        expect(exchanged.json.error, `code on pod ${pod}`).to.equal(options.client);
        const asked = await provider.post(
          '/token/introspection',
          { token: tokens.access_token },
          { client, pod },
        );
        if (options.client === 'invalid_client') expect(asked.json.error).to.equal('invalid_client');
        else expect(asked.json.active, `introspection on pod ${pod}`).to.equal(false);
      }
      if (options.hasCookie !== undefined) {
        const shown = options.client === 'invalid_client' ? clients.second : client;
        expect(await isSignedIn(provider, person.clone(), shown)).to.equal(options.hasCookie);
      }
    }

    const confidential = () => addClient(provider, { first_party: true });

    it('lists sessions with their account, their clients and when they were used, page by page', async () => {
      const client = await confidential();
      for (let count = 0; count < 5; count++) await provider.signIn(provider.person(), client);
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await all.list({ clientId: client.id, count: 2, ...(cursor && { cursor }) });
        for (const session of page.sessions) {
          expect(session.accountId).to.equal(provider.account.id);
          expect(session.clients.map(({ clientId }) => clientId)).to.deep.equal([client.id]);
          expect(session.lastUsedAt).to.be.within(Date.now() - 60_000, Date.now());
          seen.push(session.uid);
        }
        cursor = page.cursor;
      } while (cursor !== undefined);
      expect(new Set(seen).size).to.equal(5);
      expect(await all.count(client.id)).to.equal(5);
      expect(await all.count()).to.be.at.least(5);
      expect((await all.find(seen[0] ?? ''))?.uid).to.equal(seen[0]);
      const ofAccount = await all.list({ accountId: provider.account.id, clientId: client.id });
      expect(ofAccount.sessions.map(({ uid }) => uid).sort()).to.deep.equal(seen.sort());
    });

    it('lists a session with each client that it comes to', async () => {
      const [one, other] = [await confidential(), await confidential()];
      const person = provider.person();
      await provider.signIn(person, one);
      await provider.signIn(person, other);
      expect(await uidOf(one.id)).to.equal(await uidOf(other.id));
    });

    it('ends nothing for a cursor or an id that somebody made up', async () => {
      for (const id of ['', 'x', '{}', 'A'.repeat(22)]) {
        expect(await all.find(id)).to.equal(undefined);
        expect(await all.end(id)).to.equal(undefined);
        expect(await all.findGrant(id)).to.equal(undefined);
        expect(await all.revokeGrant(id)).to.equal(undefined);
        expect((await all.list({ cursor: id, count: 1 })).sessions.length).to.be.at.most(1);
      }
    });

    it('ends one session, and leaves the others', async () => {
      const client = await confidential();
      const held = await hold(client);
      const uid = await uidOf(client.id);
      const kept = await hold(client);
      expect(await all.end(uid)).to.deep.equal({ accountId: provider.account.id });
      await expectEnded(held, { client: 'invalid_grant', hasCookie: false });
      expect(await isSignedIn(provider, kept.person, client)).to.equal(true);
      expect((await refresh(client, kept.tokens.refresh_token)).status).to.equal(200);
      expect(await all.find(uid)).to.equal(undefined);
      expect(await all.count(client.id)).to.equal(1);
    });

    it('ends a session when its person signs out, and takes it off the lists', async () => {
      const client = await confidential();
      const held = await hold(client);
      const { action, fields } = formOf((await held.person.request('/session/end')).body);
      await held.person.request(action, { form: { ...fields, logout: 'yes' } });
      expect((await all.list({ clientId: client.id })).sessions).to.deep.equal([]);
      for (const until = Date.now() + 2000; Date.now() < until && (await all.count(client.id)) > 0; ) {
        await pause(10);
      }
      expect(await all.count(client.id)).to.equal(0);
    });

    it('ends all of a client, with what others were granted in those sessions left alone', async () => {
      const client = await confidential();
      const held = [await hold(client), await hold(client), await hold(client)];
      const elsewhere = await hold(clients.second);
      expect(await all.endOfClient(client.id)).to.equal(3);
      await soon(isRefused(held[0]?.tokens.access_token ?? ''));
      for (const one of held) await expectEnded(one, { client: 'invalid_grant', hasCookie: false });
      expect(await isSignedIn(provider, elsewhere.person, clients.second)).to.equal(true);
      expect(await all.endOfClient(client.id)).to.equal(0);
      // It is not disabled: who signs in again is in, as soon as the pods know what is over.
      let again: Tokens | undefined;
      await soon(async () => {
        again ??= await provider.signIn(provider.person(), client).catch(() => undefined);
        return again !== undefined;
      });
      expect(again?.refresh_token).to.be.a('string');
    });

    it('revokes one grant with its tokens, and leaves the session', async () => {
      const client = await confidential();
      const held = await hold(client);
      const grants = await all.grants(provider.account.id);
      const grant = grants.find((one) => one.client.clientId === client.id);
      expect(grant).to.deep.include({ accountId: provider.account.id, isOffline: false });
      expect(grant?.scopes).to.include('openid');
      expect((await all.findGrant(grant?.id ?? ''))?.id).to.equal(grant?.id);
      expect((await all.revokeGrant(grant?.id ?? ''))?.client.clientId).to.equal(client.id);
      await expectEnded(held, { client: 'invalid_grant', hasCookie: true });
      expect(await all.findGrant(grant?.id ?? '')).to.equal(undefined);
      expect(await all.revokeGrant(grant?.id ?? '')).to.equal(undefined);
    });

    it('revokes all grants of a client, and gives new ones', async () => {
      const { registeredClients } = provider.parts.oidc;
      const client = await confidential();
      const held = await hold(client);
      expect((await registeredClients.revokeGrants(client.id)).ok).to.equal(true);
      await soon(isRefused(held.tokens.access_token));
      await expectEnded(held, { client: 'invalid_grant', hasCookie: true });
      const again = await hold(client, held.person);
      expect((await refresh(client, again.tokens.refresh_token)).status).to.equal(200);
      expect((await userinfo(provider, again.tokens.access_token)).status).to.equal(200);
      expect((await all.grants(provider.account.id)).map((one) => one.client.clientId)).to.include(client.id);
    });

    it('refuses a disabled client and its tokens, says so on the page, and takes both back', async () => {
      const { registeredClients } = provider.parts.oidc;
      const client = await confidential();
      const held = await hold(client);
      const service = await addClient(provider, {
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      });
      const own = await provider.post('/token', { grant_type: 'client_credentials' }, { client: service });
      for (const id of [client.id, service.id]) await registeredClients.setEnabled(id, undefined, false);
      await soon(isRefused(held.tokens.access_token));
      await expectEnded(held, { client: 'invalid_client', hasCookie: true });
      const refused = await provider.post(
        '/token',
        { grant_type: 'client_credentials' },
        { client: service },
      );
      expect(refused.json.error).to.equal('invalid_client');
      const revoked = await provider.post('/token/revocation', { token: 'x' }, { client });
      expect(revoked.json.error).to.equal('invalid_client');
      for (const pod of [0, 1]) {
        const path = `/auth?client_id=${client.id}&response_type=code&scope=openid&redirect_uri=${client.redirectUri}`;
        const page = await held.person.request(path, { pod });
        expect(page.status).to.equal(400);
        expect(page.location).to.equal(undefined);
        expect(page.body).to.include('This application is switched off');
      }
      for (const id of [client.id, service.id]) await registeredClients.setEnabled(id, undefined, true);
      expect((await refresh(client, held.tokens.refresh_token)).status).to.equal(200);
      expect((await introspect(provider, service, String(own.json.access_token))).active).to.equal(true);
    });

    it('tells a resource server nothing about tokens of a disabled client', async () => {
      const { registeredClients } = provider.parts.oidc;
      const api = 'https://opaque.example';
      const scopes = [{ name: 'opaque:read', description: 'Read' }];
      const made = await provider.parts.resources.create(api, { ...resource, name: 'Opaque', scopes });
      expect(made.ok, JSON.stringify(made)).to.equal(true);
      const asked = {
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
        resources: [api],
      };
      const [service, server] = [await addClient(provider, asked), await addClient(provider, asked)];
      const form = { grant_type: 'client_credentials', resource: api, scope: 'opaque:read' };
      const reply = await provider.post('/token', form, { client: service });
      expect(reply.status, reply.body).to.equal(200);
      const token = String(reply.json.access_token);
      const active = async (pod: number) => {
        const told = await provider.post('/token/introspection', { token }, { client: server, pod });
        return told.json.active;
      };
      expect(await active(0)).to.equal(true);
      await registeredClients.setEnabled(service.id, undefined, false);
      await soon(async (pod) => (await active(pod)) === false);
      expect([await active(0), await active(1)]).to.deep.equal([false, false]);
      await registeredClients.setEnabled(service.id, undefined, true);
      expect(await active(0)).to.equal(true);
      // A token that hangs on no grant goes with what the client was granted as well.
      await registeredClients.revokeGrants(service.id);
      await soon(async (pod) => (await active(pod)) === false);
      expect([await active(0), await active(1)]).to.deep.equal([false, false]);
    });

    it('refuses a removed client and its tokens for good', async () => {
      const { registeredClients } = provider.parts.oidc;
      const client = await confidential();
      const held = await hold(client);
      const [grant] = (await all.grants(provider.account.id)).filter(
        (one) => one.client.clientId === client.id,
      );
      expect((await registeredClients.remove(client.id, undefined)).ok).to.equal(true);
      await soon(isRefused(held.tokens.access_token));
      await expectEnded(held, { client: 'invalid_client', hasCookie: true });
      expect(await all.findGrant(grant?.id ?? '')).to.equal(undefined);
    });

    it('refuses a secret that was removed, and takes a new one at once', async () => {
      const { registeredClients } = provider.parts.oidc;
      const client = await confidential();
      const { tokens } = await hold(client);
      const added = await registeredClients.addSecret(client.id, {});
      const renewed = { ...client, secret: added.ok ? added.value.secret : '' };
      let token = tokens.refresh_token;
      for (const [pod, from] of [client, renewed, client, renewed].entries()) {
        const reply = await refresh(from, token, pod);
        expect(reply.status, reply.body).to.equal(200);
        token = String(reply.json.refresh_token);
      }
      const [old] = (await registeredClients.find(client.id))?.secrets ?? [];
      expect((await registeredClients.removeSecret(client.id, old?.id ?? '')).ok).to.equal(true);
      await soon(async (pod) => {
        const asked = await provider.post('/token/introspection', { token }, { client, pod });
        return asked.json.error === 'invalid_client';
      });
      for (const pod of [0, 1]) {
        expect((await refresh(client, token, pod)).json.error).to.equal('invalid_client');
      }
      expect((await refresh(renewed, token)).status).to.equal(200);
    });

    it('fails no token request while a secret is rotated', async () => {
      const { registeredClients } = provider.parts.oidc;
      const service = await addClient(provider, {
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      });
      let current = service;
      let isOver = false;
      const statuses: number[] = [];
      const asking = Promise.all(
        Array.from({ length: 4 }, async () => {
          while (!isOver) {
            const asked = await provider.post(
              '/token',
              { grant_type: 'client_credentials' },
              { client: current },
            );
            statuses.push(asked.status);
          }
        }),
      );
      for (let round = 0; round < 3; round++) {
        const [old] = (await registeredClients.find(service.id))?.secrets ?? [];
        const added = await registeredClients.addSecret(service.id, {});
        if (!added.ok) throw new Error(added.problem);
        // The service takes it over at once; the old one goes when no request with it is under way.
        current = { ...service, secret: added.value.secret };
        await pause(300);
        expect((await registeredClients.removeSecret(service.id, old?.id ?? '')).ok).to.equal(true);
        await pause(300);
      }
      isOver = true;
      await asking;
      expect(statuses.length).to.be.greaterThan(50);
      expect(statuses.filter((status) => status !== 200)).to.deep.equal([]);
    });

    it('gives a client tokens that live as long as it says', async () => {
      const client = await addClient(provider, {
        first_party: true,
        access_token_seconds: 61,
        refresh_token_seconds: 122,
      });
      const { tokens } = await hold(client);
      const lifetimes = await Promise.all(
        [tokens.access_token, tokens.refresh_token].map(async (token) => {
          const { exp, iat } = await introspect(provider, client, token);
          return Number(exp) - Number(iat);
        }),
      );
      expect(lifetimes).to.deep.equal([61, 122]);
    });

    it('has the engine look at what fields mean to each other', async () => {
      const { registeredClients } = provider.parts.oidc;
      const metadata = { client_id: 'odd', redirect_uris: ['https://odd.example/cb'] };
      expect(await registeredClients.check(metadata)).to.equal(undefined);
      for (const [fields, says] of [
        [{ jwks: { keys: [{ kty: 'RSA' }] } }, 'jwks'],
        [
          { jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }] }, jwks_uri: 'https://x.example/k' },
          'jwks',
        ],
        [{ scope: 'openid nonsense' }, 'scope'],
        [{ subject_type: 'pairwise', redirect_uris: ['https://a.example/', 'https://b.example/'] }, 'sector'],
      ] as const) {
        expect(await registeredClients.check({ ...metadata, ...fields } as never)).to.include(says);
      }
    });

    // Last, since they end what the others have.
    it('ends all of an account', async () => {
      const held = [await hold(clients.first), await hold(clients.second)];
      expect(await all.endOfAccount(provider.account.id)).to.be.at.least(2);
      for (const one of held) await expectEnded(one, { client: 'invalid_grant', hasCookie: false });
      expect(await all.grants(provider.account.id)).to.deep.equal([]);
    });

    it('ends everything that was signed in, and what is in flight', async () => {
      const held = [await hold(clients.first), await hold(clients.second)];
      // What outlives its session does not outlive this.
      const offline = await provider.signIn(provider.person(), clients.third, {
        scope: 'openid offline_access',
        prompt: 'consent',
      });
      expect((await introspect(provider, clients.third, offline.refresh_token)).active).to.equal(true);
      // Somebody who has proved who they are, and has only to agree yet.
      const asked = provider.person();
      const { path } = authorizationRequest(clients.third);
      let reply = await asked.request(path);
      while (!reply.body.includes('value="allow"')) {
        if (reply.location) reply = await asked.request(reply.location);
        else {
          const { action, fields } = formOf(reply.body);
          const { email, password } = provider.account;
          reply = await asked.request(action, { form: { ...fields, email, password, decision: 'sign-in' } });
        }
      }
      const before = Date.now();
      let isOver = false;
      const late: Pick<Held, 'person' | 'tokens'>[] = [];
      const signingIn = (async () => {
        while (!isOver) {
          const person = provider.person();
          const tokens = await provider.signIn(person, clients.first).catch(() => undefined);
          if (tokens) late.push({ person, tokens });
        }
      })();
      const ended = await all.endAll();
      const endedAt = Date.now();
      isOver = true;
      await signingIn;
      expect(ended.before).to.be.within(before - 1000, endedAt + 1000);
      expect(await all.count()).to.be.at.most(late.length);
      await soon(isRefused(held[0]?.tokens.access_token ?? ''));
      for (const one of held) await expectEnded(one, { client: 'invalid_grant', hasCookie: false });
      const { action, fields } = formOf(reply.body);
      expect((await refresh(clients.third, offline.refresh_token)).json.error).to.equal('invalid_grant');
      expect((await userinfo(provider, offline.access_token)).status).to.equal(401);
      const answered = await asked.request(action, { form: { ...fields, decision: 'allow' } });
      expect(answered.location ?? '').not.to.include('code=');
      // What a pod wrote that did not know yet is worth nothing, or else was signed in after it all.
      for (const one of late) {
        const isWorth = (await refresh(clients.first, one.tokens.refresh_token)).status === 200;
        expect(await isSignedIn(provider, one.person, clients.first)).to.equal(isWorth);
      }
      expect((await provider.signIn(provider.person(), clients.first)).refresh_token).to.be.a('string');
      expect((await all.list({})).sessions.length).to.be.greaterThan(0);
    });
  });
}
