import { stat } from 'node:fs/promises';
import argon2 from 'argon2';
import { expect } from 'chai';
import { createPasswordHasher, fitPassword, type PasswordHasher } from '../../src/accounts/password.ts';
import { Unavailable } from '../../src/errors.ts';

const password = 'correct horse battery staple';

describe('password hashes', () => {
  let hasher: PasswordHasher;
  beforeEach(() => {
    hasher = createPasswordHasher({ concurrency: 2, queue: 50 });
  });
  afterEach(() => hasher.close());

  it('are argon2id of 46 MiB, one pass, one lane, with a salt of 32 bytes that is never the same', async () => {
    const [first, second] = await Promise.all([hasher.hash(password), hasher.hash(password)]);
    const [, algorithm, version, parameters = '', salt = ''] = first.split('$');
    expect([algorithm, version]).to.deep.equal(['argon2id', 'v=19']);
    expect(parameters.split(',').sort()).to.deep.equal(['m=47104', 'p=1', 't=1']);
    expect(Buffer.from(salt, 'base64')).to.have.lengthOf(32);
    expect(first).to.not.equal(second);
  });

  it('match their password and no other', async () => {
    const stored = await hasher.hash(password);
    expect(await hasher.verify(stored, password)).to.deep.equal({ matches: true, isStale: false });
    expect(await hasher.verify(stored, `${password} `)).to.deep.equal({ matches: false, isStale: false });
    expect(await hasher.verify(stored, '')).to.deep.equal({ matches: false, isStale: false });
  });

  it('match however an accent was typed', async () => {
    const stored = await hasher.hash('cafe\u0301 au lait sans sucre');
    expect((await hasher.verify(stored, 'caf\u00e9 au lait sans sucre')).matches).to.equal(true);
  });

  it('take every character of a long password into account', async () => {
    const long = '\u{1f511}'.repeat(1023);
    const stored = await hasher.hash(`${long}a`);
    expect((await hasher.verify(stored, `${long}a`)).matches).to.equal(true);
    expect((await hasher.verify(stored, `${long}b`)).matches).to.equal(false);
  });

  it('are not made of a password that is too long', async () => {
    expect(fitPassword('x'.repeat(1024))?.length).to.equal(1024);
    expect(fitPassword('x'.repeat(1025))).to.equal(undefined);
    // As typed 2048 code points, but 1024 once composed.
    expect(fitPassword('e\u0301'.repeat(1024))?.length).to.equal(1024);
    const error = await hasher.hash('x'.repeat(1025)).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(RangeError);
    const stored = await hasher.hash(password);
    const before = hasher.load().finished;
    expect((await hasher.verify(stored, 'x'.repeat(100_000))).matches).to.equal(false);
    expect(hasher.load().finished).to.equal(before);
  });

  it('are stale when made with other parameters or another algorithm', async () => {
    const current = { memoryCost: 47104, timeCost: 1, parallelism: 1 };
    const weaker = await argon2.hash(password, { ...current, memoryCost: 19456, timeCost: 2 });
    const other = await argon2.hash(password, { ...current, type: argon2.argon2i });
    const reordered = (await hasher.hash(password)).replace('m=47104,p=1,t=1', 'm=47104,t=1,p=1');
    expect(await hasher.verify(weaker, password)).to.deep.equal({ matches: true, isStale: true });
    expect(await hasher.verify(other, password)).to.deep.equal({ matches: true, isStale: true });
    expect(await hasher.verify(reordered, password)).to.deep.equal({ matches: true, isStale: false });
  });

  it('that cannot be read match nothing, after the work of one hash', async () => {
    for (const stored of [
      '',
      password,
      '$2b$12$abcdefghijklmnopqrstuv',
      '$argon2id$v=19$m=47104,t=1,p=1$$',
    ]) {
      const before = hasher.load().finished;
      expect((await hasher.verify(stored, password)).matches).to.equal(false);
      expect(hasher.load().finished).to.equal(before + 1);
    }
  });

  it('are worked on for an account that does not exist as for any other', async () => {
    const before = hasher.load().finished;
    await hasher.verifyDecoy(password);
    expect(hasher.load().finished).to.equal(before + 1);
  });

  it('are refused with "try again" when too many wait', async () => {
    const narrow = createPasswordHasher({ concurrency: 1, queue: 2 });
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => narrow.verifyDecoy(password)));
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    expect(refused).to.have.lengthOf(5);
    for (const reason of refused) {
      expect(reason).to.be.instanceOf(Unavailable);
      expect(reason.retryAfterSeconds).to.be.within(1, 2);
    }
    expect(narrow.load()).to.deep.equal({ running: 0, waiting: 0, finished: 3 });
    await narrow.verifyDecoy(password);
  });

  it('leave threads of the shared pool to files and DNS', async () => {
    const hashes = Array.from({ length: 12 }, () => hasher.verifyDecoy(password));
    await stat('.');
    expect(hasher.load().finished).to.be.lessThan(12);
    expect(hasher.load().waiting).to.be.greaterThan(0);
    await Promise.all(hashes);
    expect(() => createPasswordHasher({ concurrency: 4, queue: 1 })).to.throw(RangeError, '4 threads');
    expect(() => createPasswordHasher({ concurrency: 0, queue: 1 })).to.throw(RangeError);
  });

  it('end with the process: what runs is finished, what waits is refused', async () => {
    const hashes = Array.from({ length: 5 }, () => hasher.verifyDecoy(password));
    const settled = Promise.allSettled(hashes);
    await hasher.close();
    expect(hasher.load()).to.deep.equal({ running: 0, waiting: 0, finished: 2 });
    expect((await settled).map(({ status }) => status)).to.deep.equal([
      ...['fulfilled', 'fulfilled'],
      ...['rejected', 'rejected', 'rejected'],
    ]);
  });
});
