import { expect } from 'chai';
import type { CustomFetch } from 'openid-client';
import { createOutboundFetch } from '../../src/upstream/outbound-fetch.ts';
import type { Upstream } from '../../src/upstream/upstream.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { CrookedIssuer } from './crooked-issuer.ts';
import { SmallBrowser } from './small-browser.ts';
import { credentials, SmallGitHub } from './small-github.ts';
import { begun, configWith, home, openUpstream, type UpstreamFixture } from './upstream-fixture.ts';

describe('prepared providers', () => {
  let redis: Topology;
  let pod: UpstreamFixture;

  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    pod = await openUpstream(redis.url, []);
  });
  after(async () => {
    await pod?.close();
    await redis?.stop();
  });

  async function finish(upstream: Upstream, id: string, at = (url: string) => url) {
    const { url, browserSecret } = await begun(upstream, id);
    const back = await new SmallBrowser().follow(at(url), home);
    return { outcome: await upstream.finish(id, back.searchParams, browserSecret), back, browserSecret };
  }

  describe('GitHub', () => {
    const github = new SmallGitHub();
    let upstream: Upstream;

    before(async () => {
      await github.start();
      const list = [
        { id: 'github', type: 'github', issuer: github.url, private_network: true, ...credentials },
      ];
      upstream = pod.variant({ config: configWith(list) });
    });
    after(() => github.stop());
    beforeEach(() => {
      github.apiStatus = 200;
      github.user = {
        id: 583231,
        login: 'octocat',
        name: 'The Octocat',
        avatar_url: 'https://img.example/o',
      };
      github.emails = [
        { email: 'old@octo.example', primary: false, verified: true },
        { email: 'octo@octo.example', primary: true, verified: true },
      ];
    });

    it('tells of somebody by the number that stays, and by the primary address', async () => {
      const { outcome } = await finish(upstream, 'github');
      expect(outcome).to.deep.include({
        ok: true,
        identity: {
          providerId: 'github',
          issuer: github.url,
          sub: '583231',
          email: 'octo@octo.example',
          emailVerified: true,
          isEmailTrusted: false,
          name: 'The Octocat',
          picture: 'https://img.example/o',
        },
      });
      expect(github.scopes.at(-1)).to.equal('read:user user:email');
    });

    it('has verified no address but a primary one that it has verified', async () => {
      for (const [emails, email] of [
        [[{ email: 'octo@octo.example', primary: true, verified: false }], 'octo@octo.example'],
        [[{ email: 'octo@octo.example', primary: true, verified: 'true' }], 'octo@octo.example'],
        [[{ email: 'old@octo.example', primary: false, verified: true }], undefined],
        [[{ primary: true, verified: true }], undefined],
        [[null, 'x'], undefined],
        [{ message: 'not a list' }, undefined],
      ] as const) {
        github.emails = emails;
        const { outcome } = await finish(upstream, 'github');
        if (!outcome.ok) throw new Error(outcome.problem);
        expect(outcome.identity.emailVerified, JSON.stringify(emails)).to.equal(false);
        expect(outcome.identity.email).to.equal(email);
      }
    });

    it('is not believed without the number', async () => {
      for (const id of [undefined, '583231', 0, -1, 1.5, 2 ** 60]) {
        github.user = { id, login: 'octocat' };
        const { outcome } = await finish(upstream, 'github');
        expect(outcome, String(id)).to.include({ ok: false, problem: 'bad-answer' });
      }
    });

    it('says in its own way that a code was used, or that it does not know us', async () => {
      const victim = await begun(upstream, 'github');
      const { back: thief } = await finish(upstream, 'github');
      thief.searchParams.set('state', new URL(victim.url).searchParams.get('state') ?? '');
      const outcome = await upstream.finish('github', thief.searchParams, victim.browserSecret);
      expect(outcome).to.include({ ok: false, problem: 'start-again' });

      const { url } = github;
      const list = [
        {
          id: 'github',
          type: 'github',
          issuer: url,
          private_network: true,
          ...credentials,
          client_secret: 'x',
        },
      ];
      const unknown = await finish(pod.variant({ config: configWith(list) }), 'github');
      expect(unknown.outcome).to.include({ ok: false, problem: 'provider-error' });
      expect(await pod.readLog()).not.to.include('a-long-story');
    });

    it('is away when its API is', async () => {
      for (const [status, problem] of [
        [503, 'provider-away'],
        [429, 'provider-away'],
        [404, 'bad-answer'],
      ] as const) {
        github.apiStatus = status;
        expect((await finish(upstream, 'github')).outcome).to.include({ ok: false, problem });
      }
    });
  });

  describe('Microsoft and Google', () => {
    const issuer = new CrookedIssuer();
    const microsoft = 'https://login.microsoftonline.com';
    const google = 'https://accounts.google.com';
    const tenant = '9188040d-6c67-4c5b-b112-36a304b66dad';

    before(() => issuer.start());
    after(() => issuer.stop());
    beforeEach(() => issuer.reset());

    const outbound = createOutboundFetch({ mayBeHttp: true, privateHosts: 'all' });
    /** The network of this test: these two names lead to a server of our own. */
    const here = (url: string) => url.replace(microsoft, issuer.url).replace(google, issuer.url);
    const fetch: CustomFetch = (url, options) => outbound(here(url), options);

    function upstreamOf(environment: Record<string, string>, list: Record<string, unknown>[] = []): Upstream {
      return pod.variant({ fetch, config: configWith(list, environment) });
    }
    function standAt(origin: string, name: string): void {
      issuer.metadata = {
        issuer: name,
        authorization_endpoint: `${origin}/auth`,
        token_endpoint: `${origin}/token`,
        userinfo_endpoint: undefined,
        jwks_uri: `${origin}/jwks`,
      };
    }
    const asMicrosoft = {
      HOLDFAST_UPSTREAM_MICROSOFT_CLIENT_ID: credentials.client_id,
      HOLDFAST_UPSTREAM_MICROSOFT_CLIENT_SECRET: credentials.client_secret,
    };
    const asGoogle = {
      HOLDFAST_UPSTREAM_GOOGLE_CLIENT_ID: credentials.client_id,
      HOLDFAST_UPSTREAM_GOOGLE_CLIENT_SECRET: credentials.client_secret,
    };

    it('take a Microsoft token of the tenant that it names, and of no other', async () => {
      standAt(microsoft, `${microsoft}/{tenantid}/v2.0`);
      const upstream = upstreamOf(asMicrosoft);
      issuer.claims = { iss: `${microsoft}/${tenant}/v2.0`, tid: tenant };
      const { outcome } = await finish(upstream, 'microsoft', here);
      expect(outcome).to.deep.nested.include({ ok: true, 'identity.issuer': `${microsoft}/${tenant}/v2.0` });
      expect(issuer.requests).to.include('/common/v2.0/.well-known/openid-configuration');

      for (const claims of [
        { iss: `${microsoft}/${tenant}/v2.0`, tid: '11111111-6c67-4c5b-b112-36a304b66dad' },
        { iss: `${microsoft}/${tenant}/v2.0`, tid: undefined },
        { iss: `${microsoft}/{tenantid}/v2.0`, tid: tenant },
        { iss: 'https://evil.example/v2.0', tid: tenant },
      ]) {
        issuer.claims = claims;
        const wrong = await finish(upstream, 'microsoft', here);
        expect(wrong.outcome, JSON.stringify(claims)).to.include({ ok: false, problem: 'bad-answer' });
      }
    });

    it('take a Microsoft token of the one tenant that is set', async () => {
      standAt(microsoft, `${microsoft}/${tenant}/v2.0`);
      const upstream = upstreamOf({ ...asMicrosoft, HOLDFAST_UPSTREAM_MICROSOFT_TENANT: tenant });
      issuer.claims = { iss: `${microsoft}/${tenant}/v2.0`, tid: tenant };
      expect((await finish(upstream, 'microsoft', here)).outcome).to.include({ ok: true });
      const other = '11111111-6c67-4c5b-b112-36a304b66dad';
      issuer.claims = { iss: `${microsoft}/${other}/v2.0`, tid: other };
      expect((await finish(upstream, 'microsoft', here)).outcome).to.include({
        ok: false,
        problem: 'bad-answer',
      });
    });

    it('do not count an address of Microsoft that a tenant has only written down', async () => {
      standAt(microsoft, `${microsoft}/{tenantid}/v2.0`);
      const list = [
        { id: 'work', type: 'microsoft', tenant: 'organizations', trusted_email: true, ...credentials },
        // The same by its address is the same.
        {
          id: 'plain',
          name: 'Plain',
          issuer: `${microsoft}/common/v2.0`,
          trusted_email: true,
          ...credentials,
        },
      ];
      const upstream = upstreamOf({}, list);
      const token = { iss: `${microsoft}/${tenant}/v2.0`, tid: tenant, email: 'victim@example.com' };
      for (const id of ['work', 'plain']) {
        issuer.claims = { ...token, email_verified: true };
        const { outcome } = await finish(upstream, id, here);
        expect(outcome, id).to.deep.nested.include({
          'identity.email': 'victim@example.com',
          'identity.emailVerified': false,
          'identity.isEmailTrusted': false,
        });
        issuer.claims = { ...token, xms_edov: true };
        const owned = await finish(upstream, id, here);
        expect(owned.outcome, id).to.deep.nested.include({ 'identity.emailVerified': true });
      }
    });

    it('trust Google, where told to, with its own addresses and those of domains that it hosts', async () => {
      standAt(google, google);
      const trusted = [{ id: 'g', type: 'google', trusted_email: true, ...credentials }];
      for (const [claims, isTrusted] of [
        [{ email: 'grace@gmail.com' }, true],
        [{ email: 'grace@acme.example', hd: 'acme.example' }, true],
        [{ email: 'grace@acme.example' }, false],
        [{ email: 'grace@gmail.com.evil.example' }, false],
      ] as const) {
        issuer.claims = { iss: google, email_verified: true, name: 'Grace', ...claims };
        for (const [upstream, id, expected] of [
          [upstreamOf({}, trusted), 'g', isTrusted],
          [upstreamOf(asGoogle), 'google', false],
        ] as const) {
          const { outcome } = await finish(upstream, id, here);
          expect(outcome, JSON.stringify(claims)).to.deep.nested.include({
            'identity.emailVerified': true,
            'identity.isEmailTrusted': expected,
          });
        }
      }
    });
  });
});
