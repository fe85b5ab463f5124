import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, Stop } from './run.mjs';
import { underLock } from './set-up-lock.mjs';

const modules = join(root, 'node_modules');
/** Holds the digest of the lock file for which everything was found to work. */
const stamp = join(modules, '.holdfast-set-up');
const pinnedNode = join(modules, '.bin', 'node');
const pinnedMajor = 24;

/** The packages that do not work without their install scripts. */
const withScripts = ['node', 'argon2'];

/**
 * Has npm install exactly what package-lock.json says, and makes sure that the Node which it brings runs.
 * @throws Stop
 */
export async function installDependencies() {
  if (isStamped()) return;
  await underLock(join(root, 'node_modules.lock'), async () => {
    if (isStamped()) return;
    if (!isAsLocked()) {
      if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) {
        throw new Stop(
          `${modules} is a link, and npm would empty what it leads to. Remove the link, or bring ${readlinkSync(modules)} up to date there.`,
        );
      }
      // Files that come and go: an npm whose set-up was killed is still at work, or has just ended itself over it.
      await install().catch((error) => {
        if (!/\b(ENOTEMPTY|ENOENT|EEXIST)\b/.test(error.message)) throw error;
        return install();
      });
    }
    if (findFault()) {
      // npm may be told to run no install scripts. These few are needed, and pinned by the lock file.
      await run('Running the install scripts that npm left out', [
        ...['npm', 'rebuild', '--ignore-scripts=false', ...withScripts],
      ]);
    }
    const fault = findFault();
    if (fault) throw new Stop(`${fault} Delete the directory node_modules and run this again.`);
    writeFileSync(stamp, lockDigest());
  });
}

function install() {
  const what = existsSync(modules) ? 'Updating dependencies' : 'Installing dependencies (first start only)';
  // The pinned Node is a development dependency, which NODE_ENV=production would leave out.
  return run(what, ['npm', 'ci', '--include=dev', '--no-audit', '--no-fund']);
}

function isStamped() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === lockDigest() && existsSync(pinnedNode);
}

function lockDigest() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  return createHash('sha256').update(lock).digest('hex');
}

/** Whether npm itself, run by hand, has installed what the lock file says. Then there is nothing to replace. */
function isAsLocked() {
  const installed = readPackages(join(modules, '.package-lock.json'));
  if (!installed) return false;
  const { '': _root, ...locked } = readPackages(join(root, 'package-lock.json')) ?? {};
  const isInstalled = ([path, { version, integrity, optional }]) => {
    const found = installed[path];
    if (!found) return optional === true;
    return found.version === version && found.integrity === integrity && existsSync(join(root, path));
  };
  return Object.entries(locked).every(isInstalled) && Object.keys(installed).every((path) => path in locked);
}

function readPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined;
}

/** What is wrong with what npm installed, as a sentence. */
function findFault() {
  const version = spawnSync(pinnedNode, ['--version'], { encoding: 'utf8' });
  if (version.status !== 0) {
    return `Node ${pinnedMajor}, which Holdfast runs on and npm installs for it, does not run here (${version.error?.code ?? `exit ${version.status}`}).`;
  }
  if (!version.stdout.startsWith(`v${pinnedMajor}.`)) {
    return `npm installed Node ${version.stdout.trim()} for Holdfast, which runs on ${pinnedMajor}.`;
  }
  const hashing = spawnSync(pinnedNode, ['-e', 'require("argon2")'], { cwd: root, encoding: 'utf8' });
  if (hashing.status !== 0) {
    return `The password hashing (npm package argon2) does not load here: ${hashing.stderr.match(/^\w*Error.*$/m)?.[0] ?? ''}.`;
  }
  return undefined;
}
