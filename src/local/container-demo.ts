/**
 * The demo of compose.yaml, where provider pods and the demo application are containers of their own that share a
 * directory. Owns the two commands that the file runs; the pods themselves are those of main.ts.
 *
 *   node src/local/container-demo.ts prepare   makes keys, accounts and the client, where there are none yet
 *   node src/local/container-demo.ts serve     the demo application and its API
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../config.ts';
import { startProtectedApi } from '../demo/protected-api.ts';
import { startRelyingParty } from '../demo/relying-party.ts';
import { createLog } from '../log.ts';
import { type DemoDetails, demoRelyingPartySecrets, prepareLocal, seedDemo } from './local.ts';

const directory = process.argv[3] ?? '/var/lib/holdfast';
const [applicationPort = 3001, apiPort = 3002] = (process.argv[4] ?? '')
  .split(',')
  .filter(Boolean)
  .map(Number);
const applicationUrl = `http://localhost:${applicationPort}`;
const apiUrl = `http://localhost:${apiPort}`;

async function prepare(): Promise<void> {
  prepareLocal(directory);
  demoRelyingPartySecrets(directory);
  const config = readConfig();
  if (!config.redis.target) throw new Error('REDIS_URL is not set: compose.yaml says it');
  const { issuer, account, owner } = await seedDemo({
    config,
    target: config.redis.target,
    directory,
    log: createLog('warn', 'prepare'),
    issuer: config.issuer,
    relyingPartyUrl: applicationUrl,
    apiUrl,
  });
  process.stdout.write(`
    Open         ${applicationUrl}
    Sign in as   ${account.email}
    Password     ${account.password}

    Administer   ${issuer}/admin
    Sign in as   ${owner.email}
    Password     ${owner.password}

`);
}

async function serve(): Promise<void> {
  const demo = JSON.parse(readFileSync(join(directory, 'demo.json'), 'utf8')) as DemoDetails;
  const host = '0.0.0.0';
  const { issuer, client, account } = demo;
  const api = await startProtectedApi({ issuer, audience: apiUrl, host, port: apiPort });
  const application = await startRelyingParty({
    issuer,
    clientId: client.id,
    clientSecret: client.secret,
    host,
    port: applicationPort,
    publicUrl: applicationUrl,
    apiUrl,
    apiAudience: apiUrl,
    cookieSecrets: demoRelyingPartySecrets(directory),
    session: { mode: 'cookie' },
    signInHint: account,
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      void Promise.all([application.close(), api.close()]).then(() => process.exit(0));
    });
  }
}

const commands: Record<string, () => Promise<void>> = { prepare, serve };
const command = commands[process.argv[2] ?? ''];
if (!command) throw new Error('say prepare or serve');
await command();
