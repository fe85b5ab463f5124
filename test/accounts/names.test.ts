import { expect } from 'chai';
import { normaliseEmail } from '../../src/accounts/email.ts';
import { isLookAlike } from '../../src/accounts/names.ts';

function check(address: string): boolean {
  const normalised = normaliseEmail(address);
  if (!normalised.ok) throw new Error(`not an address: ${address}`);
  return isLookAlike(normalised.lookup);
}

describe('addresses that look like others', () => {
  const lookAlikes: [string, string][] = [
    ['a Cyrillic letter among Latin ones', 'p\u0430ul@example.com'],
    ['a word of Cyrillic letters that reads as Latin', '\u0440\u0430\u0443\u0440\u0430@example.com'],
    ['a Greek omicron for an o', '\u03bf@example.com'],
    ['a Latin alpha for an a', '\u0251da@example.com'],
    ['a Latin word that goes on in Greek', 'alpha\u03b2\u03b3@example.com'],
    ['a domain in Cyrillic that reads as a Latin one', 'ada@\u0430\u0440\u0440\u04cf\u0435.com'],
    ['the same domain as A-labels', 'ada@xn--80ak6aa92e.com'],
    ['a domain label of mixed scripts', 'ada@ex\u0430mple.com'],
    ['a subdomain that reads as another', 'ada@\u0430\u0440\u0440\u04cf\u0435.example.com'],
    ['a script that nobody writes names in', '\u2c81\u2c83@example.com'],
  ];
  for (const [what, address] of lookAlikes) {
    it(`are refused: ${what}`, () => expect(check(address)).to.equal(true));
  }

  const honest: [string, string][] = [
    ['plain letters', 'ada.lovelace+1@example.com'],
    ['digits that look like letters, in ASCII', 'a1l0@example.com'],
    ['accents', 'ren\u00e9.m\u00fcller@b\u00fccher.example'],
    ['Polish', '\u0142ukasz@example.pl'],
    ['Danish', '\u00f8re@example.dk'],
    ['Turkish', '\u015f\u0131kt\u0131r@example.com'],
    ['Greek', '\u03b5\u03bb\u03ad\u03bd\u03b7@example.gr'],
    ['Cyrillic that reads as nothing Latin', '\u0431\u043e\u0440\u0438\u0441@example.com'],
    [
      'Cyrillic in a domain of its own script',
      '\u0441\u0430\u0440\u0430@\u043f\u043e\u0447\u0442\u0430.\u0440\u0444',
    ],
    ['Arabic', '\u0645\u062d\u0645\u062f@example.com'],
    ['Japanese in all its scripts, with Latin', 'taro\u5c71\u7530\u305f\u308d\u30a6@\u4f8b\u3048.jp'],
    ['Korean', '\ud64d\uae38\ub3d9@example.kr'],
    ['Hindi', '\u0930\u093e\u091c@example.in'],
  ];
  for (const [what, address] of honest) {
    it(`are not: ${what}`, () => expect(check(address)).to.equal(false));
  }
});
