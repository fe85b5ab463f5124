/**
 * Local mode: what makes `npm start` a working provider with nothing set. It owns the directory `.holdfast`:
 * the sealing keys, the demo account, owner and client, and demo.json, which tells scripts about them. It does not
 * run in production, where nothing is seeded and every key comes from outside.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openParts, type Parts } from '../app.ts';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { findLocalRedis, startLocalRedis } from '../redis/local-server.ts';
import type { RedisTarget } from '../redis/redis-url.ts';

export type DemoDetails = {
  issuer: string;
  relyingParty: string;
  account: { email: string; password: string };
  /** Who may administer everything, at `<issuer>/admin`. */
  owner: { email: string; password: string };
  client: { id: string; secret: string; redirectUri: string };
};

/**
 * What holds in local mode where the environment says nothing.
 * @param environment as in process.env; with a REDIS_URL in it this is not local mode, and nothing holds
 */
export function localDefaults(environment: Record<string, string | undefined>): Record<string, string> {
  if (environment.REDIS_URL || environment.REDIS_URL_FILE) return {};
  const directory = environment.HOLDFAST_LOCAL_DIRECTORY || '.holdfast';
  const port = environment.HOLDFAST_PORT || '3000';
  return {
    HOLDFAST_DRAIN_PAUSE_MS: '0',
    HOLDFAST_ISSUER: `http://localhost:${port}`,
    HOLDFAST_RESOURCES: `http://localhost:${environment.HOLDFAST_DEMO_API_PORT || '3002'} api:read`,
    ...(environment.HOLDFAST_KEYS_FILE ? {} : { HOLDFAST_KEYS: prepareLocal(directory).keys }),
  };
}

/** The Redis of a configuration: the one it names, the local one that runs already, or one started for now. */
export async function openLocalRedis(
  config: Config,
  log: Log,
): Promise<{ target: RedisTarget; close(): Promise<void> }> {
  const target = config.redis.target ?? (await findLocalRedis(config.localDirectory));
  if (target) return { target, close: async () => {} };
  return startLocalRedis({ directory: config.localDirectory, log });
}

/** The keys that local mode seals with: made once, readable by this user alone. */
export function prepareLocal(directory: string): { keys: string } {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  return { keys: secretFile(directory, 'keys', () => `local:${randomBytes(32).toString('base64url')}`) };
}

/** The cookie secrets of the demo relying party, so that its people stay signed in when it starts again. */
export function demoRelyingPartySecrets(directory: string): string[] {
  return [secretFile(directory, 'relying-party-secret', () => randomBytes(32).toString('base64url'))];
}

/** `seed` for whoever has no parts open; three-pods.ts, whose provider runs in other processes. */
export async function seedDemo(
  options: DemoAddresses & { config: Config; target: RedisTarget; directory: string; log: Log },
): Promise<DemoDetails> {
  const parts = await openParts(options.config, options.target, options.log);
  try {
    return await seed(parts, options.directory, options);
  } finally {
    await parts.close();
  }
}

export type DemoAddresses = { issuer: string; relyingPartyUrl: string; apiUrl: string };

/** Makes the demo account, the owner and the client, or brings those of an earlier start up to date. */
export async function seed(parts: Parts, directory: string, addresses: DemoAddresses): Promise<DemoDetails> {
  const { clients } = parts;
  const { issuer, relyingPartyUrl, apiUrl } = addresses;
  const file = join(directory, 'demo.json');
  const earlier = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<DemoDetails>)
    : undefined;
  const details: DemoDetails = {
    issuer,
    relyingParty: relyingPartyUrl,
    account: earlier?.account ?? { email: 'demo@holdfast.example', password: sayablePassword() },
    owner: earlier?.owner ?? { email: 'owner@holdfast.example', password: sayablePassword() },
    client: {
      id: 'demo',
      secret: earlier?.client?.secret ?? randomBytes(32).toString('base64url'),
      redirectUri: `${relyingPartyUrl}/callback`,
    },
  };

  const demo = { name: 'Dana Demo', given_name: 'Dana', family_name: 'Demo' };
  await seedAccount(parts, { ...details.account, ...demo }, earlier?.account !== undefined);
  const owner = { name: 'Olu Owner', given_name: 'Olu', family_name: 'Owner', roles: ['owner'] };
  await seedAccount(parts, { ...details.owner, ...owner }, earlier?.owner !== undefined);
  await clients.put(
    {
      client_id: details.client.id,
      client_name: 'Harbour Notes',
      client_uri: relyingPartyUrl,
      redirect_uris: [details.client.redirectUri],
      post_logout_redirect_uris: [`${relyingPartyUrl}/signed-out`],
      grant_types: ['authorization_code', 'refresh_token'],
      first_party: true,
      resources: [apiUrl],
    },
    details.client.secret,
  );
  writePrivately(file, `${JSON.stringify(details, null, 2)}\n`);
  return details;
}

/** @param isKnown its password is that of an earlier start, or what its person has made of it since */
async function seedAccount(
  { accounts, administer }: Parts,
  account: { email: string; password: string; name: string; roles?: string[] },
  isKnown: boolean,
): Promise<void> {
  const { email, password, roles } = account;
  const made = await accounts.create({ ...account, emailVerified: true });
  if (made.ok) return;
  if (made.problem !== 'email-taken') {
    throw new Error(`the account ${email} could not be made: ${made.problem}`);
  }
  if (isKnown) return;
  // It is there from an earlier start, with a password that went with its file.
  const found = await accounts.findByEmail(email);
  if (!found) return;
  await accounts.setPassword(found.id, password);
  if (roles) await administer.update(found.id, undefined, { roles });
}

const words = [
  ...[
    'amber',
    'anchor',
    'basalt',
    'beacon',
    'birch',
    'bronze',
    'cedar',
    'cobalt',
    'copper',
    'coral',
    'delta',
  ],
  ...['ember', 'fennel', 'fjord', 'garnet', 'granite', 'harbour', 'hazel', 'indigo', 'island', 'juniper'],
  ...[
    'lantern',
    'lichen',
    'maple',
    'marble',
    'meadow',
    'mooring',
    'nickel',
    'ochre',
    'onyx',
    'pebble',
    'quartz',
  ],
  ...[
    'raven',
    'saffron',
    'signal',
    'silver',
    'slate',
    'sparrow',
    'spruce',
    'tidal',
    'timber',
    'velvet',
    'willow',
  ],
];

/** Four words and a number: long enough for the rule, short enough to type from a terminal. */
function sayablePassword(): string {
  const picked = Array.from({ length: 4 }, () => words[randomInt(words.length)]);
  return `${picked.join('-')}-${randomInt(10, 100)}`;
}

function secretFile(directory: string, name: string, make: () => string): string {
  const file = join(directory, name);
  if (!existsSync(file)) writePrivately(file, `${make()}\n`);
  return readFileSync(file, 'utf8').trim();
}

/** Written beside and moved into place, so that a kill leaves the old file or the new one. */
function writePrivately(file: string, content: string): void {
  const beside = `${file}.${process.pid}`;
  writeFileSync(beside, content, { mode: 0o600 });
  renameSync(beside, file);
}
