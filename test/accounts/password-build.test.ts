import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const builder = join(repository, 'src/set-up/argon2-build.mjs');
const checker = join(repository, 'src/set-up/argon2-check.mjs');
const hasher = join(repository, 'bench/password-hasher.ts');
const hasCompiler = spawnSync('c++', ['--version']).status === 0;
const slow = 'Passwords are hashed by the prebuilt binary';

describe('the password hashing that set-up builds', () => {
  let directory: string;
  let modules: string;
  /** A PATH of its own. */
  let programs: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-argon2-'));
    modules = join(directory, 'node_modules');
    programs = join(directory, 'programs');
    for (const made of [modules, programs]) mkdirSync(made);
    const packaged = join(repository, 'node_modules/argon2');
    cpSync(packaged, join(modules, 'argon2'), {
      recursive: true,
      filter: (path) => path !== join(packaged, 'build'),
    });
    for (const name of ['node-addon-api', 'node-api-headers']) {
      symlinkSync(join(repository, 'node_modules', name), join(modules, name));
    }
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const built = () => join(modules, 'argon2/build/Release/argon2.node');

  /** @returns what it says */
  function build(path: string): string {
    const code = `import(${JSON.stringify(builder)}).then((m) => m.buildArgon2(${JSON.stringify(modules)}))`;
    const ran = spawnSync(process.execPath, ['-e', code], {
      encoding: 'utf8',
      env: { ...process.env, PATH: path },
    });
    expect(ran.status, ran.stderr).to.equal(0);
    return ran.stderr;
  }

  it('is built once, and gives the hash of RFC 9106', function () {
    if (!hasCompiler) return this.skip();
    expect(build(process.env.PATH ?? '')).to.include('Building the password hashing');
    const { status, stderr } = spawnSync(process.execPath, [checker, built()], { encoding: 'utf8' });
    expect(status, stderr).to.equal(0);
    expect(build(process.env.PATH ?? '')).to.equal('');
  });

  it('is left to the prebuilt binary where there is no compiler, which is said once', function () {
    if (!hasCompiler) return this.skip();
    expect(build(programs)).to.include('no C++ compiler').and.include(slow);
    expect(existsSync(built())).to.equal(false);
    expect(build(programs)).to.equal('');
    // Until there is one.
    expect(build(process.env.PATH ?? '')).to.include('Building the password hashing');
    expect(existsSync(built())).to.equal(true);
  });

  it('is left to the prebuilt binary where the compiler fails, which is said once', () => {
    writeFileSync(join(programs, 'c++'), '#!/bin/sh\necho "no such option" >&2\nexit 1\n', { mode: 0o755 });
    const path = `${programs}:${process.env.PATH}`;
    expect(build(path)).to.include('no such option').and.include(slow);
    expect(existsSync(built())).to.equal(false);
    expect(build(path)).to.equal('');
  });

  it('is not used when it hashes wrongly', function () {
    if (!hasCompiler) return this.skip();
    const source = join(modules, 'argon2/argon2/src/blake2/blake2b.c');
    const text = readFileSync(source, 'utf8');
    const wrong = text.replace(/6a09e667f3bcc908/i, '6a09e667f3bcc909');
    expect(wrong).to.not.equal(text);
    writeFileSync(source, wrong);
    expect(build(process.env.PATH ?? ''))
      .to.include('a wrong hash')
      .and.include(slow);
    expect(existsSync(built())).to.equal(false);
  });

  it('takes at most 60 % of the time of the prebuilt binary, where this checkout has it', function () {
    if (!existsSync(join(repository, 'node_modules/argon2/build/Release/argon2.node'))) return this.skip();
    const cpuMs = (binding: string, environment: Record<string, string>) => {
      const { stdout } = spawnSync(process.execPath, [hasher, binding, '8'], {
        encoding: 'utf8',
        env: { ...process.env, ...environment },
      });
      return JSON.parse(stdout).cpuMs as number;
    };
    const least = { built: Number.POSITIVE_INFINITY, prebuilt: Number.POSITIVE_INFINITY };
    for (let round = 0; round < 2; round++) {
      least.built = Math.min(least.built, cpuMs('holdfast', {}));
      least.prebuilt = Math.min(least.prebuilt, cpuMs('prebuilt', { PREBUILDS_ONLY: '1' }));
    }
    expect(least.built / least.prebuilt).to.be.lessThan(0.6);
  });
});
