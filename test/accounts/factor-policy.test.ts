import { expect } from 'chai';
import {
  decideFactors,
  enrolledFrom,
  type FactMethod,
  type FactorSetting,
  type PolicyDecision,
  type PolicyInput,
  strictest,
} from '../../src/accounts/factor-policy.ts';
import type { Factor } from '../../src/accounts/factor-store.ts';

const settings: FactorSetting[] = ['none', 'optional', 'required', 'required-always'];
const methods: FactMethod[] = ['pwd', 'passkey', 'otp', 'recovery', 'email-code', 'upstream'];
const [one, two, phr] = ['urn:holdfast:acr:1', 'urn:holdfast:acr:2', 'phr'];

/** In short: what the account has, as letters: p passkey, t app, r recovery codes, m a mailed code, T trusted. */
function input(
  has: string,
  setting: FactorSetting,
  facts: FactMethod[],
  requestedAcr: string[] = [],
): PolicyInput {
  return {
    settings: [setting],
    enrolled: {
      passkey: has.includes('p'),
      totp: has.includes('t'),
      recoveryCodesLeft: has.includes('r') ? 3 : 0,
    },
    mayMailCode: has.includes('m'),
    isTrustedBrowser: has.includes('T'),
    requestedAcr,
    facts: facts.map((method) => ({ method, at: 1000 })),
  };
}

/** In short: `acr amr…` when complete, `ask …`, or `enrol …`. */
function brief(decision: PolicyDecision): string {
  if (decision.complete) return [decision.acr, ...decision.amr].join(' ');
  if (decision.next.length > 0) return `ask ${decision.next.join(' ')}`;
  return `enrol ${decision.mustEnrol.join(' ')}`;
}

const first = 'ask passkey pwd upstream';
const passkey = 'phr pop user mfa';
const withApp = `${two} pwd otp mfa`;
const either = 'enrol passkey totp';

/** has, setting, facts, requested acr → decision */
const table: [string, FactorSetting, FactMethod[], string[], string][] = [
  ['', 'none', [], [], first],
  ['ptrmT', 'required-always', [], [phr], first],
  ['tr', 'none', ['otp'], [], first],
  ['r', 'optional', ['recovery'], [], first],
  ['m', 'required', ['email-code'], [], first],

  ['', 'none', ['pwd'], [], `${one} pwd`],
  ['ptr', 'none', ['pwd'], [], `${one} pwd`],
  ['', 'none', ['upstream'], [], `${one} urn:holdfast:amr:upstream`],

  ['', 'optional', ['pwd'], [], `${one} pwd`],
  ['r', 'optional', ['pwd'], [], `${one} pwd`],
  ['m', 'optional', ['pwd'], [], `${one} pwd`],
  ['t', 'optional', ['pwd'], [], 'ask otp'],
  ['tr', 'optional', ['pwd'], [], 'ask otp recovery'],
  ['p', 'optional', ['upstream'], [], 'ask passkey'],
  ['ptr', 'optional', ['pwd'], [], 'ask passkey otp recovery'],
  ['trm', 'optional', ['pwd'], [], 'ask otp recovery'],
  ['tT', 'optional', ['pwd'], [], `${one} pwd`],

  ['', 'required', ['pwd'], [], either],
  ['T', 'required', ['pwd'], [], either],
  ['m', 'required', ['pwd'], [], 'ask email-code'],
  ['m', 'required', ['pwd', 'email-code'], [], `${one} pwd otp mca`],
  ['tm', 'required', ['pwd', 'email-code'], [], 'ask otp'],
  ['mT', 'required', ['pwd'], [], `${one} pwd`],
  ['t', 'required', ['pwd'], [], 'ask otp'],
  ['tT', 'required', ['pwd'], [], `${one} pwd`],
  ['r', 'required', ['pwd'], [], 'ask recovery'],
  ['rm', 'required', ['pwd'], [], 'ask recovery email-code'],

  ['tT', 'required-always', ['pwd'], [], 'ask otp'],
  ['mT', 'required-always', ['pwd'], [], 'ask email-code'],
  ['t', 'required-always', ['pwd', 'otp'], [], withApp],
  ['tr', 'required-always', ['pwd', 'recovery'], [], withApp],
  ['t', 'required-always', ['upstream', 'otp'], [], `${two} urn:holdfast:amr:upstream otp mfa`],
  ['p', 'required-always', ['passkey'], [], passkey],
  ['p', 'required-always', ['pwd', 'passkey'], [], 'phr pwd pop user mfa'],

  ['tT', 'none', ['pwd'], [two], 'ask otp'],
  ['', 'none', ['pwd'], [two], either],
  ['m', 'none', ['pwd'], [two], 'ask email-code'],
  ['m', 'none', ['pwd', 'email-code'], [two], either],
  ['t', 'none', ['pwd', 'otp'], [two], withApp],
  ['p', 'none', ['passkey'], [two], passkey],
  ['p', 'none', ['pwd'], [phr], 'ask passkey'],
  ['pt', 'none', ['pwd', 'otp'], [phr], 'ask passkey'],
  ['t', 'none', ['pwd'], [phr], 'ask otp'],
  ['t', 'none', ['pwd', 'otp'], [phr], 'enrol passkey'],
  ['tr', 'none', ['pwd', 'recovery'], [phr], 'enrol passkey'],
  ['', 'none', ['pwd'], [phr], 'enrol passkey'],
  ['pt', 'none', ['pwd'], [phr, two], 'ask passkey otp'],
  ['t', 'none', ['pwd'], [phr, one], `${one} pwd`],
  ['t', 'none', ['pwd'], ['urn:example:gold'], `${one} pwd`],
  ['t', 'none', ['pwd'], ['urn:example:gold', two], 'ask otp'],
];

