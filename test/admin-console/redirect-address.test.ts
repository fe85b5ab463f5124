import { expect } from 'chai';
import { findingsOf, matchAddress } from '../../src/admin/console/redirect-address.ts';

const issuer = 'https://id.example.com';

describe('redirect addresses that somebody types', () => {
  const say = (address: string, isNative = false) =>
    findingsOf(address, { isNative, issuer }).map(({ code, isWrong, better }) =>
      [isWrong ? 'wrong' : 'doubt', code, ...(better ? [better] : [])].join(' '),
    );

  it('are fine as most people write them', () => {
    for (const address of [
      'https://app.example.com/callback',
      'https://app.example.com:8443/auth/callback?tenant=one',
    ]) {
      expect(say(address), address).to.deep.equal([]);
    }
    expect(say('com.example.app:/callback', true)).to.deep.equal([]);
    expect(say('http://127.0.0.1/callback', true)).to.deep.equal([]);
  });

  const cases: [string, boolean, string[]][] = [
    ['app.example.com/callback', false, ['wrong no-scheme https://app.example.com/callback']],
    ['app.example.com:8443/callback', false, ['wrong no-scheme https://app.example.com:8443/callback']],
    ['https://*.example.com/callback', false, ['wrong wildcard']],
    ['https://app.example.com/#/callback', false, ['wrong fragment https://app.example.com/']],
    ['http://app.example.com/callback', false, ['wrong http https://app.example.com/callback']],
    ['https://a.example/x https://b.example/y', false, ['wrong space']],
    ['com.example.app:/callback', false, ['wrong scheme-web']],
    ['myapp:/callback', true, ['wrong scheme-dot']],
    ['javascript:alert(1)', false, ['wrong scheme-web']],
    ['https://user:pass@app.example.com/callback', false, ['wrong other']],
    ['https://', false, ['wrong other']],
    ['nonsense', false, ['wrong other']],
    ['https://app.example.com/callback/', false, ['doubt slash https://app.example.com/callback']],
    ['https://app.example.com/', false, ['doubt start-page']],
    ['https://App.Example.com/callback', false, ['doubt capitals https://app.example.com/callback']],
    ['https://id.example.com/callback', false, ['doubt own']],
    ['http://localhost:3000/callback', false, ['doubt localhost']],
  ];
  for (const [address, isNative, expected] of cases) {
    it(`says of ${address} what is the matter`, () => {
      expect(say(address, isNative)).to.deep.equal(expected);
    });
  }
});

describe('a redirect address that is tried', () => {
  const web = ['https://app.example.com/callback', 'https://app.example.com/other/'];
  const native = ['com.example.app:/callback', 'http://127.0.0.1/callback', 'http://[::1]:4000/callback'];
  const say = (address: string, registered = web, isNative = false) => {
    const { isAllowed, reason, nearest } = matchAddress(address, registered, { isNative });
    return [isAllowed ? 'yes' : 'no', reason, ...(nearest ? [nearest] : [])].join(' ');
  };

  it('is allowed when it is the same, letter by letter', () => {
    expect(say('https://app.example.com/callback')).to.equal('yes exact https://app.example.com/callback');
  });

  it('is told how it differs from the one that is most like it', () => {
    const nearest = 'https://app.example.com/callback';
    expect(say('https://app.example.com/callback/')).to.equal(`no slash ${nearest}`);
    expect(say('https://app.example.com/Callback')).to.equal(`no case ${nearest}`);
    expect(say('http://app.example.com/callback')).to.equal(`no scheme ${nearest}`);
    expect(say('https://www.example.com/callback')).to.equal(`no host ${nearest}`);
    expect(say('https://app.example.com:8443/callback')).to.equal(`no port ${nearest}`);
    expect(say('https://app.example.com/callback?x=1')).to.equal(`no query ${nearest}`);
    expect(say('https://app.example.com/elsewhere')).to.match(/^no path https:\/\/app\.example\.com\//);
    expect(say('https://elsewhere.example/x')).to.equal('no none');
    expect(say('not an address')).to.equal('no none');
    expect(say('https://app.example.com/callback', [])).to.equal('no empty');
  });

  it('may have any port on the own computer of an app, and there alone', () => {
    expect(say('http://127.0.0.1:51234/callback', native, true)).to.equal(
      'yes any-port http://127.0.0.1/callback',
    );
    expect(say('http://[::1]:51234/callback', native, true)).to.equal(
      'yes any-port http://[::1]:4000/callback',
    );
    expect(say('http://127.0.0.1:51234/callback', ['http://127.0.0.1/callback'], false)).to.match(/^no port/);
    expect(say('http://127.0.0.1:51234/other', native, true)).to.match(/^no/);
  });
});
