import { execFileSync, spawnSync } from 'node:child_process';
import { stripTypeScriptTypes } from 'node:module';
import { parseEnv } from 'node:util';
import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import { clientKinds } from '../../src/admin/console/client-kinds.ts';
import type { FrameworkValues, SettingsFile } from '../../src/admin/console/framework-settings/framework.ts';
import { endpointsOf, secretVariable, shell } from '../../src/admin/console/framework-settings/framework.ts';
import { frameworks, frameworksFor } from '../../src/admin/console/framework-settings/frameworks.ts';

const usual: FrameworkValues = {
  issuer: 'https://id.example.com',
  clientId: 'harbour-notes',
  redirectUri: 'https://notes.example.com/auth/callback',
  postLogoutUri: 'https://notes.example.com/bye',
  scopes: ['openid', 'profile', 'email', 'offline_access'],
  apis: [{ indicator: 'https://api.example.com', scopes: ['orders:read'] }],
  signingAlgorithm: 'ES256',
};

/** What an id and an address may have in them, and what means something in one language or another. */
const awkward: FrameworkValues = {
  ...usual,
  clientId: `it's"$HOME$(id)\`id\`#!;%\\n`,
  redirectUri: "https://notes.example.com/it's/$1;callback?a=$(b)&c=%27",
  apis: [{ indicator: "https://api.example.com/it's", scopes: ["o'clock$x"] }],
};

const isAtHand = (command: string) => spawnSync(command, { input: '' }).error === undefined;
const hasPython = isAtHand('python3');
const hasGo = isAtHand('gofmt');

/** @throws when the file is none of its language */
const parsers: Partial<Record<SettingsFile['language'], (text: string) => void>> = {
  js: (text) => void stripTypeScriptTypes(text),
  ts: (text) => void stripTypeScriptTypes(text),
  yaml: (text) => {
    for (const document of parseAllDocuments(text)) {
      if (document.errors.length > 0) throw document.errors[0];
    }
  },
  env: (text) => {
    if (Object.keys(parseEnv(text)).length === 0) throw new Error('nothing in it');
  },
  shell: (text) => void execFileSync('sh', ['-n'], { input: text, stdio: ['pipe', 'ignore', 'pipe'] }),
  ...(hasPython
    ? {
        python: (text) =>
          void execFileSync('python3', ['-c', 'import ast,sys; ast.parse(sys.stdin.read())'], {
            input: text,
          }),
      }
    : {}),
  ...(hasGo ? { go: (text) => void execFileSync('gofmt', ['-e'], { input: text }) } : {}),
};

describe('settings for frameworks', () => {
  it('are there for every kind of application, each with an id of its own', () => {
    for (const kind of clientKinds) {
      const found = frameworksFor(kind);
      expect(found.length, kind).to.be.greaterThan(1);
      expect(found.at(-1)?.id).to.equal('generic');
    }
    const ids = frameworks.map(({ id }) => id);
    expect(new Set(ids).size).to.equal(ids.length);
    expect(frameworksFor('web', { withGateways: true }).map(({ id }) => id)).to.include('oauth2-proxy');
  });

  for (const framework of frameworks) {
    describe(framework.name, () => {
      const isService = framework.kinds.length === 1 && framework.kinds[0] === 'service';
      const isDevice = framework.kinds.length === 1 && framework.kinds[0] === 'device';
      const all = (values: FrameworkValues) =>
        framework
          .files(values)
          .map(({ text }) => text)
          .join('\n');

      it('have the values of the client', () => {
        const text = all(usual);
        expect(text, 'client_id').to.include('harbour-notes');
        if (framework.id !== 'rails') expect(text, 'issuer').to.include('https://id.example.com');
        else expect(text).to.include("host: 'id.example.com'").and.to.include('port: 443');
        if (isService) expect(text).to.include('orders:read');
        else if (
          !isDevice &&
          framework.id !== 'next' &&
          framework.id !== 'grafana' &&
          framework.id !== 'argo-cd'
        ) {
          // ASP.NET, Django and the like know the rest of the address themselves.
          const known = framework.callbackPath
            ? /auth\/callback|notes\.example\.com/
            : /notes\.example\.com\/auth\/callback/;
          if (framework.id !== 'django' && framework.id !== 'aspnet-core')
            expect(text, 'redirect').to.match(known);
        }
        if (!isService) {
          for (const scope of usual.scopes) expect(text, scope).to.include(scope);
        }
      });

      it('name the secret, where there is one, and have none', () => {
        const text = all(usual);
        const isPublic = framework.kinds.every((kind) => ['spa', 'native', 'device'].includes(kind));
        if (isPublic) expect(text).to.not.match(/secret/i);
        else expect(text).to.include(secretVariable);
      });

      it('are what their language can read, whatever the values', () => {
        for (const values of [usual, awkward]) {
          for (const { name, language, text } of framework.files(values)) {
            const parse = parsers[language];
            if (parse) expect(() => parse(text), `${name}\n${text}`).to.not.throw();
            expect(text, name).to.not.match(/\bundefined\b(?!,)|\[object|\bNaN\b/);
          }
        }
      });
    });
  }

  it('keep awkward values as they are in YAML', () => {
    const spring = frameworks.find(({ id }) => id === 'spring-boot');
    const [file] = spring?.files(awkward) ?? [];
    const [document] = parseAllDocuments(file?.text ?? '');
    const registration = document?.getIn([
      'spring',
      'security',
      'oauth2',
      'client',
      'registration',
      'holdfast',
    ]) as { toJSON(): Record<string, unknown> } | undefined;
    expect(registration?.toJSON()).to.deep.include({
      'client-id': awkward.clientId,
      'redirect-uri': awkward.redirectUri,
      scope: awkward.scopes,
    });
  });

  it('run nothing of an awkward value in a shell', () => {
    for (const text of [awkward.clientId, awkward.redirectUri, "a'b'c", '$(touch /nowhere)', '']) {
      const heard = execFileSync('sh', ['-c', `printf %s ${shell(text)}`], { encoding: 'utf8' });
      expect(heard).to.equal(text);
    }
  });

  it('ask for PKCE wherever that has to be asked for', () => {
    const asks: Record<string, RegExp> = {
      express: /code_challenge_method: 'S256'/,
      next: /checks: \['pkce'/,
      'spring-boot': /withPkce\(\)/,
      'aspnet-core': /UsePkce = true/,
      django: /OIDC_USE_PKCE = True/,
      authlib: /"code_challenge_method": "S256"/,
      laravel: /enablePKCE\(\)/,
      rails: /pkce: true/,
      go: /S256ChallengeOption/,
      grafana: /use_pkce = true/,
      'argo-cd': /enablePKCEAuthentication: true/,
      'oauth2-proxy': /code_challenge_method = "S256"/,
    };
    for (const [id, sign] of Object.entries(asks)) {
      const text = frameworks
        .find((one) => one.id === id)
        ?.files(usual)
        .map((one) => one.text)
        .join('\n');
      expect(text, id).to.match(sign);
    }
  });

  it('name endpoints below the issuer', () => {
    for (const endpoint of Object.values(endpointsOf(usual.issuer))) {
      expect(endpoint.startsWith(`${usual.issuer}/`)).to.equal(true);
    }
  });
});