/** Everything that can come in. */
function* everything(): Generator<PolicyInput> {
  const requests = [[], [one], [two], [phr], [phr, two], ['urn:example:gold'], [two, one]];
  for (let has = 0; has < 32; has += 1) {
    const letters = [...'ptrmT'].filter((_, bit) => has & (1 << bit)).join('');
    for (let set = 0; set < 64; set += 1) {
      const facts = methods.filter((_, bit) => set & (1 << bit));
      for (const setting of settings)
        for (const request of requests) yield input(letters, setting, facts, request);
    }
  }
}

const show = (given: PolicyInput) => JSON.stringify(given);

/** Fails with the input; chai's messages for each of them would take most of the time. */
function check(holds: boolean, given: PolicyInput): void {
  if (!holds) expect.fail(show(given));
}

describe('which factors a sign-in needs', () => {
  for (const [has, setting, facts, requested, decision] of table) {
    const asked = requested.length > 0 ? `, asked for ${requested.join(' or ')}` : '';
    it(`${setting}, an account with [${has}], proven [${facts}]${asked}: ${decision}`, () => {
      expect(brief(decideFactors(input(has, setting, facts, requested)))).to.equal(decision);
    });
  }

  describe('whatever comes in', () => {
    it('acr and amr say what was proven and no more', () => {
      let complete = 0;
      for (const given of everything()) {
        const decision = decideFactors(given);
        if (!decision.complete) continue;
        complete += 1;
        const proven = new Set(given.facts.map(({ method }) => method));
        const isKnown = proven.has('pwd') || proven.has('upstream');
        const isHeld = proven.has('otp') || proven.has('recovery');
        const strongest = proven.has('passkey') ? phr : isKnown && isHeld ? two : one;
        check(decision.acr === strongest, given);
        check(isKnown || proven.has('passkey'), given);
        const said = new Set(decision.amr);
        check(said.has('pwd') === proven.has('pwd'), given);
        check(said.has('pop') === proven.has('passkey'), given);
        check(said.has('otp') === (isHeld || proven.has('email-code')), given);
        check(said.has('mfa') === (strongest !== one), given);
        check(said.size === decision.amr.length && said.size > 0, given);
      }
      expect(complete).to.be.greaterThan(1000);
    });

    it('is never complete with less than the setting and the client ask for', () => {
      for (const given of everything()) {
        const decision = decideFactors(given);
        if (!decision.complete) continue;
        const strong = given.enrolled.passkey || given.enrolled.totp;
        const proven = new Set(given.facts.map(({ method }) => method));
        const isEnough = decision.acr !== one || (given.mayMailCode && !strong && proven.has('email-code'));
        const isTrusted = given.isTrustedBrowser && (strong || given.mayMailCode);
        const [setting] = given.settings;
        check(setting !== 'required-always' || isEnough, given);
        check(setting !== 'required' || isEnough || isTrusted, given);
        check(setting !== 'optional' || !strong || isEnough || isTrusted, given);
        const order = [one, two, phr];
        const wanted = given.requestedAcr.filter((acr) => order.includes(acr));
        const isMet = (acr: string) => order.indexOf(decision.acr) >= order.indexOf(acr);
        check(wanted.length === 0 || wanted.some(isMet), given);
        check(decision.metAcr === wanted.find(isMet), given);
      }
    });

    it('asks for what the account has and has not shown, and lets nobody enrol before that', () => {
      for (const given of everything()) {
        const decision = decideFactors(given);
        if (decision.complete) continue;
        check(decision.next.length > 0 !== decision.mustEnrol.length > 0, given);
        const proven = new Set(given.facts.map(({ method }) => method));
        const { passkey: hasPasskey, totp, recoveryCodesLeft } = given.enrolled;
        check(
          decision.next.every((method) => !proven.has(method)),
          given,
        );
        const isFirst = !proven.has('pwd') && !proven.has('upstream') && !proven.has('passkey');
        if (isFirst) {
          check(brief(decision) === first, given);
          continue;
        }
        check(!decision.next.includes('passkey') || hasPasskey, given);
        check(!decision.next.includes('otp') || totp, given);
        check(!decision.next.includes('recovery') || recoveryCodesLeft > 0, given);
        check(!decision.next.includes('email-code') || (given.mayMailCode && !hasPasskey && !totp), given);
        if (decision.mustEnrol.length === 0) continue;
        const isShown = proven.has('passkey') || proven.has('otp') || proven.has('recovery');
        const isMailed = proven.has('email-code') && !hasPasskey && !totp;
        check(isShown || !(hasPasskey || totp || recoveryCodesLeft > 0), given);
        check(isShown || isMailed || !given.mayMailCode, given);
      }
    });

    it('ends within five steps, whichever of them the person takes', () => {
      function steps(given: PolicyInput): number {
        const decision = decideFactors(given);
        if (decision.complete) return 0;
        const proven = decision.next.map((method) => ({
          ...given,
          facts: [...given.facts, { method, at: 1000 }],
        }));
        const enrolled = decision.mustEnrol.map((kind) => ({
          ...given,
          enrolled: { ...given.enrolled, [kind]: true },
        }));
        return 1 + Math.max(...[...proven, ...enrolled].map(steps));
      }
      for (const given of everything()) if (given.facts.length < 2) check(steps(given) <= 5, given);
    });

    it('is not undone by a further fact', () => {
      for (const given of everything()) {
        if (!decideFactors(given).complete) continue;
        for (const method of methods) {
          const more = { ...given, facts: [...given.facts, { method, at: 1000 }] };
          check(decideFactors(more).complete, more);
        }
      }
    });

    it('is no easier with a stricter setting, or without a trusted browser', () => {
      for (const given of everything()) {
        if (!decideFactors(given).complete) continue;
        const [setting = 'none'] = given.settings;
        for (const milder of settings.slice(0, settings.indexOf(setting))) {
          check(decideFactors({ ...given, settings: [milder] }).complete, given);
        }
        check(decideFactors({ ...given, isTrustedBrowser: true }).complete, given);
      }
    });
  });

  it('goes by the strictest of the settings', () => {
    expect(strictest([])).to.equal('none');
    for (const a of settings) {
      for (const b of settings) {
        expect(strictest([a, b])).to.equal(settings[Math.max(settings.indexOf(a), settings.indexOf(b))]);
      }
    }
    const given = { ...input('tT', 'none', ['pwd']), settings: ['none', 'required-always', 'optional'] };
    expect(brief(decideFactors(given as PolicyInput))).to.equal('ask otp');
  });

  it('does not count what was proven before a time', () => {
    const given = input('t', 'required', ['pwd', 'otp']);
    expect(brief(decideFactors({ ...given, notBefore: 1000 }))).to.equal(withApp);
    expect(brief(decideFactors({ ...given, notBefore: 1001 }))).to.equal(first);
    const renewed = { ...given, facts: [...given.facts, { method: 'pwd' as const, at: 2000 }] };
    expect(brief(decideFactors({ ...renewed, notBefore: 1500 }))).to.equal('ask otp');
  });

  it('looks at the factors of an account as they are listed', () => {
    const common = { id: 'x', name: '', createdAt: 1, lastUsedAt: undefined };
    const listed: Factor[] = [
      { ...common, kind: 'totp' },
      { ...common, kind: 'recovery-codes', left: 4 },
    ];
    expect(enrolledFrom(listed)).to.deep.equal({ passkey: false, totp: true, recoveryCodesLeft: 4 });
    expect(enrolledFrom([{ ...common, kind: 'passkey', isSynced: true }])).to.deep.equal({
      passkey: true,
      totp: false,
      recoveryCodesLeft: 0,
    });
    expect(enrolledFrom([])).to.deep.equal({ passkey: false, totp: false, recoveryCodesLeft: 0 });
  });
});
