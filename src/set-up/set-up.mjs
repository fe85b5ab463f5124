/**
 * Makes a fresh clone ready: dependencies, the Node that runs everything, fast password hashing, a Redis server,
 * and Chromium for the tests. Plain JavaScript without dependencies, since nothing is installed yet and the Node
 * at hand may be old. Called by npm before `start`, `test` and the others; does nothing, quickly, when all is
 * there. Never asks.
 *
 *   node src/set-up/set-up.mjs [--test] [--quiet]
 */
import { buildArgon2 } from './argon2-build.mjs';
import { installDependencies } from './dependencies.mjs';
import { findMissing, installPrograms } from './programs.mjs';
import { Stop, say } from './run.mjs';

const oldestMajor = 20;
/** Somebody who waited for longer is told that the wait is over. */
const longMs = 2000;

async function main() {
  const begun = Date.now();
  if (Number.parseInt(process.versions.node, 10) < oldestMajor) {
    throw new Stop(
      `Holdfast sets itself up with Node ${oldestMajor} or later; this is ${process.version}. Install a newer one and run this again.`,
    );
  }
  await installDependencies();
  await buildArgon2();
  const missing = findMissing(process.argv.includes('--test'));
  if (missing.length > 0) await installPrograms(missing);
  if (!process.argv.includes('--quiet') && Date.now() - begun > longMs) say('Ready.');
}

// An orderly exit, so that a child is ended and the lock is given back.
for (const [signal, code] of Object.entries({ SIGHUP: 129, SIGINT: 130, SIGTERM: 143 })) {
  process.once(signal, () => process.exit(code));
}

try {
  await main();
} catch (error) {
  say(error instanceof Stop ? error.message : error.stack);
  process.exit(1);
}
