import { expect } from 'chai';
import { normaliseEmail } from '../../src/accounts/email.ts';

function accepted(input: string): { email: string; lookup: string } {
  const result = normaliseEmail(input);
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(input)}`);
  return result;
}

describe('e-mail addresses', () => {
  it('are trimmed, and keep the local part as it was typed', () => {
    expect(accepted('  Ada.Lovelace+news@Example.COM\n').email).to.equal('Ada.Lovelace+news@example.com');
  });

  it('are the same for comparison whatever their case', () => {
    expect(accepted('Ada@Example.com').lookup).to.equal(accepted('aDA@eXAMPLE.COM').lookup);
    expect(accepted('σίσυφος@example.com').lookup).to.equal(accepted('σίσυφοσ@example.com').lookup);
    expect(accepted('ΣΊΣΥΦΟΣ@example.com').lookup).to.equal(accepted('σίσυφος@example.com').lookup);
  });

  it('are the same for comparison however an accent or a full-width letter is written', () => {
    expect(accepted('re\u0301ne\u0301@example.com').lookup).to.equal(
      accepted('r\u00e9n\u00e9@example.com').lookup,
    );
    expect(accepted('\uff41\uff44\uff41@example.com').lookup).to.equal(accepted('ada@example.com').lookup);
  });

  it('differ where the people differ', () => {
    const lookups = [
      'ada@example.com',
      'ada@example.org',
      'a.da@example.com',
      'ada+x@example.com',
      'adá@example.com',
    ];
    expect(new Set(lookups.map((address) => accepted(address).lookup)).size).to.equal(lookups.length);
  });

  it('have an international domain as A-labels', () => {
    expect(accepted('jo@BÜCHER.example').email).to.equal('jo@xn--bcher-kva.example');
    expect(accepted('jo@例え。jp').email).to.equal('jo@xn--r8jz45g.jp');
    expect(accepted('jo@xn--bcher-kva.example').lookup).to.equal(accepted('jo@bücher.example').lookup);
  });

  it('may be as long as RFC 5321 says, and no longer', () => {
    const domain = `${'d'.repeat(63)}.${'d'.repeat(63)}.${'d'.repeat(63)}.com`;
    const exact = `${'a'.repeat(254 - 1 - domain.length)}@${domain}`;
    expect(accepted(exact).email).to.have.lengthOf(254);
    expect(normaliseEmail(`a${exact}`).ok).to.equal(false);
    expect(accepted(`${'a'.repeat(64)}@example.com`).email).to.have.lengthOf(76);
    expect(normaliseEmail(`${'a'.repeat(65)}@example.com`).ok).to.equal(false);
    // 33 letters of two octets each
    expect(normaliseEmail(`${'é'.repeat(33)}@example.com`).ok).to.equal(false);
  });

  const refused: [string, string][] = [
    ['nothing', ''],
    ['only white space', '   '],
    ['no @', 'ada.example.com'],
    ['no local part', '@example.com'],
    ['no domain', 'ada@'],
    ['two @', 'ada@home@example.com'],
    ['a host without a dot', 'ada@localhost'],
    ['an IPv4 address', 'ada@127.0.0.1'],
    ['an IPv4 address in short', 'ada@127.1'],
    ['an address literal', 'ada@[127.0.0.1]'],
    ['a port', 'ada@example.com:25'],
    ['a path', 'ada@example.com/x'],
    ['a query', 'ada@example.com?x'],
    ['a percent-encoded domain', 'ada@ex%61mple.com'],
    ['an empty label', 'ada@example..com'],
    ['a label that begins with a dash', 'ada@-example.com'],
    ['an underscore in the domain', 'ada@ex_ample.com'],
    ['a dot at the end', 'ada@example.com.'],
    ['a dot at the start of the local part', '.ada@example.com'],
    ['two dots in a row', 'a..da@example.com'],
    ['a space', 'ada lovelace@example.com'],
    ['a comma, which would be two recipients', 'ada,eve@example.com'],
    ['a display name', 'Ada <ada@example.com>'],
    ['a quoted local part', '"ada"@example.com'],
    ['a line break, which would be another header', 'ada@example.com\r\nBcc: eve@example.com'],
    ['a line break in the local part', 'ada\n@example.com'],
    ['a NUL', 'ada\0@example.com'],
    ['a zero-width space', 'a\u200bda@example.com'],
    ['a right-to-left override', 'a\u202eda@example.com'],
    ['a soft hyphen in the domain', 'ada@exam\u00adple.com'],
    ['a lone surrogate', 'a\ud800da@example.com'],
    ['a full-width @, which folds into a second one', 'ada\uff20home@example.com'],
    ['a full-width comma', 'ada\uff0ceve@example.com'],
    ['a megabyte', `${'a'.repeat(1_000_000)}@example.com`],
  ];
  for (const [what, input] of refused) {
    it(`are refused with ${what}`, () => {
      expect(normaliseEmail(input)).to.deep.equal({ ok: false, problem: 'invalid' });
    });
  }

  it('come out unchanged when they go in again', () => {
    for (const input of [
      'Ada@Example.com',
      'jo@bücher.example',
      're\u0301ne@example.com',
      '\uff41da@example.com',
    ]) {
      const once = accepted(input);
      expect(accepted(once.email)).to.deep.equal(once);
    }
  });
});
