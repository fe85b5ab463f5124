import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, run, Stop, say } from './run.mjs';
import { underLock } from './set-up-lock.mjs';

/**
 * Builds the package argon2 from its own sources, so that a hash takes a third of the time: with the
 * processor's vector instructions, and with memory that is kept from one hash to the next (argon2-memory.c).
 * The prebuilt binary that comes with the package has neither. Compiles directly, since node-gyp would fetch
 * headers from the network.
 *
 *   node src/set-up/argon2-build.mjs    in an image: fails when it is not built
 */

const compilers = ['c++', 'g++', 'clang++'];
const platforms = ['linux', 'darwin', 'freebsd'];
const here = dirname(fileURLToPath(import.meta.url));
const slow = 'Passwords are hashed by the prebuilt binary, which takes about three times as long.';
const ownSources = ['argon2-build.mjs', 'argon2-memory.c', 'argon2-dispatch.c'];

/**
 * Does nothing, quickly, when it was done before. Without a compiler, or when it fails, the prebuilt binary
 * stays in use, and that is said once.
 * @param {string} modules the directory node_modules
 */
export async function buildArgon2(modules = join(root, 'node_modules')) {
  const directory = join(modules, 'argon2');
  if (!platforms.includes(process.platform) || !existsSync(join(directory, 'argon2.cpp'))) return;
  const stamp = join(directory, 'build', 'holdfast');
  const isDone = () => {
    const state = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
    return state.startsWith(digestOf(directory)) && !(state.endsWith('no compiler') && findCompiler());
  };
  if (isDone()) return;
  if (!mayWrite(directory)) {
    say(`${directory} cannot be written. ${slow}`);
    return;
  }
  await underLock(join(modules, '..', 'node_modules.lock'), async () => {
    if (isDone()) return;
    const outcome = await build(modules, directory);
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, `${digestOf(directory)} ${outcome}`);
  });
}

async function build(modules, directory) {
  const compiler = findCompiler();
  if (!compiler) {
    say(`There is no C++ compiler here (such as g++). ${slow}`);
    return 'no compiler';
  }
  const release = join(directory, 'build', 'Release');
  mkdirSync(release, { recursive: true });
  const work = mkdtempSync(join(directory, 'build', 'work-'));
  try {
    const made = join(work, 'argon2.node');
    await run('Building the password hashing for this machine', [
      ...['sh', '-ec', script(compiler, modules, directory, work, made)],
    ]);
    await run('Testing it', [process.execPath, join(here, 'argon2-check.mjs'), made]);
    // Where the package looks before it takes the prebuilt one.
    renameSync(made, join(release, 'argon2.node'));
    return 'built';
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    say(`${error.message}\n${slow}`);
    return 'failed';
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** What the package's binding.gyp says, with the changes that make it fast. */
function script(compiler, modules, directory, work, made) {
  const source = join(directory, 'argon2', 'src');
  const isX64 = process.arch === 'x64';
  const include = ['argon2/include', 'argon2/src'].map((path) => `-I${quote(join(directory, path))}`);
  const shared = ['-O3', '-fPIC', '-pthread', '-fvisibility=hidden', '-DNDEBUG', ...include];
  const objects = [];
  const compile = (path, ...flags) => {
    const object = join(work, `${objects.length}.o`);
    objects.push(quote(object));
    // One thread for a hash, so that the number of hashes at once bounds the threads.
    const all = ['-x c', ...shared, '-DARGON2_NO_THREADS', ...flags];
    return [compiler, '-c', ...all, quote(path), '-o', quote(object)].join(' ');
  };
  const commands = ['argon2.c', 'blake2/blake2b.c', 'encoding.c'].map((path) => compile(join(source, path)));
  const memory = ['-Dmalloc=holdfast_take_memory', '-Dfree=holdfast_give_memory'];
  commands.push(compile(join(source, 'core.c'), ...memory), compile(join(here, 'argon2-memory.c')));
  if (isX64) {
    commands.push(
      compile(join(source, 'opt.c'), '-Dfill_segment=fill_segment_plain'),
      compile(join(source, 'opt.c'), '-Dfill_segment=fill_segment_avx2', '-mavx2'),
      compile(join(here, 'argon2-dispatch.c')),
    );
  } else {
    commands.push(compile(join(source, 'ref.c')));
  }
  const headers = ['node-addon-api', 'node-api-headers/include'].map(
    (path) => `-I${quote(join(modules, path))}`,
  );
  const binding = [
    ...['-std=c++17', '-fexceptions', '-DNAPI_VERSION=8', '-DNODE_GYP_MODULE_NAME=argon2'],
    ...[
      '-DNODE_ADDON_API_DISABLE_DEPRECATED',
      '-DNODE_API_NO_EXTERNAL_BUFFERS_ALLOWED',
      '-DBUILDING_NODE_EXTENSION',
    ],
  ];
  const link = process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared'];
  const main = quote(join(directory, 'argon2.cpp'));
  commands.push(
    [compiler, ...shared, ...headers, ...binding, ...link, main, ...objects, '-o', quote(made)].join(' '),
  );
  return commands.join('\n');
}

function digestOf(directory) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} `);
  for (const name of ownSources) hash.update(readFileSync(join(here, name)));
  return hash.update(readFileSync(join(directory, 'package.json'))).digest('hex');
}

function findCompiler() {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return compilers.find((name) => folders.some((folder) => may(constants.X_OK, join(folder, name))));
}

const mayWrite = (path) => may(constants.W_OK, path);

function may(mode, path) {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function quote(path) {
  return `'${path.replaceAll("'", "'\\''")}'`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildArgon2();
  if (!existsSync(join(root, 'node_modules/argon2/build/Release/argon2.node'))) process.exit(1);
}
