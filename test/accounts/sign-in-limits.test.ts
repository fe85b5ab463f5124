import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { addressBlocks } from '../../src/accounts/address-blocks.ts';
import {
  type Attempt,
  createSignInLimits,
  defaultRules,
  type LimitRules,
  type Ticket,
} from '../../src/accounts/sign-in-limits.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { type AccountFixture, openAccounts } from './account-fixture.ts';

describe('the sign-in limits', () => {
  let topology: Topology;
  let pods: AccountFixture[];
  let prefix: string;
  let number = 0;

  before(async () => {
    topology = await startStandalone();
  });
  beforeEach(async () => {
    prefix = `${randomBytes(6).toString('hex')}:`;
    pods = await Promise.all([1, 2, 3].map(() => openAccounts(topology.url, prefix)));
  });
  afterEach(async () => {
    await Promise.all(pods.map((pod) => pod.close()));
  });
  after(() => topology?.stop());

  const freshEmail = () => `person-${++number}@example.com`;
  const freshAddress = () => `10.${number >> 8}.${++number & 255}.1`;

  function limitsOn(pod: number, rules: Partial<LimitRules> = {}, perMinute = 100_000) {
    const { store, ring } = pods[pod] as AccountFixture;
    const limits = { passwordFailuresPerMinute: perMinute, addressFactor: 1 };
    return createSignInLimits({ store, ring, rules, config: { limits } });
  }

  function refused(attempt: Attempt) {
    if (attempt.ok) throw new Error('the attempt was let through');
    return attempt;
  }

  function ticketOf(attempt: Attempt): Ticket {
    if (!attempt.ok) throw new Error('the attempt was refused');
    return attempt.ticket;
  }

  /** Every counter that there is, by its key. */
  async function counters(): Promise<string[]> {
    return (await pods[0]?.store.call('KEYS', `${prefix}{limits}:*`)) as string[];
  }

  /** As if the waits that run had passed. */
  async function letWaitsPass(): Promise<void> {
    for (const key of await counters()) {
      const store = pods[0]?.store;
      if ((await store?.call('TYPE', key)) === 'hash') await store?.call('HSET', key, 'next', 0);
    }
  }

  async function sendAtOnce(count: number, rules: Partial<LimitRules>): Promise<Attempt[]> {
    const limits = [0, 1, 2].map((pod) => limitsOn(pod, rules));
    const email = freshEmail();
    return Promise.all(
      Array.from({ length: count }, (_, i) =>
        // From as many addresses, so that the account's own limit decides.
        limits[i % 3]?.password({ email, address: `192.0.${i}.1` }),
      ),
    ) as Promise<Attempt[]>;
  }

  it('lets exactly five of 101 wrong passwords through that are sent at once over three pods', async () => {
    const attempts = await sendAtOnce(101, { password: { ...defaultRules.password, firstMs: 60_000 } });
    expect(attempts.filter(({ ok }) => ok)).to.have.lengthOf(5);
    for (const attempt of attempts) if (!attempt.ok) expect(attempt.retryAfterSeconds).to.be.within(1, 60);
  });

  it('lets exactly a hundred in a row through where nothing else slows them down', async () => {
    const attempts = await sendAtOnce(101, { password: { ...defaultRules.password, free: 1000 } });
    expect(attempts.filter(({ ok }) => ok)).to.have.lengthOf(100);
    expect(attempts.filter((attempt) => !attempt.ok && attempt.needsReset)).to.have.lengthOf(1);
  });

  it('keeps all but five of 101 wrong passwords over three pods from being hashed, known account or not', async () => {
    const known = freshEmail();
    await pods[0]?.accounts.create({ email: known, password: 'correct horse battery staple' });
    const finished = () => pods.reduce((sum, { hasher }) => sum + hasher.load().finished, 0);
    const limits = [0, 1, 2].map((pod) =>
      limitsOn(pod, { password: { ...defaultRules.password, firstMs: 60_000 } }),
    );
    for (const email of [known, freshEmail()]) {
      const before = finished();
      await Promise.all(
        Array.from({ length: 101 }, async (_, i) => {
          const passed = await limits[i % 3]?.password({ email, address: `192.0.${i}.1` });
          if (passed?.ok) await pods[i % 3]?.accounts.checkPassword(email, `a wrong password ${i}`);
        }),
      );
      expect(finished() - before).to.equal(5);
    }
  });

  it('makes an account wait ever longer after five failures, up to a quarter of an hour', async () => {
    const limits = limitsOn(0);
    const email = freshEmail();
    for (let i = 0; i < 5; i++) ticketOf(await limits.password({ email, address: freshAddress() }));
    const waits: number[] = [];
    for (let i = 0; i < 13; i++) {
      waits.push(refused(await limits.password({ email, address: freshAddress() })).retryAfterSeconds);
      await letWaitsPass();
      ticketOf(await limits.password({ email, address: freshAddress() }));
    }
    expect(waits).to.deep.equal([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
  });

  it('does not make the wait longer by attempts that it refuses', async () => {
    const limits = limitsOn(0);
    const email = freshEmail();
    for (let i = 0; i < 6; i++) {
      await letWaitsPass();
      ticketOf(await limits.password({ email, address: freshAddress() }));
    }
    for (let i = 0; i < 20; i++) {
      expect(refused(await limits.password({ email, address: freshAddress() })).retryAfterSeconds).to.equal(
        2,
      );
    }
  });

  it('begins anew for an account after a success, and takes no failure of others from it', async () => {
    const limits = limitsOn(0);
    const [email, address] = [freshEmail(), freshAddress()];
    for (let i = 0; i < 4; i++) ticketOf(await limits.password({ email, address }));
    await limits.succeeded(ticketOf(await limits.password({ email, address })));
    for (let i = 0; i < 5; i++) ticketOf(await limits.password({ email, address }));
    refused(await limits.password({ email, address }));
  });

  it('counts successes against nobody, and failures against their address and block', async () => {
    const limits = limitsOn(0, {
      passwordAddress: { kind: 'window', most: 3, lengthMs: 60_000 },
      passwordBlock: { kind: 'window', most: 5, lengthMs: 60_000 },
    });
    for (let i = 0; i < 12; i++) {
      await limits.succeeded(
        ticketOf(await limits.password({ email: freshEmail(), address: '198.51.100.1' })),
      );
    }
    const fail = (address: string) => limits.password({ email: freshEmail(), address });
    for (let i = 0; i < 3; i++) ticketOf(await fail('198.51.100.1'));
    expect(refused(await fail('198.51.100.1')).retryAfterSeconds).to.be.within(1, 60);
    for (let i = 0; i < 2; i++) ticketOf(await fail('198.51.100.2'));
    refused(await fail('198.51.100.3'));
    ticketOf(await fail('198.51.101.1'));
  });

  it('counts a whole /64 as one sender, and a /48 as one block', async () => {
    const limits = limitsOn(0, {
      passwordAddress: { kind: 'window', most: 2, lengthMs: 60_000 },
      passwordBlock: { kind: 'window', most: 3, lengthMs: 60_000 },
    });
    const fail = (address: string) => limits.password({ email: freshEmail(), address });
    ticketOf(await fail('2001:db8:1:1::1'));
    ticketOf(await fail('2001:db8:1:1:ffff::2'));
    refused(await fail('2001:db8:1:1::3'));
    ticketOf(await fail('2001:db8:1:2::1'));
    refused(await fail('2001:db8:1:3::1'));
    ticketOf(await fail('2001:db8:2::1'));
  });

  it('has an overall limit, which a known browser passes', async () => {
    const limits = limitsOn(0, {}, 3);
    for (let i = 0; i < 3; i++)
      ticketOf(await limits.password({ email: freshEmail(), address: freshAddress() }));
    refused(await limits.password({ email: freshEmail(), address: freshAddress() }));
    ticketOf(await limits.password({ email: freshEmail(), address: freshAddress(), knownBrowser: 'b' }));
  });

  it('counts nothing where it refuses', async () => {
    const limits = limitsOn(0, { passwordAddress: { kind: 'window', most: 1, lengthMs: 60_000 } });
    const email = freshEmail();
    ticketOf(await limits.password({ email: freshEmail(), address: '203.0.113.1' }));
    for (let i = 0; i < 10; i++) refused(await limits.password({ email, address: '203.0.113.1' }));
    for (let i = 0; i < 5; i++) ticketOf(await limits.password({ email, address: freshAddress() }));
  });

  it('does not lock the owner out of a known browser, nor let that one guess without end', async () => {
    const limits = limitsOn(0);
    const email = freshEmail();
    for (let i = 0; i < 100; i++) {
      await letWaitsPass();
      ticketOf(await limits.password({ email, address: `192.0.${i}.1` }));
    }
    await letWaitsPass();
    expect(refused(await limits.password({ email, address: freshAddress() })).needsReset).to.equal(true);

    const fromHome = () => limits.password({ email, address: freshAddress(), knownBrowser: 'home' });
    for (let i = 0; i < 5; i++) ticketOf(await fromHome());
    expect(refused(await fromHome()).retryAfterSeconds).to.equal(1);
    await letWaitsPass();
    await limits.succeeded(ticketOf(await fromHome()));
    for (let i = 0; i < 5; i++) ticketOf(await fromHome());
    // Strangers have not gained by it.
    expect(refused(await limits.password({ email, address: freshAddress() })).needsReset).to.equal(true);
  });

  it('locks the owner of a factor out neither of a browser that the account knows, nor of recovery codes', async () => {
    const limits = limitsOn(0, { codeFactor: { ...defaultRules.codeFactor, free: 3, most: 3 } });
    const account = `account-${freshAddress()}`;
    for (let i = 0; i < 3; i++) ticketOf(await limits.code({ account, factor: 'otp' }));
    expect(refused(await limits.code({ account, factor: 'otp' })).needsReset).to.equal(true);
    ticketOf(await limits.code({ account, factor: 'otp', knownBrowser: 'of the owner' }));
    ticketOf(await limits.code({ account, factor: 'recovery', isLong: true }));
    // Slowed down they are all the same.
    ticketOf(await limits.code({ account, factor: 'recovery', isLong: true }));
    expect(refused(await limits.code({ account, factor: 'recovery', isLong: true })).needsReset).to.equal(
      false,
    );
  });

  it('lets the account in again after its password was reset', async () => {
    const limits = limitsOn(0, { password: { ...defaultRules.password, free: 3, most: 3 } });
    const email = 'Locked.Out@Example.com';
    for (let i = 0; i < 3; i++) ticketOf(await limits.password({ email, address: freshAddress() }));
    expect(refused(await limits.password({ email, address: freshAddress() })).needsReset).to.equal(true);
    await limits.lift('locked.out@example.com');
    ticketOf(await limits.password({ email, address: freshAddress() }));
  });

  it('counts every spelling of an address as one account, and what is no address too', async () => {
    const limits = limitsOn(0, { password: { ...defaultRules.password, free: 2, firstMs: 60_000 } });
    for (const [one, other] of [
      ['Ada@Example.com', ' aDA@example.COM'],
      ['no address', 'No Address '],
    ] as const) {
      ticketOf(await limits.password({ email: one, address: freshAddress() }));
      ticketOf(await limits.password({ email: other, address: freshAddress() }));
      refused(await limits.password({ email: one, address: freshAddress() }));
    }
  });

  it('takes an attempt out again that was not made', async () => {
    const limits = limitsOn(0);
    const [email, address] = [freshEmail(), freshAddress()];
    for (let i = 0; i < 40; i++) await limits.notMade(ticketOf(await limits.password({ email, address })));
    for (let i = 0; i < 5; i++) ticketOf(await limits.password({ email, address }));
    const last = await limits.password({ email, address });
    refused(last);
  });

  it('lets five codes be tried in five minutes whatever the factor, and a hundred in a row', async () => {
    const limits = limitsOn(0);
    const account = 'an-account';
    for (let i = 0; i < 5; i++) ticketOf(await limits.code({ account, factor: i % 2 ? 'app' : 'mail' }));
    expect(refused(await limits.code({ account, factor: 'app' }))).to.deep.include({ needsReset: false });
    ticketOf(await limits.code({ account: 'another', factor: 'app' }));

    const many = limitsOn(1, { code: { kind: 'window', most: 1000, lengthMs: 60_000 } });
    for (let i = 0; i < 98; i++) ticketOf(await many.code({ account, factor: 'app' }));
    expect(refused(await many.code({ account, factor: 'app' })).needsReset).to.equal(true);
    const ticket = ticketOf(await many.code({ account, factor: 'enrolled anew' }));
    await many.succeeded(ticket);
    expect(refused(await many.code({ account, factor: 'app' })).needsReset).to.equal(true);
  });

  it('lets a recipient be sent five mails an hour, and an address ask for thirty', async () => {
    const limits = limitsOn(0);
    const email = freshEmail();
    for (let i = 0; i < 5; i++) ticketOf(await limits.mail({ email, address: freshAddress() }));
    expect(refused(await limits.mail({ email, address: freshAddress() })).retryAfterSeconds).to.be.within(
      3590,
      3600,
    );
    refused(await limits.registration({ email, address: freshAddress() }));
    const address = freshAddress();
    for (let i = 0; i < 30; i++) ticketOf(await limits.mail({ email: freshEmail(), address }));
    refused(await limits.mail({ email: freshEmail(), address }));
    ticketOf(await limits.mail({ email: freshEmail() }));
  });

  it('counts codes by mail apart from the mails that strangers ask for', async () => {
    const limits = limitsOn(0);
    const email = freshEmail();
    for (let i = 0; i < 5; i++) ticketOf(await limits.mail({ email, address: freshAddress() }));
    refused(await limits.mail({ email, address: freshAddress() }));
    for (let i = 0; i < 5; i++) ticketOf(await limits.codeMail({ account: email, address: freshAddress() }));
    refused(await limits.codeMail({ account: email, address: freshAddress() }));
  });

  it('lets an address register twenty times an hour', async () => {
    const limits = limitsOn(0);
    const address = freshAddress();
    const attempts = await Promise.all(
      Array.from({ length: 25 }, () => limits.registration({ email: freshEmail(), address })),
    );
    expect(attempts.filter(({ ok }) => ok)).to.have.lengthOf(20);
  });

  it('keeps nothing for good, and nothing that can be read', async () => {
    const limits = limitsOn(0);
    const address = '203.0.113.77';
    await limits.password({ email: 'ada@example.com', address });
    await limits.password({ email: 'ada@example.com', address, knownBrowser: 'a-known-browser' });
    await limits.code({ account: 'ada', factor: 'app' });
    await limits.registration({ email: 'ada@example.com', address });
    const keys = await counters();
    expect(keys).to.have.lengthOf(12);
    for (const key of keys) {
      expect(await pods[0]?.store.call('PTTL', key)).to.be.greaterThan(0);
      expect(key).to.match(/:[\w-]{22}$/);
    }
    const settled = ticketOf(await limits.password({ email: freshEmail(), address: freshAddress() }));
    await pods[0]?.store.call('DEL', ...(await counters()));
    await limits.succeeded(settled);
    await limits.notMade(settled);
    expect(await counters()).to.deep.equal([]);
  });
});

describe('blocks of addresses', () => {
  const cases: [string, string, string][] = [
    ['192.0.2.7', '192.0.2.7/32', '192.0.2.0/24'],
    ['2001:db8::1', '2001:db8:0:0::/64', '2001:db8:0::/48'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64', '2001:db8:1::/48'],
    ['::1', '0:0:0:0::/64', '0:0:0::/48'],
    ['::', '0:0:0:0::/64', '0:0:0::/48'],
    ['2001:DB8:0001::', '2001:db8:1:0::/64', '2001:db8:1::/48'],
    ['unknown', 'unknown', 'unknown'],
  ];
  for (const [address, narrow, wide] of cases) {
    it(`of ${address} are ${narrow} and ${wide}`, () => {
      expect(addressBlocks(address)).to.deep.equal({ narrow, wide });
    });
  }
});
