import { expect } from 'chai';
import { faultyFields, type Profile, pickProfile } from '../../src/accounts/profile.ts';

describe('the profile of an account', () => {
  it('takes what the standard claims may hold', () => {
    const profile: Required<Profile> = {
      name: 'Ada King, Countess of Lovelace',
      given_name: 'Ada',
      family_name: "O'Lovelace",
      middle_name: 'Augusta',
      nickname: 'ada',
      preferred_username: 'ada.l',
      profile: 'https://example.com/ada',
      picture: 'https://example.com/ada.png?size=64',
      website: 'http://ada.example',
      gender: 'female',
      birthdate: '1815-12-10',
      zoneinfo: 'Europe/London',
      locale: 'en-GB',
    };
    expect(faultyFields(profile)).to.deep.equal([]);
    expect(faultyFields({ birthdate: '1815' })).to.deep.equal([]);
    expect(faultyFields({ birthdate: '0000-02-29' })).to.deep.equal([]);
  });

  const faulty: [string, Profile][] = [
    ['a line break in a name', { name: 'Ada\r\nBcc: eve@example.com' }],
    ['a name that turns the text around', { nickname: 'gnp.\u202eexe' }],
    ['a name of blanks', { given_name: '  ' }],
    ['a name without end', { family_name: 'x'.repeat(201) }],
    ['a picture that is a script', { picture: 'javascript:alert(1)' }],
    ['a picture that is data', { picture: 'data:image/svg+xml,<svg/>' }],
    ['a website that is no address', { website: 'ada.example' }],
    ['a profile address without end', { profile: `https://example.com/${'x'.repeat(2048)}` }],
    ['a day that no month has', { birthdate: '1815-02-30' }],
    ['a date in another order', { birthdate: '10.12.1815' }],
    ['a time zone that nobody knows', { zoneinfo: 'Europe/Ockham' }],
    ['a language tag that is none', { locale: 'english, please' }],
  ];
  for (const [what, profile] of faulty) {
    it(`refuses ${what}`, () => {
      expect(faultyFields(profile)).to.deep.equal(Object.keys(profile));
    });
  }

  it('takes nothing else that an object carries', () => {
    expect(
      pickProfile({ name: 'Ada', status: 'active', sub: 'x', __proto__: { nickname: 1 } }),
    ).to.deep.equal({
      name: 'Ada',
    });
  });
});
