import { expect } from 'chai';
import { startSmtp, type TestSmtp } from '../mail/smtp-fixture.ts';
import { authorizationRequest, authorize } from '../support/person.ts';
import { clients, startProvider, type TestProvider, type Tokens } from '../support/provider.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import {
  addApp,
  at,
  credentialsOf,
  elsewhere,
  formTo,
  headingOf,
  newVisitor,
  noticeOf,
} from './console-fixture.ts';

const dataPage = '/account/data';
const deletePage = '/account/delete';

describe('taking one’s data along, and leaving', () => {
  let redis: Topology;
  let smtp: TestSmtp;
  let provider: TestProvider;
  before(async () => {
    [redis, smtp] = await Promise.all([startStandalone({ appendOnly: false }), startSmtp()]);
    provider = await startProvider(redis.url, 3, {
      HOLDFAST_SMTP_URL: `smtp://127.0.0.1:${smtp.port}`,
      HOLDFAST_MAIL_FROM: 'Holdfast <id@example.org>',
      HOLDFAST_UNSAFE_ALLOW_PLAIN_SMTP: 'true',
    });
  });
  after(async () => {
    await provider?.stop();
    await Promise.all([redis?.stop(), smtp?.stop()]);
  });

  async function use(visitor: Awaited<ReturnType<typeof newVisitor>>): Promise<Tokens> {
    const extra = { scope: 'openid offline_access', prompt: 'consent' };
    const { path, verifier } = authorizationRequest(clients.third, extra);
    const answer = await authorize(visitor.person, path, credentialsOf(visitor), clients.third.redirectUri);
    return (await provider.exchange(clients.third, answer.code ?? '', verifier)).json as Tokens;
  }

  it('gives a file with all that is kept, and nothing that opens a door', async () => {
    const visitor = await newVisitor(provider, { name: 'Vera' });
    await use(visitor);
    await addApp(visitor, 'Phone');
    const made = await provider.parts.factors.recoveryCodes.replace(visitor.id);
    if (!made.ok) throw new Error(made.problem);
    const reply = await visitor.send(dataPage, {}, `${dataPage}/download`);
    expect(reply.status).to.equal(200);
    expect(reply.headers.get('content-disposition')).to.equal('attachment; filename="holdfast-account.json"');
    expect(reply.headers.get('cache-control')).to.equal('no-store');
    const data = JSON.parse(reply.body);
    expect(data.account).to.deep.include({ id: visitor.id, email: visitor.email, hasPassword: true });
    expect(data.account.profile).to.deep.equal({ name: 'Vera' });
    expect(data.factors.map(({ kind }: { kind: string }) => kind)).to.have.members([
      'totp',
      'recovery-codes',
    ]);
    expect(data.sessions[0]).to.deep.include({ isThis: true, applications: ['third'] });
    expect(data.applications).to.deep.equal([
      { clientId: 'third', name: 'third', scopes: ['openid', 'offline_access'], resources: {} },
    ]);
    expect(data.activity.map(({ kind }: { kind: string }) => kind)).to.include.members([
      'factor-added',
      'data-downloaded',
    ]);
    for (const secret of [visitor.secret ?? 'no secret', ...made.codes, 'argon2', 'passwordHash', 'hashes']) {
      expect(reply.body).to.not.include(secret);
    }
  });

  it('deletes nothing when the address is another', async () => {
    const visitor = await newVisitor(provider);
    for (const email of ['', 'other@example.org', 'visitor']) {
      const reply = await visitor.send(deletePage, { email });
      expect(reply.status).to.equal(400);
      expect(noticeOf(reply)).to.equal('That is not your email address. Nothing has been deleted.');
    }
    expect(await provider.parts.accounts.find(visitor.id)).to.include({ status: 'active' });
  });

  it('keeps the only owner, and all that they are signed in to', async () => {
    const visitor = await newVisitor(provider);
    await provider.parts.administer.update(visitor.id, undefined, { roles: ['owner'] });
    const refused = await visitor.send(deletePage, { email: visitor.email });
    expect(refused.status).to.equal(400);
    expect(noticeOf(refused)).to.include('the only owner of this service');
    expect((await visitor.open('/account')).status).to.equal(200);
    expect(await provider.parts.accounts.find(visitor.id)).to.deep.include({ roles: ['owner'] });

    const next = await newVisitor(provider);
    await provider.parts.administer.update(next.id, undefined, { roles: ['owner'] });
    await visitor.send(deletePage, { email: visitor.email });
    expect(await provider.parts.accounts.find(visitor.id)).to.equal(undefined);
  });

  it('ends everything at once on every pod, says goodbye, and frees the address', async () => {
    const visitor = await newVisitor(provider);
    const there = elsewhere(provider, visitor);
    await there.open('/account');
    const tokens = await use(visitor);
    await addApp(visitor);
    const { browsers } = provider.parts.factors;
    const page = await visitor.open(deletePage);
    expect(page.body).to.include('You are signed out on every device.');
    const reply = await visitor.post(formTo(page.body, deletePage), {
      email: ` ${visitor.email.toUpperCase()} `,
    });
    expect(reply.location).to.equal('/account/goodbye');

    for (const pod of provider.pods) {
      for (const browser of [visitor, there]) {
        const { status } = await at(pod.url, provider.issuer, browser, '/account');
        expect(status).to.equal(303);
      }
    }
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token };
    for (let pod = 0; pod < provider.pods.length; pod++) {
      expect((await provider.post('/token', form, { client: clients.third, pod })).status).to.equal(400);
      const authorization = `Bearer ${tokens.access_token}`;
      expect((await provider.get('/me', { authorization }, pod)).status).to.equal(401);
    }
    const goodbye = await visitor.person.request('/account/goodbye');
    expect(headingOf(goodbye)).to.equal('Your account is deleted');
    expect(goodbye.headers.get('cache-control')).to.equal('no-store');
    await smtp.until((mails) =>
      mails.some(({ to, email }) => to.includes(visitor.email) && /deleted/i.test(email.subject ?? '')),
    );

    const { parts } = provider;
    expect(await parts.accounts.find(visitor.id)).to.equal(undefined);
    expect(await parts.factors.list(visitor.id)).to.deep.equal([]);
    expect(await browsers.list(visitor.id)).to.deep.equal([]);
    expect(await parts.activity.list(visitor.id)).to.deep.equal([]);
    expect(await parts.oidc.signedIn.sessions(visitor.id)).to.deep.equal([]);
    const again = await parts.accounts.create({ email: visitor.email });
    expect(again.ok).to.equal(true);
  });

  it('is done once by twenty forms at once, and by one that is sent again', async () => {
    const visitor = await newVisitor(provider);
    const form = formTo((await visitor.open(deletePage)).body, deletePage);
    const { email } = visitor;
    const replies = await Promise.all(Array.from({ length: 20 }, () => visitor.post(form, { email })));
    for (const { status } of replies) expect(status).to.equal(303);
    expect(replies.some(({ location }) => location === '/account/goodbye')).to.equal(true);
    expect(await provider.parts.accounts.find(visitor.id)).to.equal(undefined);
    expect((await visitor.post(form, { email })).location).to.match(/^\/auth\?/);
  });
});
