import { expect } from 'chai';
import type { Reply } from '../support/person.ts';
import { startProvider, type TestProvider } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { type EngineIssuer, startEngineIssuer } from '../upstream/engine-issuer.ts';
import { SmallBrowser } from '../upstream/small-browser.ts';
import { entry } from '../upstream/upstream-fixture.ts';
import { decode, elsewhere, formTo, newVisitor, noticeOf, type Visitor } from './console-fixture.ts';

const page = '/account/providers';

describe('the self-service page about other providers', () => {
  let redis: Topology;
  let acme: EngineIssuer;
  let provider: TestProvider;
  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    acme = await startEngineIssuer('http://id.example/upstream/callback/acme');
    provider = await startProvider(redis.url, 2, {
      HOLDFAST_UPSTREAM: JSON.stringify([
        entry('acme', acme.url, { name: 'Acme' }),
        entry('away', 'http://127.0.0.1:1', { name: 'Away' }),
      ]),
    });
  });
  after(async () => {
    await provider?.stop();
    await Promise.all([redis?.stop(), acme?.stop()]);
  });

  async function linkTo(visitor: Visitor, name: string): Promise<string> {
    const { body } = await visitor.open(page);
    const [, path = ''] = new RegExp(`href="([^"]*)">Connect with ${name}<`).exec(body) ?? [];
    return decode(path);
  }

  /** To the other provider and back; the callback is not asked yet. */
  async function walk(visitor: Visitor, sub: string): Promise<string> {
    acme.person = { sub, email: `${sub}@acme.example`, email_verified: true, name: sub };
    const away = await visitor.person.request(await linkTo(visitor, 'Acme'));
    const back = await new SmallBrowser().follow(away.location ?? '', provider.issuer);
    return back.pathname + back.search;
  }

  async function link(visitor: Visitor, sub: string): Promise<Reply> {
    return visitor.person.request(await walk(visitor, sub));
  }

  it('links an identity, shows it, and unlinks it', async () => {
    const visitor = await newVisitor(provider);
    expect((await visitor.open('/account')).body).to.include('Other sign-ins');
    const linked = await link(visitor, 'grace');
    expect(linked.location).to.equal(`${page}?done=provider-linked`);
    const shown = await visitor.open(`${page}?done=provider-linked`);
    expect(noticeOf(shown)).to.equal('Connected. You can sign in with it from now on.');
    expect(shown.body).to.include('grace@acme.example');
    const unlinking = formTo(shown.body, `${page}/unlink`);
    const [identity] = await provider.parts.upstream.list(visitor.id);
    const reply = await visitor.post(unlinking, { identity: identity?.identityId ?? '' });
    expect(reply.location).to.equal(`${page}?done=provider-unlinked`);
    expect(await provider.parts.upstream.list(visitor.id)).to.deep.equal([]);
    const { body } = await visitor.open('/account/activity');
    expect(body).to.include('Connected with another provider').and.include('No longer connected');

    const again = await visitor.post(unlinking, { identity: identity?.identityId ?? '' });
    expect(again.status).to.equal(404);
  });

  it("takes no identity that is somebody else's, nor their link", async () => {
    const [owner, visitor] = [await newVisitor(provider), await newVisitor(provider)];
    await link(owner, 'heidi');
    expect((await link(visitor, 'heidi')).location).to.equal(`${page}?problem=identity-taken`);
    await link(visitor, 'ivan');
    const [theirs] = await provider.parts.upstream.list(owner.id);
    const form = formTo((await visitor.open(page)).body, `${page}/unlink`);
    expect((await visitor.post(form, { identity: theirs?.identityId ?? '' })).status).to.equal(404);
    expect(await provider.parts.upstream.list(owner.id)).to.have.length(1);
  });

  it('links to the account that asked for it alone, in the browser that it asked in', async () => {
    const [owner, visitor] = [await newVisitor(provider), await newVisitor(provider)];
    // Somebody has the victim's browser open the callback of their own identity.
    const callback = await walk(owner, 'mallory');
    await visitor.open('/account');
    expect((await visitor.person.request(callback)).status).to.equal(400);
    // Somebody else has signed in to the same browser meanwhile.
    const jar = visitor.person.cookies as Map<string, unknown>;
    jar.set('holdfast_upstream', owner.person.cookies.get('holdfast_upstream'));
    expect((await visitor.person.request(callback)).location).to.equal(`${page}?problem=link-again`);
    for (const { id } of [owner, visitor]) {
      expect(await provider.parts.upstream.list(id)).to.deep.equal([]);
    }
  });

  it('begins nothing for a link that another page made up', async () => {
    const visitor = await newVisitor(provider);
    const own = await linkTo(visitor, 'Acme');
    const foreign = await linkTo(await newVisitor(provider), 'Acme');
    const otherProvider = own.replace('/acme/', '/away/');
    for (const path of [`${page}/acme/link`, `${page}/acme/link?token=x`, foreign, otherProvider]) {
      const reply = await visitor.person.request(path);
      expect(reply.status, path).to.equal(400);
      expect(noticeOf(reply)).to.include('nothing has been changed');
    }
    const signedOut = await elsewhere(provider, visitor).person.request(own);
    expect(signedOut.location).to.match(/^\/auth\?/);
  });

  it('says so when the person refuses there, or the provider is away', async () => {
    const visitor = await newVisitor(provider);
    acme.refuses = true;
    try {
      expect((await link(visitor, 'judy')).location).to.equal(`${page}?problem=provider-refused`);
    } finally {
      acme.refuses = false;
    }
    const away = await visitor.person.request(await linkTo(visitor, 'Away'));
    expect(away.location).to.equal(`${page}?problem=provider-away`);
    expect(noticeOf(await visitor.open(away.location ?? ''))).to.include('does not answer right now');
  });
});
