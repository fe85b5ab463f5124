import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect } from 'chai';
import type { PasswordReason } from '../../src/accounts/new-password.ts';
import { createPasswordRules, type PasswordRules } from '../../src/accounts/password-rules.ts';
import { createPasswordStrength } from '../../src/accounts/password-strength.ts';
import { captureLog } from '../support/captured-log.ts';

const ada = { email: 'ada.lovelace@example.com', names: ['Ada Lovelace', 'Countess'] };
const good = 'vierzehn blaue Katzen am Fluss';

describe('the rules for passwords', () => {
  let rules: PasswordRules;
  before(() => {
    rules = createPasswordRules({ serviceNames: ['Holdfast', 'id.harbour.example'], log: captureLog().log });
  });
  after(() => rules.close());

  const refused: Record<Exclude<PasswordReason, 'password-breached'>, string[]> = {
    'password-too-common': ['iloveyouforever', 'ILoveYouForever', 'p4ssw0rdletmein1', 'letmein123letmein'],
    'password-repeats': ['aaaaaaaaaaaaaaaa', 'passwordpassword', 'Sommer2024Sommer2024', 'a1!B'.repeat(200)],
    'password-pattern': ['abcdefghijklmnop', 'qwertzuiopqwertz', 'zyxwvutsrqponmlk'],
    'password-like-yours': [
      'Ada.Lovelace@example.com',
      'lovelace-lovelace',
      'AdaLovelace1815',
      'holdfast-holdfast',
      'Countess Holdfast',
      'harbour harbour 1',
      'ｌｏｖｅｌａｃｅ１２３４５６７',
    ],
  };
  for (const [reason, passwords] of Object.entries(refused)) {
    it(`refuse with "${reason}" what it says`, async () => {
      for (const password of passwords) {
        expect(await rules.check(password, ada), password).to.equal(reason);
      }
    });
  }

  it('take passphrases, and what a password manager makes, whatever kinds of characters are in it', async () => {
    for (const password of [
      good,
      'correct horse battery staple',
      'dkvnqriwnxroivhnqwpz',
      'xK7#pQ2!vR9$mN4@',
      '꽃이 피는 산에서 노래하는 새',
      'a long walk to lovelace street in the rain',
    ]) {
      expect(await rules.check(password, ada), password).to.equal(undefined);
    }
  });

  it('take a shorter one where a second factor goes with it, but no guessable one', async () => {
    const shorter = createPasswordRules({ serviceNames: [], minimumLength: 8, log: captureLog().log });
    try {
      expect(await shorter.check('dkvnqriw', {})).to.equal(undefined);
      expect(await shorter.check('password1', {})).to.equal('password-too-common');
      expect(await shorter.check('lovelace', ada)).to.equal('password-like-yours');
    } finally {
      await shorter.close();
    }
  });

  it('look at the longest password without holding up what else the process does', async () => {
    await rules.check(good, {});
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await Promise.all(
      ['4@8({[</6&9#!1/|0$5'.repeat(50), 'a1!B'.repeat(256)].map((one) => rules.check(one, ada)),
    );
    delay.disable();
    // This machine's other work is in it: the median is what a check would hold up by itself.
    expect(delay.percentile(50) / 1e6).to.be.lessThan(20);
  });

  it('keep their lists only while they are in use, and load them again', async () => {
    const strength = createPasswordStrength({ leastGuesses: 1e10, idleMs: 1 });
    try {
      expect(strength.isLoaded()).to.equal(false);
      expect(await strength.weaknessOf('aaaaaaaaaaaaaaaa', [])).to.equal('password-repeats');
      while (strength.isLoaded()) await new Promise((again) => setTimeout(again, 5));
      expect(await strength.weaknessOf('aaaaaaaaaaaaaaaa', [])).to.equal('password-repeats');
    } finally {
      await strength.close();
    }
  });
});

describe('the list of stolen passwords', () => {
  let server: Server;
  let url: string;
  let asked: IncomingMessage[];
  let answer: (response: ServerResponse) => void;
  const hash = createHash('sha1').update(good).digest('hex').toUpperCase();

  beforeEach(async () => {
    asked = [];
    server = createServer((request, response) => {
      asked.push(request);
      answer(response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/range/`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  async function check(password: string) {
    const { log, lines } = captureLog();
    const rules = createPasswordRules({ serviceNames: [], breachUrl: url, log });
    try {
      return { reason: await rules.check(password, {}), counts: rules.counts(), log: JSON.stringify(lines) };
    } finally {
      await rules.close();
    }
  }

  it('is told five digits of the hash and nothing else, and has its say', async () => {
    answer = (response) => response.end(`${'0'.repeat(35)}:3\r\n${hash.slice(5)}:17\r\n${'F'.repeat(35)}:0`);
    expect((await check(good)).reason).to.equal('password-breached');
    expect(asked.map((request) => request.url)).to.deep.equal([`/range/${hash.slice(0, 5)}`]);
    expect(asked[0]?.headers['add-padding']).to.equal('true');
    expect(JSON.stringify(asked[0]?.rawHeaders)).to.not.include(hash.slice(5));
  });

  it('is not taken by its padding', async () => {
    answer = (response) => response.end(`${hash.slice(5)}:0\r\n${'A'.repeat(35)}:9`);
    expect(await check(good)).to.include({ reason: undefined, log: '[]' });
  });

  it('is not asked about what is refused already, nor without a setting', async () => {
    answer = (response) => response.end();
    await check('aaaaaaaaaaaaaaaa');
    const rules = createPasswordRules({ serviceNames: [], log: captureLog().log });
    expect(await rules.check(good, {})).to.equal(undefined);
    await rules.close();
    expect(asked).to.deep.equal([]);
  });

  const outages: Record<string, (response: ServerResponse) => void> = {
    'does not answer': () => {},
    'answers with an error': (response) => response.writeHead(503).end(),
    'leads elsewhere': (response) => response.writeHead(302, { location: '/range/00000' }).end(),
    'answers with a page': (response) => response.end('<html>Please sign in to this network</html>'),
    'answers without end': (response) => {
      response.write(`${'A'.repeat(35)}:1\r\n`.repeat(50_000));
    },
  };
  for (const [what, how] of Object.entries(outages)) {
    it(`keeps nobody from choosing a password when it ${what}, which is logged and counted`, async () => {
      answer = how;
      const { reason, counts, log } = await check(good);
      expect(reason).to.equal(undefined);
      expect(counts).to.deep.equal({ breachAsked: 1, breachUnanswered: 1 });
      expect(log).to.include('did not answer').and.not.include(hash.slice(0, 5)).and.not.include(good);
    });
  }
});
