import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

/**
 * The version before this one, in a directory of its own: the newest release where there is one, else the commit
 * before the last one that changed src.
 * @throws in a clone that has no history
 */
export function checkOutPrevious(): { directory: string; remove(): void } {
  const commits = git('log', '-2', '--format=%H', '--', 'src').split('\n');
  const release = git('tag', '--sort=-creatordate', '--list', 'v*').split('\n')[0];
  const version = release || commits[1];
  if (!version)
    throw new Error('two-versions needs a clone with history: there is no version before this one');
  const directory = join(mkdtempSync(join(tmpdir(), 'holdfast-previous-')), 'tree');
  git('worktree', 'add', '--detach', '--quiet', directory, version);
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  return {
    directory,
    remove() {
      rmSync(join(directory, 'node_modules'));
      git('worktree', 'remove', '--force', directory);
      rmSync(join(directory, '..'), { recursive: true, force: true });
    },
  };
}
