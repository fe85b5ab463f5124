import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { startProcess } from './support/processes.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The commands of the README, as somebody would copy them. */
const commands = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) =>
  block.split('\n').filter(Boolean),
);

/** Commands that run for long; each has a test of its own. */
const testedElsewhere: Record<string, string> = {
  'npm start': 'local/start.test.ts',
  'npm test': '../.ci/run',
  'npm run demo': 'local/three-pods.test.ts',
  'npm run chaos': 'chaos/chaos.test.ts',
  'npm run bench': 'bench/round-trips.test.ts',
};

/** What a command asks for on standard input. */
function inputOf(command: string): string {
  return /account (create|set-password)|owner create/.test(command) ? 'a passphrase for the readme\n' : '';
}

/** Splits as a shell does, as far as the README goes. */
function words(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

describe('the README', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-readme-'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('begins with what it is, a picture, and the two commands', () => {
    const [, picture = ''] = /!\[[^\]]+\]\(([^)]+)\)/.exec(readme) ?? [];
    expect(readFileSync(new URL(`../${picture}`, import.meta.url)).length).to.be.greaterThan(1000);
    expect(commands.slice(0, 2)).to.deep.equal(['npm start', 'npm test']);
    expect(readme.indexOf(picture)).to.be.lessThan(readme.indexOf('npm start'));
  });

  it('names a test for each command that runs for long', () => {
    for (const [command, file] of Object.entries(testedElsewhere)) {
      expect(commands).to.include(command);
      const text = readFileSync(new URL(file, import.meta.url), 'utf8');
      const name = command.replace('npm ', '').replace('run ', '');
      expect(text).to.match(new RegExp(`npm\\b.*\\b${name}\\b`));
    }
  });

  it('has commands that do what they say', async function () {
    this.timeout(120_000);
    const shortOnes = commands.filter((command) => !(command in testedElsewhere));
    expect(shortOnes.length).to.be.greaterThan(3);
    const compiled = new URL('../node_modules/.cache/compiled', import.meta.url);
    const environment = {
      HOLDFAST_LOCAL_DIRECTORY: directory,
      NODE_COMPILE_CACHE: fileURLToPath(compiled),
    };
    for (const command of shortOnes) {
      const [program = '', ...args] = words(command);
      const run = startProcess(program, args, environment, inputOf(command));
      expect(await run.ended, `${command}\n${run.output()}`).to.equal(0);
    }
  });

  it('shows the file of declarations as it is', () => {
    const [, shown] = /```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
    expect(shown).to.equal(readFileSync(new URL('../docs/example.yaml', import.meta.url), 'utf8'));
  });

  it('lists every setting, and none that is not one', () => {
    const config = readFileSync(new URL('../src/config.ts', import.meta.url), 'utf8');
    const settings = new Set(
      config.match(/^ {4}(HOLDFAST_\w+|REDIS_URL)(?=:)/gm)?.map((name) => name.trim()),
    );
    const named = new Set(readme.match(/\b(HOLDFAST_[A-Z_]+[A-Z]|REDIS_URL)\b/g));
    expect([...settings].filter((name) => !named.has(name))).to.deep.equal([]);
    expect([...named].filter((name) => !settings.has(name))).to.deep.equal([]);
  });
});
