import { expect } from 'chai';
import { type AdminProvider, startAdminProvider } from './admin-provider.ts';

describe('what the admin API answers, and when', () => {
  let provider: AdminProvider;
  let token: string;

  before(async () => {
    provider = await startAdminProvider();
    token = await provider.personToken(await provider.addPerson('olga', ['owner']));
  });
  after(() => provider?.stop());

  it('takes numbers in digits alone', async () => {
    const paths = (number: string) => [
      `/accounts?limit=${number}`,
      `/audit?limit=${number}`,
      `/audit/tail?wait_seconds=${number}`,
    ];
    for (const odd of [
      '0x10',
      '1e1',
      '010',
      '+1',
      '%201',
      '1.0',
      '',
      '-0',
      'Infinity',
      '1&limit=2',
      'true',
    ]) {
      const [first = '', ...others] = paths(odd);
      for (const path of odd.includes('&') ? [first] : [first, ...others]) {
        const reply = await provider.api(token, 'GET', path);
        expect(reply.status, `${path} ${reply.body.slice(0, 200)}`).to.equal(400);
      }
    }
    for (const path of paths('1')) {
      expect((await provider.api(token, 'GET', path)).status, path).to.equal(200);
    }
  });

  it('proves the audit once at a time on a pod', async () => {
    const event = { kind: 'sign-in.succeeded', outcome: 'success', actor: { kind: 'system' } } as const;
    for (let made = 0; made < 3000; made += 300) {
      await Promise.all(Array.from({ length: 300 }, () => provider.parts.events.record(event)));
    }
    const prove = () => provider.api(token, 'POST', '/audit/verify', { pod: 0 });
    const replies = await Promise.all(Array.from({ length: 12 }, prove));
    const busy = replies.filter(({ status }) => status === 429);
    expect(busy.length).to.be.within(1, 11);
    expect(replies.filter(({ status }) => status === 200)).to.have.lengthOf(12 - busy.length);
    expect(busy[0]?.headers.get('retry-after')).to.equal('10');
    expect(busy[0]?.json.type).to.match(/#problem-busy$/);
    expect((await prove()).status).to.equal(200);
  });

  it('tells of an invitation that could not be mailed, beside the account that was made', async () => {
    const invite = (email: string) =>
      provider.api(token, 'POST', '/accounts', { body: { email, send_invitation: true } });
    const sent = await invite('early@example.net');
    expect(sent.status, sent.body).to.equal(201);
    expect(sent.json.warning).to.equal(null);
    for (let asked = 0; asked < 12; asked += 1) {
      await provider.parts.flows.resetPassword.request('late@example.net', {});
    }
    const late = await invite('late@example.net');
    expect(late.status, late.body).to.equal(201);
    expect(late.json.warning).to.include('no mail was sent');
    const there = await provider.api(token, 'GET', `/accounts/${String(late.json.id)}`);
    expect(there.json).to.include({ email: 'late@example.net' }).and.not.have.property('warning');
  });
});
