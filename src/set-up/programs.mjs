import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root, run, Stop } from './run.mjs';
import { underLock } from './set-up-lock.mjs';

/**
 * `packages`: by package manager, what holds it; where there are several, the first that can be installed.
 * `files`: where it may also be, off the PATH.
 */
const redis = {
  name: 'a Redis server',
  programs: ['redis-server', 'valkey-server'],
  files: [],
  packages: {
    'apt-get': ['redis-server', 'valkey-server'],
    dnf: ['redis', 'valkey'],
    yum: ['redis', 'valkey'],
    apk: ['redis', 'valkey'],
    pacman: ['valkey', 'redis'],
    zypper: ['redis', 'valkey'],
    brew: ['redis'],
  },
};
const chromium = {
  name: 'Chromium for the tests',
  programs: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  files: [
    '/snap/bin/chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ],
  packages: {
    'apt-get': ['chromium'],
    dnf: ['chromium'],
    yum: ['chromium'],
    apk: ['chromium'],
    pacman: ['chromium'],
    zypper: ['chromium'],
    brew: ['google-chrome'],
  },
};

const installCommands = {
  // With what they recommend: Chromium recommends the fonts without which its pages are boxes.
  'apt-get': ['apt-get', 'install', '-y'],
  dnf: ['dnf', 'install', '-y'],
  yum: ['yum', 'install', '-y'],
  apk: ['apk', 'add'],
  pacman: ['pacman', '-Sy', '--noconfirm'],
  zypper: ['zypper', '--non-interactive', 'install'],
  brew: ['brew', 'install'],
};

/** A machine that has just started may be updating itself. */
const patience = ['-o', 'DPkg::Lock::Timeout=300'];

/** The programs that are not there. */
export function findMissing(isForTests) {
  const wanted = isForTests ? [redis, chromium] : [redis];
  return wanted.filter(({ programs, files }) => !programs.some(isOnPath) && !files.some(existsSync));
}

/**
 * Has the system's package manager install them, where this process may.
 * @throws Stop that names the command to run, where it may not
 */
export async function installPrograms(missing) {
  const names = missing.map(({ name }) => name).join(' and ');
  const manager = Object.keys(installCommands).find(isOnPath);
  if (!manager) {
    const programs = missing.map((one) => one.programs[0]).join(' and ');
    throw new Stop(
      `Holdfast needs ${names}. Install ${programs}, so that it is on the PATH, and run this again.`,
    );
  }
  const prefix = rightsFor(manager);
  if (!prefix) {
    const packages = missing.map((one) => one.packages[manager][0]);
    throw new Stop(
      `Holdfast needs ${names}. Run: sudo ${[...installCommands[manager], ...packages].join(' ')}`,
    );
  }
  await underLock(join(root, 'node_modules.lock'), async () => {
    const stillMissing = missing.filter(({ programs }) => !programs.some(isOnPath));
    if (stillMissing.length === 0) return;
    if (manager === 'apt-get') {
      // The list of packages of a fresh image is empty. Where it cannot be had, an old one may do.
      await run('Looking up packages', [...prefix, 'apt-get', 'update', '-qq']).catch(() => {});
    }
    for (const one of stillMissing) await installProgram(one, manager, prefix);
  });
}

async function installProgram(one, manager, prefix) {
  const [program, ...args] = installCommands[manager];
  const command = [...prefix, program, ...(manager === 'apt-get' ? patience : []), ...args];
  let refusal;
  for (const name of one.packages[manager]) {
    try {
      await run(`Installing ${one.name} (${name})`, [...command, name]);
      if (one.programs.some(isOnPath)) {
        if (one === redis) stopService(prefix, name);
        return;
      }
      refusal ??= new Stop(
        `${program} installed ${name}, but ${one.programs.join(' or ')} is not on the PATH.`,
      );
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

/**
 * Debian starts the server that it installs. Holdfast starts its own, and this one would hold a port that
 * nobody asked for. Called only for a server that was not there before.
 */
function stopService(prefix, name) {
  const quietly = ([program, ...args]) => spawnSync(program, args, { stdio: 'ignore' });
  if (existsSync('/run/systemd/system')) {
    quietly([...prefix, 'systemctl', 'disable', '--now', name]);
  } else if (existsSync(`/etc/init.d/${name}`)) {
    quietly([...prefix, 'service', name, 'stop']);
  }
}

/** What goes before a command so that it may install, and asks nothing; undefined when it may not. */
function rightsFor(manager) {
  if (manager === 'brew') return [];
  // sudo keeps no variables of its caller.
  const environment = ['env', 'DEBIAN_FRONTEND=noninteractive'];
  if (process.getuid?.() === 0) return environment;
  const maySudo = isOnPath('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0;
  return maySudo ? ['sudo', '-n', ...environment] : undefined;
}

function isOnPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}
