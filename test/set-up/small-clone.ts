import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/**
 * A directory like a fresh clone, with the real set-up script and a lock file for the real npm, but with two
 * small packages in place of ours: each does nothing without its install script, as `node` and `argon2` do. npm
 * has them from files, so nothing is fetched.
 * @returns its path, readable by every user
 */
export function makeSmallClone(): string {
  const clone = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-set-up-')));
  spawnSync('chmod', ['755', clone]);
  cpSync(join(repository, 'src/set-up'), join(clone, 'src/set-up'), { recursive: true });
  cpSync(join(repository, '.npmrc'), join(clone, '.npmrc'));

  pack(clone, 'node', {
    'package.json': {
      version: '24.0.0',
      bin: { node: 'bin/node' },
      scripts: { preinstall: 'node make.cjs' },
    },
    'make.cjs': `
      require('fs').mkdirSync('bin');
      require('fs').symlinkSync(${JSON.stringify(process.execPath)}, 'bin/node');`,
  });
  pack(clone, 'argon2', {
    'package.json': { version: '1.0.0', main: 'index.cjs', scripts: { install: 'node make.cjs' } },
    'index.cjs': `require('./built.cjs');`,
    'make.cjs': `require('fs').writeFileSync('built.cjs', '');`,
  });
  writeFileSync(
    join(clone, 'package.json'),
    JSON.stringify({
      ...{ name: 'small-clone', private: true },
      dependencies: { argon2: 'file:packages/argon2-1.0.0.tgz' },
      devDependencies: { node: 'file:packages/node-24.0.0.tgz' },
    }),
  );
  npm(clone, 'install', '--package-lock-only');
  return clone;
}

/** Makes a tarball of a package, as a registry holds it. */
function pack(clone: string, name: string, files: Record<string, string | object>): void {
  const directory = join(clone, 'packages', name);
  mkdirSync(directory, { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    const text = typeof content === 'string' ? content : JSON.stringify({ name, ...content });
    writeFileSync(join(directory, file), text);
  }
  npm(join(clone, 'packages'), 'pack', `./${name}`);
}

function npm(cwd: string, ...args: string[]): void {
  const { status, stderr } = spawnSync('npm', [...args, '--offline'], { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed:\n${stderr}`);
}
