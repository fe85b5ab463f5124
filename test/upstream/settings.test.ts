import { expect } from 'chai';
import { ConfigFaults, readConfig } from '../../src/config.ts';
import { testKeys } from '../support/pods.ts';

const secret = 'a-secret-that-nobody-may-see';
const acme = {
  id: 'acme',
  name: 'Acme',
  issuer: 'https://acme.example',
  client_id: 'me',
  client_secret: secret,
};

function read(environment: Record<string, string>) {
  return readConfig({
    HOLDFAST_ISSUER: 'https://id.example.com',
    HOLDFAST_KEYS: testKeys,
    REDIS_URL: 'redis://127.0.0.1:1',
    ...environment,
  }).upstream;
}

function faults(environment: Record<string, string>): string[] {
  try {
    read(environment);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigFaults)) throw error;
    expect(error.faults.join('\n')).not.to.include('nobody-may-see');
    return error.faults;
  }
}

const faultsOf = (...list: unknown[]) => faults({ HOLDFAST_UPSTREAM: JSON.stringify(list) });

describe('the settings of other providers', () => {
  it('are none by default', () => {
    expect(read({})).to.deep.equal([]);
  });

  it('need no more than two variables for each that is prepared', () => {
    const providers = read({
      HOLDFAST_UPSTREAM_GITHUB_CLIENT_ID: 'hub',
      HOLDFAST_UPSTREAM_GITHUB_CLIENT_SECRET: secret,
      HOLDFAST_UPSTREAM_GOOGLE_CLIENT_ID: 'goo',
      HOLDFAST_UPSTREAM_GOOGLE_CLIENT_SECRET: secret,
      HOLDFAST_UPSTREAM_MICROSOFT_CLIENT_ID: 'soft',
      HOLDFAST_UPSTREAM_MICROSOFT_CLIENT_SECRET: secret,
    });
    const given = providers.map(({ id, name, kind, issuer, clientId }) => [id, name, kind, issuer, clientId]);
    expect(given).to.deep.equal([
      ['google', 'Google', 'google', 'https://accounts.google.com', 'goo'],
      ['microsoft', 'Microsoft', 'microsoft', 'https://login.microsoftonline.com/common/v2.0', 'soft'],
      ['github', 'GitHub', 'github', 'https://github.com', 'hub'],
    ]);
    for (const { clientSecret, isEmailTrusted, isPrivate } of providers) {
      expect({ clientSecret, isEmailTrusted, isPrivate }).to.deep.equal({
        clientSecret: secret,
        isEmailTrusted: false,
        isPrivate: false,
      });
    }
  });

  it('take any number of issuers as a list', () => {
    const more = { scope: 'openid email', trusted_email: true, private_network: true };
    expect(read({ HOLDFAST_UPSTREAM: JSON.stringify([acme, { ...acme, id: 'b', ...more }]) })).to.deep.equal([
      {
        id: 'acme',
        name: 'Acme',
        kind: 'oidc',
        issuer: 'https://acme.example',
        clientId: 'me',
        clientSecret: secret,
        scope: 'openid email profile',
        isEmailTrusted: false,
        isPrivate: false,
      },
      {
        id: 'b',
        name: 'Acme',
        kind: 'oidc',
        issuer: 'https://acme.example',
        clientId: 'me',
        clientSecret: secret,
        scope: 'openid email',
        isEmailTrusted: true,
        isPrivate: true,
      },
    ]);
  });

  it('are refused with the entry and the field that is wrong, and no secret', () => {
    for (const [change, fault] of [
      [{ id: 'A b' }, 'id must be lower-case letters'],
      [{ id: undefined }, 'id must be a text'],
      [{ issuer: undefined }, 'issuer is required'],
      [{ name: undefined }, 'name is required'],
      [{ issuer: 'acme' }, 'issuer must be a URL'],
      [{ issuer: 'https://user:pass@acme.example' }, 'issuer must be a URL'],
      [{ issuer: 'https://acme.example/?x=1' }, 'issuer must be a URL'],
      [{ client_id: '' }, 'client_id must not be empty'],
      [{ client_secret: undefined }, 'client_secret must be a text'],
      [{ client_secret: `${secret}\n` }, 'client_secret must be printable ASCII'],
      [{ scope: 'email' }, 'scope must have openid in it'],
      [{ trusted_email: 'yes' }, 'trusted_email must be true or false'],
      [{ trusted_emails: true }, 'does not know "trusted_emails"'],
      [{ tenant: 'common' }, 'tenant is for microsoft alone'],
      [{ type: 'saml' }, 'type must be oidc, google, microsoft or github'],
      [{ type: 'google' }, 'issuer is known for google'],
      [{ type: 'microsoft' }, 'give tenant rather than issuer'],
    ] as const) {
      const [found = '', ...others] = faultsOf(acme, { ...acme, id: 'b', ...change });
      expect(others).to.deep.equal([]);
      expect(found)
        .to.match(/^HOLDFAST_UPSTREAM entry 2: /)
        .and.to.include(fault);
    }
    expect(faultsOf('acme')[0]).to.include('entry 1: must be an object');
    expect(faultsOf(acme, acme)).to.deep.equal(['HOLDFAST_UPSTREAM has the id acme twice']);
    expect(faults({ HOLDFAST_UPSTREAM: '{}' })[0]).to.include('must be a JSON list');
    const broken = faults({ HOLDFAST_UPSTREAM: `[{"id": "a",\n "client_secret": "${secret}" "x"}]` });
    expect(broken[0]).to.match(/must be a JSON list of providers; it breaks at line 2 column \d+$/);
  });

  it('are refused where one of two variables is missing, or an id is used again', () => {
    expect(faults({ HOLDFAST_UPSTREAM_GITHUB_CLIENT_ID: 'x' })).to.deep.equal([
      'HOLDFAST_UPSTREAM_GITHUB_CLIENT_SECRET is required where HOLDFAST_UPSTREAM_GITHUB_CLIENT_ID is set',
    ]);
    expect(faults({ HOLDFAST_UPSTREAM_GOOGLE_CLIENT_SECRET: secret })).to.deep.equal([
      'HOLDFAST_UPSTREAM_GOOGLE_CLIENT_ID is required where HOLDFAST_UPSTREAM_GOOGLE_CLIENT_SECRET is set',
    ]);
    expect(
      faults({
        HOLDFAST_UPSTREAM_GITHUB_CLIENT_ID: 'x',
        HOLDFAST_UPSTREAM_GITHUB_CLIENT_SECRET: secret,
        HOLDFAST_UPSTREAM: JSON.stringify([{ ...acme, id: 'github' }]),
      }),
    ).to.deep.equal(['HOLDFAST_UPSTREAM has the id github twice']);
    expect(faults({ HOLDFAST_UPSTREAM_MICROSOFT_TENANT: 'a/b' })[0]).to.include('must be a tenant id');
  });

  it('ask for https, but in a trial', () => {
    const list = JSON.stringify([{ ...acme, issuer: 'http://acme.example' }]);
    expect(faults({ HOLDFAST_UPSTREAM: list })[0]).to.include('acme: issuer must start with https://');
    expect(read({ HOLDFAST_UPSTREAM: list, HOLDFAST_UNSAFE_ALLOW_HTTP: 'true' })).to.have.lengthOf(1);
  });
});
