import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect } from 'chai';
import {
  formatFirebaseScrypt,
  formatSaltedDigest,
  readForeignHash,
} from '../../src/accounts/foreign-hashes/foreign-hashes.ts';
import { adoptHash, createPasswordHasher, type PasswordHasher } from '../../src/accounts/password.ts';

const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
const password = 'lètmein';

/**
 * Hash, and the password that it is of. Where no source is named: made with the crypt(3) and the hashlib of
 * Debian 12.
 */
const hashes: Record<string, [hash: string, password: string][]> = {
  bcrypt: [
    // Of crypt_blowfish's own test.
    ['$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'U*U'],
    ['$2a$05$abcdefghijklmnopqrstuu2c1e4vZoCxDVRU9N6VCSSmNg4cQa1Ve', password],
    ['$2b$05$abcdefghijklmnopqrstuu2c1e4vZoCxDVRU9N6VCSSmNg4cQa1Ve', password],
    ['$2y$05$abcdefghijklmnopqrstuu2c1e4vZoCxDVRU9N6VCSSmNg4cQa1Ve', password],
  ],
  bcrypt_sha256: [['bcrypt_sha256$$2b$06$abcdefghijklmnopqrstuul5B/dAdshjIhHjT6my8nuQ0dMXgwHGG', password]],
  scrypt: [
    // RFC 7914, section 12.
    [
      `$scrypt$ln=14,r=8,p=1$${base64(Buffer.from('SodiumChloride'))}$${base64(
        Buffer.from(
          '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
          'hex',
        ),
      )}`,
      'pleaseletmein',
    ],
    // The documentation of passlib.
    ['$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E', 'password'],
    // Django.
    [
      'scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==',
      password,
    ],
  ],
  'firebase-scrypt': [
    // The documentation of Firebase's scrypt.
    [
      formatFirebaseScrypt(
        {
          signerKey:
            'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
          saltSeparator: 'Bw==',
          rounds: 8,
          memoryCost: 14,
        },
        {
          salt: '42xEC+ixf3L2lw==',
          passwordHash:
            'lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==',
        },
      ),
      'user1password',
    ],
  ],
  'pbkdf2-sha1': [
    // RFC 6070, section 2.
    [
      `$pbkdf2$4096$${base64(Buffer.from('salt'))}$${base64(Buffer.from('4b007901b765489abead49d926f721d065a429c1', 'hex'))}`,
      'password',
    ],
    ['pbkdf2_sha1$1000$seasalt$ljleU4wBmTtz/MoG5YTwxpM0d7I=', password],
  ],
  'pbkdf2-sha256': [
    // The documentation of passlib.
    ['$pbkdf2-sha256$6400$.6UI/S.nXIk8jcbdHx3Fhg$98jZicV16ODfEsEZeYPGHU3kbrUrvUEXOPimVSQDD44', 'password'],
    ['pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A=', password],
    [
      '$pbkdf2-sha256$i=27500,l=64$AAECAwQFBgcICQoLDA0ODw$Zln/ZE4k41bQzrIB1tzW7cPAhg+w9844Gj4ua+E91V2xiZFnkiueDXgBzWBarioCwIKVTOPzMTQ8SiRH3EAMoQ',
      password,
    ],
  ],
  'pbkdf2-sha512': [
    [
      '$pbkdf2-sha512$i=210000$AAECAwQFBgcICQoLDA0ODw$HP/eWW5I8LE9bYnU74bAjo21QSZdgaB0lO8VVAtsuG0WrroUGMQSRx7JCqFwuo0UzuW6VomBeOup6gdcGqZNJA',
      password,
    ],
  ],
  'sha256-crypt': [
    ['$5$saltstring$4mLzDd7PmpYGnmV6HHYAR6tJydOUyhkrRSQDy8q2eK8', 'hello'],
    ['$5$rounds=1234$s$m29bJ5YLVAkU6MzaLPabLLrC2uqpoBFUWNn.pUCg7v2', password],
  ],
  'sha512-crypt': [
    [
      '$6$rounds=20000$saltstring$.Gdkn.kVLHIIVdpiO2DmwrdFGbXK6McEkdfgZHlYqhJPJFKZcBDPU3oy1Nzslw8WvaGLLrw5XZ/CNgi91i3og0',
      password,
    ],
    [
      '$6$abcdefghijklmnop$Xb6eo.dJrCHE.wZa82M6qR4OLelM/SazLi1CqZNLsDZUmSYlpAirhzFOaFDceU2l0K8IfYBk.62W1ftvSRXw9.',
      'x'.repeat(90),
    ],
  ],
  'digest-sha256': [
    [
      formatSaltedDigest(
        'sha256',
        'salt-first',
        Buffer.from('pepper-and-salt'),
        Buffer.from('cceaedb5f2615e5d74a99090cac6716cb99635a7d534083cf75dd51473ab3d1d', 'hex'),
      ),
      password,
    ],
  ],
  'digest-sha512': [
    [
      formatSaltedDigest(
        'sha512',
        'salt-last',
        Buffer.from('pepper-and-salt'),
        Buffer.from(
          '55c16a37c0626bf06fd118b610c0e7395aaff44c45725c23fd3067465b55c5ed100585c7ba4a0ba050fa3b7b65bbf671dbef19ec5c77e70755fb33d4db4c2bea',
          'hex',
        ),
      ),
      password,
    ],
  ],
};

/** Each would take some seconds or more, or more memory than a pod has to spare. */
const tooCostly = [
  `$2b$16$${'a'.repeat(53)}`,
  `$scrypt$ln=19,r=8,p=1$c2FsdHNhbHQ$${base64(Buffer.alloc(32, 1))}`,
  `$scrypt$ln=14,r=8,p=100$c2FsdHNhbHQ$${base64(Buffer.alloc(32, 1))}`,
  `scrypt$1048576$salt$8$1$${Buffer.alloc(64, 1).toString('base64')}`,
  `$firebase-scrypt$r=8,m=22$Bw$${base64(Buffer.alloc(64, 1))}$c2FsdHNhbHQ$${base64(Buffer.alloc(64, 1))}`,
  `pbkdf2_sha256$3000000$salt$${Buffer.alloc(32, 1).toString('base64')}`,
  `$pbkdf2-sha256$i=1100000$c2FsdA$${base64(Buffer.alloc(64, 1))}`,
  `$6$rounds=999999999$saltstring$${'a'.repeat(86)}`,
  '$argon2id$v=19$m=1048576,t=1,p=1$c2FsdHNhbHQ$UKIrUXGrvBmHTUEDdnSJb0wDZ50kLTs2e9cKPIJgfu0',
  '$argon2id$v=19$m=65536,t=900,p=1$c2FsdHNhbHQ$UKIrUXGrvBmHTUEDdnSJb0wDZ50kLTs2e9cKPIJgfu0',
];

const unreadable = [
  '',
  'password',
  `$2b$12$${'a'.repeat(52)}`,
  '$2x$12$',
  '$scrypt$ln=14,r=0,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAA',
  'scrypt$16385$salt$8$1$AAAAAAAAAAAAAAAAAAAAAAAA',
  'pbkdf2_sha256$0$salt$AAAAAAAAAAAAAAAAAAAAAAAA',
  'pbkdf2_sha256$1000$salt$AAAA',
  '$6$rounds=10$saltstring$',
  `$5$saltstring$${'a'.repeat(86)}`,
  '$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7',
  'x'.repeat(100_000),
];

describe('password hashes of other systems', () => {
  let hasher: PasswordHasher;
  before(() => {
    hasher = createPasswordHasher({ concurrency: 2, queue: 100 });
  });
  after(() => hasher.close());

  for (const [scheme, known] of Object.entries(hashes)) {
    it(`of ${scheme} match their password and no other, and are to be made anew`, async () => {
      for (const [hash, right] of known) {
        expect(readForeignHash(hash)).to.include({ scheme, isTooCostly: false });
        expect(adoptHash(hash), hash).to.deep.equal({ ok: true, stored: hash });
        expect(await hasher.verify(hash, right), hash).to.deep.equal({ matches: true, isStale: true });
        for (const wrong of [`${right}x`, right.slice(1), '']) {
          expect((await hasher.verify(hash, wrong)).matches, hash).to.equal(false);
        }
      }
    });
  }

  it('of argon2 with other parameters match, also as Django writes them', async () => {
    // argon2-cffi's documentation and Django's prefix.
    const text =
      '$argon2id$v=19$m=65536,t=3,p=4$MIIRqgvgQbgj220jfp0MPA$YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg';
    expect(adoptHash(`argon2${text}`)).to.deep.equal({ ok: true, stored: text });
    expect(adoptHash('bcrypt$$2b$05$abcdefghijklmnopqrstuu2c1e4vZoCxDVRU9N6VCSSmNg4cQa1Ve')).to.deep.equal({
      ok: true,
      stored: '$2b$05$abcdefghijklmnopqrstuu2c1e4vZoCxDVRU9N6VCSSmNg4cQa1Ve',
    });
    expect(await hasher.verify(text, 'correct horse battery staple')).to.deep.equal({
      matches: true,
      isStale: true,
    });
    expect((await hasher.verify(text, 'correct horse battery stapler')).matches).to.equal(false);
  });

  it('match as the characters were typed, composed or not', async () => {
    const decomposed = 'le\u0300tmein';
    const [hash = ''] = hashes['sha256-crypt']?.[1] ?? [];
    expect((await hasher.verify(hash, decomposed)).matches).to.equal(true);
  });

  it('that would take too long are taken neither at the import nor at a sign-in', async () => {
    for (const hash of tooCostly) {
      expect(adoptHash(hash), hash).to.deep.equal({ ok: false, problem: 'hash-too-costly' });
      const before = hasher.load().finished;
      expect(await hasher.verify(hash, password)).to.deep.equal({ matches: false, isStale: true });
      expect(hasher.load().finished, hash).to.equal(before + 1);
    }
  });

  it('that cannot be read match nothing, after the work of one hash', async () => {
    for (const hash of unreadable) {
      expect(adoptHash(hash), hash).to.deep.equal({ ok: false, problem: 'hash-unknown' });
      const before = hasher.load().finished;
      expect((await hasher.verify(hash, password)).matches).to.equal(false);
      expect(hasher.load().finished).to.equal(before + 1);
    }
  });

  it('that are no protection are refused by name', () => {
    for (const hash of [
      '$1$saltsalt$2vnaRpHa6Jxjz5n83ok8Z0',
      '$apr1$saltsalt$qjlNYnWr2FbnBzYjlFnBV1',
      'md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3',
      '88a434c88cca4e900f7874cd98123f43',
      '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=',
    ]) {
      expect(adoptHash(hash), hash).to.deep.equal({ ok: false, problem: 'hash-refused' });
    }
  });

  it('are checked without holding up the process, and within the bound of all hashes', async () => {
    const slow = `$6$rounds=60000$saltstring$${'a'.repeat(86)}`;
    await hasher.verify(slow, password);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const checks = Array.from({ length: 4 }, () => hasher.verify(slow, password));
    expect(hasher.load()).to.include({ running: 2, waiting: 2 });
    await Promise.all(checks);
    delay.disable();
    expect(delay.percentile(50) / 1e6).to.be.lessThan(20);
  });
});
