/**
 * The image without a Docker engine: the Dockerfile's own steps, in directories of their own. RUN lines are run as
 * they are, with this Node and npm in the place of those of the base image; COPY copies what .dockerignore lets
 * through. Containers are processes whose root is the outcome, read-only, with the image's user and environment.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Started, startProcess } from '../support/processes.ts';
import { makeDirectory, removeDirectory } from '../support/redis-process.ts';
import {
  argumentsOf,
  environmentOf,
  execForm,
  readStages,
  repository,
  type Stage,
  type Step,
} from './dockerfile.ts';

export type Image = {
  /** Where the file system of the image is. */
  root: string;
  /** Starts a container. @param command instead of CMD @param volumes host directory → place in the container */
  run(options: {
    command?: string[];
    environment: Record<string, string>;
    volumes?: Record<string, string>;
  }): Started;
  healthCheck: string[];
  remove(): void;
};

/** Needs root, as an engine does. */
export function buildImage(): Image {
  const directory = makeDirectory('image');
  const stages = readStages();
  for (const stage of stages) buildStage(stage, directory);
  const last = stages.at(-1);
  if (!last) throw new Error('the Dockerfile has no stage');
  const root = stageRoot(directory, last);
  // What an engine adds.
  for (const path of ['proc', 'dev']) mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost\n');

  const entry = execForm(argumentsOf(last, 'ENTRYPOINT'));
  const usual = execForm(argumentsOf(last, 'CMD'));
  const [user = '', group = ''] = argumentsOf(last, 'USER').split(':');
  return {
    root,
    healthCheck: execForm(argumentsOf(last, 'HEALTHCHECK')),
    run({ command = usual, environment, volumes = {} }) {
      const words = [...entry, ...command];
      const mounts = Object.entries(volumes).map(([from, to]) => `mount --bind '${from}' '${root}${to}'`);
      const script = [
        `mount --bind '${root}' '${root}'`,
        ...mounts,
        `mount --rbind /proc '${root}/proc'`,
        `mount --rbind /dev '${root}/dev'`,
        `mount -t tmpfs tmpfs '${root}/tmp'`,
        `mount -o remount,bind,ro '${root}'`,
        `exec unshare --root='${root}' --wd=/app --setgid ${group} --setuid ${user} "$@"`,
      ].join(' && ');
      const variables = { ...environmentOf(last), ...environment };
      return startProcess('unshare', ['--mount', 'sh', '-c', script, 'sh', ...words], variables);
    },
    remove: () => removeDirectory(directory),
  };
}

const stageRoot = (directory: string, stage: Stage) => join(directory, stage.name || 'image');

function buildStage(stage: Stage, directory: string): void {
  const root = stageRoot(directory, stage);
  mkdirSync(root);
  let workdir = '/';
  const inStage = (path: string) => (path.startsWith('/') ? join(root, path) : join(root, workdir, path));
  for (const step of stage.steps) {
    if (step.kind === 'workdir') {
      workdir = step.path;
      mkdirSync(inStage('.'), { recursive: true });
    } else if (step.kind === 'run') runLine(step.script, inStage('.'));
    else if (step.kind === 'copy') copy(step, directory, inStage(step.target));
  }
}

/** As an engine copies: the contents of directories, and files into a target that ends with a slash. */
function copy(step: Step & { kind: 'copy' }, directory: string, target: string): void {
  for (const source of step.sources) {
    if (step.from)
      cpSync(join(directory, step.from, source), target, { recursive: true, verbatimSymlinks: true });
    else {
      if (!isInContext(source))
        throw new Error(`.dockerignore leaves ${source} out, which the Dockerfile copies`);
      const place = step.target.endsWith('/') ? join(target, basename(source)) : target;
      cpSync(join(repository, source), place, { recursive: true });
    }
  }
}

/** Of a .dockerignore that leaves everything out but what it names. */
export function isInContext(path: string): boolean {
  const lines = readFileSync(join(repository, '.dockerignore'), 'utf8').split('\n');
  const named = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  return lines.includes('*') && named.some((name) => path === name || path.startsWith(`${name}/`));
}

function runLine(script: string, cwd: string): void {
  // The compiler that this line installs may be here already.
  if (script.includes('apt-get') && spawnSync('c++', ['--version']).status === 0) return;
  const path = `${dirname(process.execPath)}:${process.env.PATH}`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script], {
    cwd,
    env: { PATH: path, HOME: process.env.HOME, npm_config_prefer_offline: 'true' },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`RUN ${script} failed:\n${stdout}${stderr}`);
}
