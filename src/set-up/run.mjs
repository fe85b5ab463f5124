import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The root of the repository, with a slash at the end. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** Something that the person has to do; its message says what. */
export class Stop extends Error {}

const reminderMs = 10_000;
const shownOnFailure = 25;

/** On standard error, so that a command keeps its standard output for itself. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Says what goes on, keeps saying so, and shows what the program printed only when it fails.
 * @param {string} what begins a line: "Installing a thing"
 * @param {[string, ...string[]]} command
 * @throws Stop when the program fails or is not there
 */
export async function run(what, [program, ...args]) {
  const begun = Date.now();
  say(`${what}…`);
  const reminder = setInterval(() => {
    say(`${what}: ${Math.round((Date.now() - begun) / 1000)} s so far…`);
  }, reminderMs);
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const end = () => child.kill();
  process.once('exit', end);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
    });
  }
  const code = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.code));
    child.once('close', (status, signal) => resolve(status ?? signal));
  });
  process.off('exit', end);
  clearInterval(reminder);
  if (code === 0) return;
  const printed = output.trim().split('\n').slice(-shownOnFailure).join('\n');
  throw new Stop(`${what} failed (${program}: ${code}).${printed && `\n${printed}`}`);
}
