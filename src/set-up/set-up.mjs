/**
 * Makes a fresh clone ready: dependencies, the Node that runs everything, a Redis server, and Chromium for the
 * tests. Plain JavaScript without dependencies, since nothing is installed yet and the Node at hand may be old.
 * Called by npm before `start`, `test` and the others; does nothing, quickly, when all is there.
 *
 *   node src/set-up/set-up.mjs [--test] [--quiet]
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const modules = join(root, 'node_modules');
const stamp = join(modules, '.holdfast-set-up');
const lock = join(root, 'node_modules.lock');
const pinnedNode = join(modules, '.bin', 'node');
const pinnedMajor = 24;

const forTests = process.argv.includes('--test');
const isQuiet = process.argv.includes('--quiet');

/** Something that the person has to do; its message says what. */
class Stop extends Error {}

async function main() {
  await installDependencies();
  checkPinnedNode();
  const wanted = [
    { name: 'a Redis server', programs: ['redis-server', 'valkey-server'], packages: redisPackages },
  ];
  if (forTests) {
    wanted.push({
      name: 'Chromium, for the tests',
      programs: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
      packages: chromiumPackages,
    });
  }
  const missing = wanted.filter(({ programs }) => !programs.some(isOnPath));
  if (missing.length > 0) await installPrograms(missing);
}

// Dependencies

async function installDependencies() {
  if (isInstalled()) return;
  await underLock(async () => {
    if (isInstalled()) return;
    // --ignore-scripts in somebody's npm configuration must not leave the pinned Node out.
    await run('Installing dependencies (first start only)', 'npm', ['ci', '--no-audit', '--no-fund'], {
      npm_config_ignore_scripts: 'false',
    });
    writeFileSync(stamp, lockDigest());
  });
}

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === lockDigest() && existsSync(pinnedNode);
}

function lockDigest() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

/** Two set-ups at once (a start and a test, say) must not install over each other. */
async function underLock(work) {
  const abandonedMs = 10 * 60 * 1000;
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const { mtimeMs } = statSync(lock, { throwIfNoEntry: false }) ?? { mtimeMs: 0 };
      if (Date.now() - mtimeMs > abandonedMs) rmSync(lock, { recursive: true, force: true });
      else await pause(200);
    }
  }
  try {
    await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function checkPinnedNode() {
  const { stdout } = spawnSync(pinnedNode, ['--version'], { encoding: 'utf8' });
  if (stdout?.startsWith(`v${pinnedMajor}.`)) return;
  rmSync(stamp, { force: true });
  throw new Stop(
    `Node ${pinnedMajor}, which Holdfast runs on, was not installed by npm${stdout ? ` (found ${stdout.trim()})` : ''}. ` +
      'Delete node_modules and run this again; if it stays so, npm is kept from running install scripts.',
  );
}

// Programs of the system

const redisPackages = {
  'apt-get': ['redis-server'],
  dnf: ['redis'],
  yum: ['redis'],
  apk: ['redis'],
  pacman: ['redis'],
  zypper: ['redis'],
  brew: ['redis'],
};
const chromiumPackages = {
  'apt-get': ['chromium'],
  dnf: ['chromium'],
  yum: ['chromium'],
  apk: ['chromium'],
  pacman: ['chromium'],
  zypper: ['chromium'],
  brew: ['--cask', 'chromium'],
};
const installCommands = {
  'apt-get': ['install', '-y'],
  dnf: ['install', '-y'],
  yum: ['install', '-y'],
  apk: ['add'],
  pacman: ['-S', '--noconfirm'],
  zypper: ['--non-interactive', 'install'],
  brew: ['install'],
};

async function installPrograms(missing) {
  const names = missing.map(({ name }) => name).join(' and ');
  const manager = Object.keys(installCommands).find(isOnPath);
  if (!manager)
    throw new Stop(
      `Holdfast needs ${names}. Install ${missing.map(({ programs }) => programs[0]).join(' and ')} and run this again.`,
    );

  const packages = missing.flatMap((one) => one.packages[manager]);
  const command = [manager, ...installCommands[manager], ...packages];
  const prefix = rightsFor(manager);
  if (!prefix) throw new Stop(`Holdfast needs ${names}. Install with: sudo ${command.join(' ')}`);

  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = () => run(`Installing ${names}`, ...split([...prefix, ...command]), environment);
  if (manager !== 'apt-get') {
    await install();
  } else {
    // The list of packages of a fresh image is empty or old.
    await run('Looking up packages', ...split([...prefix, 'apt-get', 'update', '-qq']), environment).catch(
      () => {},
    );
    await install();
    stopSystemRedis(prefix);
  }
  const absent = missing.filter(({ programs }) => !programs.some(isOnPath));
  if (absent.length > 0)
    throw new Stop(
      `${absent.map(({ name }) => name).join(' and ')} is still missing; install it and run this again.`,
    );
}

/** Debian starts the server that it installs; nothing here uses it, and it would hold a port. */
function stopSystemRedis(prefix) {
  if (!existsSync('/run/systemd/system')) return;
  spawnSync(...split([...prefix, 'systemctl', 'disable', '--now', 'redis-server']), { stdio: 'ignore' });
}

/** What goes before a command so that it may install; undefined when it may not. */
function rightsFor(manager) {
  if (manager === 'brew' || process.getuid?.() === 0) return [];
  if (isOnPath('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0)
    return ['sudo', '-n'];
  return undefined;
}

function split([program, ...args]) {
  return [program, args];
}

function isOnPath(program) {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/bin',
    '/usr/sbin',
    '/usr/local/bin',
    '/opt/homebrew/bin',
  ];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

// Running and telling

/** Says what goes on, keeps saying so, and shows what the program printed only when it fails. */
async function run(what, program, args, environment = {}) {
  const started = Date.now();
  say(`${what} …`);
  const reminder = setInterval(
    () => say(`${what}: ${Math.round((Date.now() - started) / 1000)} s so far …`),
    10_000,
  );
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const code = await new Promise((resolve) => {
    child.once('error', () => resolve(undefined));
    child.once('close', resolve);
  });
  clearInterval(reminder);
  if (code !== 0) throw new Stop(`${what} failed:\n${output.trim().split('\n').slice(-25).join('\n')}`);
}

function say(line) {
  // Also when quiet: that somebody waits is worth a line.
  process.stderr.write(`${line}\n`);
}

const begun = Date.now();
try {
  await main();
  if (!isQuiet && Date.now() - begun > 2000) say('Ready.');
} catch (error) {
  process.stderr.write(`${error instanceof Stop ? error.message : error.stack}\n`);
  process.exit(1);
}
