import { mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { CannotStart, createApp } from '../app.ts';
import type { Config } from '../config.ts';
import { startProtectedApi } from '../demo/protected-api.ts';
import { startRelyingParty } from '../demo/relying-party.ts';
import { createLog } from '../log.ts';
import { startLocalRedis } from '../redis/local-server.ts';
import { type DemoDetails, demoRelyingPartySecrets, seed } from './local.ts';

/**
 * `npm start` with nothing set: Redis, the provider, and the demo relying party with its API, in one go. People
 * read the terminal, so the log goes to a file beside the data.
 * @returns stops everything, Redis last
 */
export async function startLocally(config: Config): Promise<() => Promise<void>> {
  const directory = config.localDirectory;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const logFile = join(directory, 'holdfast.log');
  const log = createLog(config.logLevel, config.pod, openSync(logFile, 'a', 0o600));
  const closers: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };

  try {
    const redis = await startLocalRedis({ directory, log }).catch((error: Error) => {
      throw new CannotStart([error.message]);
    });
    closers.push(() => redis.close());

    const relyingPartyUrl = `http://localhost:${config.demo.port}`;
    const apiUrl = `http://localhost:${config.demo.apiPort}`;
    const app = createApp(config, redis.target, log, { demo: { relyingPartyUrl } });
    closers.push(() => app.drain());
    await app.listen();
    const demo = await seed(await app.ready(), directory, {
      issuer: config.issuer,
      relyingPartyUrl,
      apiUrl,
    });

    const api = await startProtectedApi({
      issuer: config.issuer,
      audience: apiUrl,
      port: config.demo.apiPort,
    });
    closers.push(() => api.close());
    const relyingParty = await startRelyingParty({
      issuer: config.issuer,
      clientId: demo.client.id,
      clientSecret: demo.client.secret,
      port: config.demo.port,
      publicUrl: relyingPartyUrl,
      apiUrl,
      apiAudience: apiUrl,
      cookieSecrets: demoRelyingPartySecrets(directory),
      session: { mode: 'cookie' },
      signInHint: demo.account,
    });
    closers.push(() => relyingParty.close());
    process.stdout.write(welcome(demo, directory, logFile));
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}

function welcome(demo: DemoDetails, directory: string, logFile: string): string {
  const { issuer, relyingParty, account, owner } = demo;
  return `
  Holdfast is running.

    Try it       ${relyingParty}   a demo application that signs in here
    Sign in as   ${account.email}
    Password     ${account.password}

    Administer   ${issuer}/admin
    Sign in as   ${owner.email}
    Password     ${owner.password}

    Provider     ${issuer}
    Discovery    ${issuer}/.well-known/openid-configuration
    Data         ${directory}/   (kept when you stop; log in ${logFile})

  Sign in, stop this with Ctrl-C, start it again, and reload: you are still signed in.
  See three pods being killed under you: npm run demo

`;
}
