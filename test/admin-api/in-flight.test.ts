import { get, type IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { type AdminPerson, type AdminProvider, startAdminProvider } from './admin-provider.ts';

/** Longer than anything here takes when it is right; what a test waits for comes far earlier. */
const patienceMs = 30_000;

describe('a request to the admin API whose sender is ended while it runs', () => {
  let provider: AdminProvider;
  let ownerToken: string;

  before(async () => {
    provider = await startAdminProvider();
    ownerToken = await provider.personToken(await provider.addPerson('olga', ['owner']));
  });
  after(() => provider?.stop());

  async function disable({ id }: AdminPerson): Promise<void> {
    const reply = await provider.api(ownerToken, 'POST', `/accounts/${id}/disable`);
    expect(reply.status, reply.body).to.equal(200);
  }

  async function until(isSo: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + patienceMs;
    while (!(await isSo())) {
      if (Date.now() > end) expect.fail('it does not come');
      await pause(10);
    }
  }

  it('leaves the rows of a bulk change that are not done yet, and says so', async () => {
    const manager = await provider.addPerson('amy', ['account-manager']);
    const token = await provider.personToken(manager);
    const before = await provider.parts.directory.count();
    const rows = Array.from({ length: 60 }, (_, i) => ({
      action: 'create',
      account: { email: `made-${i}@example.net`, password: `a rather long passphrase ${i} of mine` },
    }));
    const running = provider.api(token, 'POST', '/accounts/bulk', { body: { rows } });
    await until(async () => (await provider.parts.directory.count()) > before);
    await disable(manager);
    const reply = await running;
    expect(reply.status, reply.body).to.equal(200);
    const results = reply.json.results as { status: number; id: string; problem: { type: string } | null }[];
    expect(results).to.have.lengthOf(60);
    const done = results.filter(({ status }) => status === 201);
    const left = results.filter(({ status }) => status === 403);
    expect(done.length, 'begun before').to.be.within(1, 40);
    expect(done.length + left.length).to.equal(60);
    for (const { problem } of left) expect(problem?.type).to.equal('ended');
    expect(await provider.parts.directory.count()).to.equal(before + done.length);
  });

  it('takes up what the sender may do since, row by row', async () => {
    const manager = await provider.addPerson('ann', ['account-manager']);
    const token = await provider.personToken(manager);
    const reader = { name: 'Reader', description: '', permissions: ['accounts:read' as const], claims: {} };
    expect((await provider.parts.access.roles.create('reader', reader)).ok).to.equal(true);
    const before = await provider.parts.directory.count();
    const rows = Array.from({ length: 60 }, (_, i) => ({
      action: 'create',
      account: { email: `late-${i}@example.net`, password: `a rather long passphrase ${i} of mine` },
    }));
    const running = provider.api(token, 'POST', '/accounts/bulk', { body: { rows } });
    await until(async () => (await provider.parts.directory.count()) > before);
    expect(
      (await provider.parts.administer.update(manager.id, undefined, { roles: ['reader'] })).ok,
    ).to.equal(true);
    const results = (await running).json.results as { problem: { type: string } | null }[];
    expect(results.at(-1)?.problem?.type).to.equal('insufficient-scope');
  });

  it('tells who waited for events nothing of those that came later', async () => {
    const auditor = await provider.addPerson('audrey', ['auditor']);
    const token = await provider.personToken(auditor);
    const now = await provider.api(token, 'GET', '/audit/tail?wait_seconds=0');
    const path = `/audit/tail?wait_seconds=25&kind=client.created&after=${String(now.json.last)}`;
    const held = provider.api(token, 'GET', path);
    await pause(100);
    await disable(auditor);
    const made = await provider.api(ownerToken, 'POST', '/clients', {
      body: { client_name: 'After the end', redirect_uris: ['https://x.example/cb'] },
    });
    expect(made.status, made.body).to.equal(201);
    const reply = await held;
    expect(reply.status, reply.body).to.equal(403);
    expect(reply.json).to.not.have.property('items');
    expect(reply.json.type).to.match(/#problem-ended$/);
  });

  it('breaks an export off, so that it is not taken for whole', async () => {
    const auditor = await provider.addPerson('aude', ['auditor']);
    const token = await provider.personToken(auditor);
    const { events } = provider.parts;
    const after = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`field ${i}`, 'x'.repeat(900)]));
    const actor = { kind: 'account', id: 'x', name: 'somebody' } as const;
    for (let made = 0; made < 2400; made += 200) {
      const event = { kind: 'account.updated', outcome: 'success', actor, after } as const;
      await Promise.all(Array.from({ length: 200 }, () => events.record(event)));
    }
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const url = new URL('/admin/api/v1/audit/export', provider.pods[0]?.url);
      get(url, { headers: { host: 'id.example', authorization: `Bearer ${token}` } }, resolve).once(
        'error',
        reject,
      );
    });
    expect(answer.statusCode).to.equal(200);
    // Read no further than the first block: what is sent waits for its reader.
    answer.pause();
    await disable(auditor);
    let bytes = 0;
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    const end = await new Promise<string>((resolve) => {
      answer.once('end', () => resolve('whole'));
      answer.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      answer.resume();
    });
    expect(end, `${bytes} bytes`).to.equal('ECONNRESET');
  });
});
