import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

/**
 * Who may import whom. Data flows one way: http → flows → stores → redis. `root` are the files directly in src,
 * but for app.ts and main.ts, which wire everything.
 */
const mayImport: Record<string, string[]> = {
  root: ['root'],
  redis: ['root', 'redis'],
  http: ['root', 'http'],
  mail: ['root', 'redis', 'mail'],
  metrics: ['root', 'metrics'],
  backup: ['root', 'redis', 'backup'],
  doctor: ['root', 'redis', 'http', 'mail', 'oidc', 'events', 'doctor'],
  access: ['root', 'redis', 'access'],
  events: ['root', 'redis', 'access', 'events'],
  settings: ['root', 'redis', 'access', 'settings'],
  accounts: ['root', 'redis', 'mail', 'access', 'events', 'accounts'],
  upstream: ['root', 'redis', 'upstream'],
  oidc: ['root', 'redis', 'access', 'events', 'settings', 'oidc'],
  interactions: ['root', 'http', 'mail', 'access', 'events', 'accounts', 'upstream', 'oidc', 'interactions'],
  'self-service': [
    'root',
    'http',
    'mail',
    'access',
    'events',
    'accounts',
    'upstream',
    'oidc',
    'self-service',
  ],
  admin: [
    'root',
    'redis',
    'http',
    'mail',
    'access',
    'events',
    'settings',
    'accounts',
    'upstream',
    'oidc',
    'admin',
  ],
  local: ['root', 'redis', 'local', 'app', 'demo'],
  cli: [
    'root',
    'redis',
    'app',
    'local',
    'access',
    'events',
    'settings',
    'oidc',
    'accounts',
    'admin',
    'backup',
    'doctor',
    'cli',
  ],
  demo: ['demo'],
  app: [
    'app',
    'root',
    'redis',
    'http',
    'mail',
    'metrics',
    'access',
    'events',
    'settings',
    'accounts',
    'upstream',
    'oidc',
    'interactions',
    'self-service',
    'admin',
    'backup',
    'doctor',
  ],
  main: ['root', 'redis', 'http', 'accounts', 'oidc', 'interactions', 'local', 'app', 'demo'],
};

/** A root file leans on modules for a type or a parser of what it reads. */
const exceptions = new Set([
  'config-values.ts → redis/redis-url.ts',
  'config-values.ts → redis/vault.ts',
  'config.ts → upstream/provider-settings.ts',
]);

/** Packages, and built-in things, that one module or file keeps to itself. */
const quarantine: { what: RegExp; where: RegExp; why: string }[] = [
  { what: /from 'oidc-provider'/, where: /^oidc\//, why: 'only oidc knows the engine' },
  {
    what: /from 'ejs'/,
    where: /^http\/render\.ts$|^mail\/compose\.ts$|^demo\//,
    why: 'only render.ts and compose.ts know EJS',
  },
  { what: /from 'nodemailer/, where: /^mail\/smtp\.ts$/, why: 'only smtp.ts sends mail' },
  {
    what: /from '@simplewebauthn/,
    where: /^accounts\/passkeys\.ts$/,
    why: 'only passkeys.ts knows WebAuthn',
  },
  { what: /from 'otpauth/, where: /^accounts\/totp\.ts$/, why: 'only totp.ts knows TOTP' },
  {
    what: /from 'openid-client'/,
    where: /^upstream\/|^demo\//,
    why: 'only upstream signs in elsewhere',
  },
  {
    what: /from '@zxcvbn-ts/,
    where: /^accounts\/password-strength-worker\.ts$/,
    why: 'only the thread of password-strength.ts has the lists',
  },
  {
    what: /import\('@node-rs\/bcrypt'\)/,
    where: /^accounts\/foreign-hashes\/bcrypt\.ts$/,
    why: 'only bcrypt.ts checks bcrypt',
  },
  { what: /from 'prom-client'/, where: /^metrics\/metrics\.ts$/, why: 'only metrics.ts knows Prometheus' },
  {
    what: /(from |import\()'@opentelemetry\//,
    where: /^tracing\.ts$/,
    why: 'only tracing.ts knows OpenTelemetry',
  },
  { what: /from 'argon2'/, where: /^accounts\/password\.ts$/, why: 'only password.ts hashes' },
  { what: /from 'ioredis'/, where: /^redis\/|^demo\//, why: 'only redis knows the client' },
  {
    what: /\bprocess\.env\b/,
    where: /^config\.ts$|^main\.ts$|^cli\/run\.ts$|^local\/three-pods\.ts$/,
    why: 'the environment is read by config.ts; the entry points hand it over',
  },
  {
    what: /\bDate\.now\(|\bnew Date\(\)/,
    where: /^clock\.ts$|^demo\/|^local\//,
    why: 'only clock.ts reads the clock',
  },
];

const source = fileURLToPath(new URL('../src/', import.meta.url));

type Breach = string;

function moduleOf(file: string): string {
  if (/^app(-[a-z-]+)?\.ts$/.test(file)) return 'app';
  if (file === 'main.ts') return 'main';
  const [folder = '', rest] = file.split('/');
  return rest === undefined ? 'root' : folder;
}

/** @param files path below src → text */
function breaches(files: Map<string, string>): Breach[] {
  const found: Breach[] = [];
  for (const [file, text] of files) {
    for (const [, path] of text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
      const target = relative(source, join(source, dirname(file), path ?? ''));
      const allowed = mayImport[moduleOf(file)] ?? [];
      if (!allowed.includes(moduleOf(target)) && !exceptions.has(`${file} → ${target}`)) {
        found.push(`${file} imports ${target}`);
      }
    }
    // Texts of other people's programs, to be copied.
    if (file.startsWith('admin/console/framework-settings/')) continue;
    for (const { what, where, why } of quarantine) {
      if (what.test(withoutComments(text)) && !where.test(file)) found.push(`${file}: ${why}`);
    }
  }
  return found;
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

function sourceFiles(): Map<string, string> {
  const names = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return new Map(names.map((name) => [name, readFileSync(join(source, name), 'utf8')]));
}

describe('the house', () => {
  it('keeps its import rules', () => {
    const files = sourceFiles();
    expect(files.size).to.be.greaterThan(30);
    expect(breaches(files)).to.deep.equal([]);
  });

  it('finds a planted breach', () => {
    const planted = new Map([
      ['http/planted.ts', "import { openStore } from '../redis/redis.ts';\n"],
      ['accounts/planted.ts', "import { Provider } from 'oidc-provider';\n"],
      ['oidc/planted.ts', 'const secret = process.env.SECRET;\n'],
      ['interactions/planted.ts', 'const at = Date.now();\n'],
    ]);
    expect(breaches(planted)).to.have.lengthOf(4);
  });

  it('has no drawer files', () => {
    const drawers = /(^|\/)(utils?|helpers?|common|types|constants|index)\.ts$/;
    expect([...sourceFiles().keys()].filter((name) => drawers.test(name))).to.deep.equal([]);
  });
});
