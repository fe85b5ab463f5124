import { expect } from 'chai';
import { authorizationRequest, authorize, type Reply } from '../support/person.ts';
import { clients, startProvider, type TestProvider, type Tokens } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import {
  at,
  credentialsOf,
  elsewhere,
  formTo,
  newVisitor,
  noticeOf,
  type Visitor,
} from './console-fixture.ts';

const sessionsPage = '/account/sessions';
const applicationsPage = '/account/applications';

describe('the self-service pages about devices and applications', () => {
  let redis: Topology;
  let provider: TestProvider;
  before(async () => {
    redis = await startStandalone({ appendOnly: false });
    provider = await startProvider(redis.url, 3);
  });
  after(async () => {
    await provider?.stop();
    await redis?.stop();
  });

  const uidsOf = async ({ id }: { id: string }) =>
    (await provider.parts.oidc.signedIn.sessions(id)).map(({ uid }) => uid);

  /** Whether this browser is signed in, as each pod sees it. */
  async function isSignedIn(visitor: Visitor): Promise<boolean[]> {
    const replies = await Promise.all(
      provider.pods.map(({ url }) => at(url, provider.issuer, visitor, sessionsPage)),
    );
    return replies.map(({ status }) => status === 200);
  }
  const everywhere = [true, true, true];
  const nowhere = [false, false, false];

  const endForm = async (visitor: Visitor, action: string) =>
    formTo((await visitor.open(sessionsPage)).body, `${sessionsPage}/${action}`);

  /** Signs the person in to an application in this browser. */
  async function use(
    visitor: Visitor,
    client: (typeof clients)[keyof typeof clients],
    extra = {},
  ): Promise<Tokens> {
    const { path, verifier } = authorizationRequest(client, extra);
    const answer = await authorize(visitor.person, path, credentialsOf(visitor), client.redirectUri);
    const reply = await provider.exchange(client, answer.code ?? '', verifier);
    if (reply.status !== 200) throw new Error(reply.body);
    return reply.json as Tokens;
  }

  async function refresh(
    client: (typeof clients)[keyof typeof clients],
    { refresh_token }: Tokens,
  ): Promise<number> {
    const form = { grant_type: 'refresh_token', refresh_token };
    return (await provider.post('/token', form, { client })).status;
  }

  it('list where the person is signed in, this browser first, with what is used there', async () => {
    const visitor = await newVisitor(provider);
    const there = elsewhere(provider, visitor);
    await use(there, clients.third);
    const page = await visitor.open(sessionsPage);
    expect(page.body.match(/class="account-item"/g)).to.have.length(2);
    expect(page.body.indexOf('This browser')).to.be.lessThan(page.body.indexOf('Sign out there'));
    expect(page.body).to.match(/<bdi class="account-tag account-tag-plain">third<\/bdi>/);
    expect(page.body).to.include('127.0.0.1');
    expect(page.body).to.not.include('>Holdfast</bdi>');
  });

  it('end one, which is over on every pod at once', async () => {
    const visitor = await newVisitor(provider);
    const there = elsewhere(provider, visitor);
    await there.open('/account');
    const [theirs = ''] = await uidsOf(visitor);
    const form = await endForm(visitor, 'end');
    expect(await isSignedIn(there)).to.deep.equal(everywhere);
    const reply = await visitor.post(form, { session: theirs });
    expect(reply.location).to.equal(`${sessionsPage}?done=session-ended`);
    expect(await isSignedIn(there)).to.deep.equal(nowhere);
    expect(await isSignedIn(visitor)).to.deep.equal(everywhere);

    const again = await visitor.post(form, { session: theirs });
    expect(again.status).to.equal(404);
    expect(noticeOf(again)).to.equal('That device is not signed in any more.');
    const ended = (await provider.parts.activity.list(visitor.id)).filter(
      ({ kind }) => kind === 'session-ended',
    );
    expect(ended).to.have.length(1);
  });

  it("do not find somebody else's, and leave it alone", async () => {
    const [owner, visitor] = [await newVisitor(provider), await newVisitor(provider)];
    await owner.open('/account');
    await elsewhere(provider, visitor).open('/account');
    const [theirs = ''] = await uidsOf(owner);
    const form = await endForm(visitor, 'end');
    for (const session of [theirs, 'made-up', '../x']) {
      expect((await visitor.post(form, { session })).status, session).to.equal(404);
    }
    expect(await isSignedIn(owner)).to.deep.equal(everywhere);
  });

  it('end all others by twenty requests at once, and never the one that asks', async () => {
    const visitor = await newVisitor(provider);
    const others = Array.from({ length: 6 }, () => elsewhere(provider, visitor));
    await Promise.all(others.map((other) => other.open('/account')));
    const form = await endForm(visitor, 'end-others');
    const replies = await Promise.all(Array.from({ length: 20 }, () => visitor.post(form)));
    for (const { location } of replies) expect(location).to.equal(`${sessionsPage}?done=sessions-ended`);
    expect(await isSignedIn(visitor)).to.deep.equal(everywhere);
    for (const other of others) expect(await isSignedIn(other)).to.deep.equal(nowhere);
    expect(await uidsOf(visitor)).to.have.length(1);
    expect((await visitor.open(sessionsPage)).body).to.include('signed in nowhere else');
  });

  it('list the applications with what they may do, in words', async () => {
    const visitor = await newVisitor(provider);
    expect((await visitor.open(applicationsPage)).body).to.include('No app has access to your account.');
    await use(visitor, clients.third, { scope: 'openid profile offline_access', prompt: 'consent' });
    const { body } = await visitor.open(applicationsPage);
    expect(body).to.include('<bdi>third</bdi>');
    expect(body)
      .to.include('See your name and your profile')
      .and.include('Keep this access while you are away');
    expect(body).to.include('can no longer act for you while you are away');
    expect(body).to.not.include('holdfast-account');
  });

  it('take the access of an application away on every pod, and leave the others theirs', async () => {
    const visitor = await newVisitor(provider);
    const third = await use(visitor, clients.third, { scope: 'openid offline_access', prompt: 'consent' });
    const second = await use(visitor, clients.second, { scope: 'openid offline_access', prompt: 'consent' });
    const form = formTo((await visitor.open(applicationsPage)).body, applicationsPage);
    const reply = await visitor.post(form, { application: 'third' });
    expect(reply.location).to.equal(`${applicationsPage}?done=application-removed`);
    expect(await refresh(clients.third, third)).to.equal(400);
    expect(await refresh(clients.second, second)).to.equal(200);
    for (let pod = 0; pod < provider.pods.length; pod++) {
      const { status } = await provider.get('/me', { authorization: `Bearer ${third.access_token}` }, pod);
      expect(status).to.equal(401);
    }
    const { body } = await visitor.open('/account/activity');
    expect(body).to.include('Access taken away from an app').and.include('third');

    const again: Reply = await visitor.post(form, { application: 'third' });
    expect(again.status).to.equal(404);
    expect(noticeOf(again)).to.equal('That app has no access any more.');
    for (const application of ['holdfast-account', 'nobody']) {
      expect((await visitor.post(form, { application })).status, application).to.equal(404);
    }
    expect(await isSignedIn(visitor)).to.deep.equal(everywhere);
  });
});
