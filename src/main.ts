/** Starts a pod: reads the configuration, builds the app, listens, and drains when it is told to stop. */
import { CannotStart, createApp } from './app.ts';
import { type Config, ConfigFaults, readConfig } from './config.ts';
import { keepStacksShort } from './errors.ts';
import { localDefaults } from './local/local.ts';
import { startLocally } from './local/start-locally.ts';
import { createLog, flushLog } from './log.ts';

async function main(): Promise<void> {
  const config = readConfig(process.env, localDefaults(process.env));
  const { target } = config.redis;
  if (!target) {
    stopOnSignal(await startLocally(config));
    return;
  }

  if (!['debug', 'trace'].includes(config.logLevel)) keepStacksShort();
  const log = createLog(config.logLevel, config.pod);
  warnOfUnsafe(config, (warning) => log.warn(warning));
  const app = createApp(config, target, log);
  stopOnSignal(async () => {
    await app.drain();
    await flushLog(log);
  });
  const { port } = await app.listen();
  log.info({ port, issuer: config.issuer, pid: process.pid }, 'listening');
  await app.ready();
  log.info('ready');
}

function stopOnSignal(stop: () => Promise<void>): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      void stop().then(() => process.exit(0), fail);
    });
  }
}

function warnOfUnsafe(config: Config, warn: (warning: string) => void): void {
  if (config.allowHttp) warn('HOLDFAST_UNSAFE_ALLOW_HTTP: cookies and tokens travel unprotected');
  if (config.mail.areShown) {
    warn(
      'HOLDFAST_UNSAFE_SHOW_MAILS: whoever opens /local/mails on this machine reads the mails of everybody',
    );
  }
  if (config.allowPrivateAddresses) {
    warn('HOLDFAST_UNSAFE_ALLOW_PRIVATE_ADDRESSES: client URLs may point into this network');
  }
}

function fail(error: unknown): void {
  if (error instanceof ConfigFaults || error instanceof CannotStart) {
    process.stderr.write(`Holdfast cannot start:\n${error.faults.map((fault) => `  - ${fault}\n`).join('')}`);
  } else if (isPortTaken(error)) {
    process.stderr.write(
      `Port ${error.port} is in use. Stop what uses it, or choose others with HOLDFAST_PORT, HOLDFAST_METRICS_PORT, HOLDFAST_DEMO_PORT and HOLDFAST_DEMO_API_PORT.\n`,
    );
  } else {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  }
  process.exit(1);
}

function isPortTaken(error: unknown): error is Error & { port: number } {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

process.on('unhandledRejection', fail);
process.on('uncaughtException', fail);
main().catch(fail);
