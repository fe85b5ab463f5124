import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Started, startProcess } from '../support/processes.ts';
import { makeSmallClone } from './small-clone.ts';

/** Programs that set-up looks for; whether this machine has them must not matter here. */
const systemPrograms = ['redis-server', 'chromium'];

describe('set-up', () => {
  let fresh: string;
  let clone: string;
  /** A PATH of its own, in front of the usual one. */
  let programs: string;

  before(() => {
    fresh = makeSmallClone();
  });
  after(() => rmSync(fresh, { recursive: true, force: true }));

  beforeEach(() => {
    clone = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-set-up-')));
    chmodSync(clone, 0o755);
    cpSync(fresh, clone, { recursive: true });
    programs = join(clone, 'programs');
    mkdirSync(programs);
  });
  afterEach(() => rmSync(clone, { recursive: true, force: true }));

  const inClone = (path: string) => join(clone, path);
  const script = () => inClone('src/set-up/set-up.mjs');
  const stamp = () => inClone('node_modules/.holdfast-set-up');

  function addProgram(name: string, text = 'exit 0'): void {
    writeFileSync(join(programs, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }

  function run(args: string[] = [], environment: Record<string, string> = {}): Started {
    for (const name of systemPrograms) addProgram(name);
    return startProcess(process.execPath, [script(), ...args], {
      PATH: `${programs}:${process.env.PATH}`,
      npm_config_offline: 'true',
      ...environment,
    });
  }

  async function expectReady(started: Started): Promise<void> {
    expect(await started.ended, started.output()).to.equal(0);
    const { stdout } = spawnSync(inClone('node_modules/.bin/node'), ['--version'], { encoding: 'utf8' });
    expect(stdout).to.match(/^v24\./);
    expect(existsSync(inClone('node_modules/argon2/built.cjs'))).to.equal(true);
    expect(existsSync(inClone('node_modules.lock'))).to.equal(false);
  }

  describe('of the dependencies', () => {
    it('installs them once, and then has nothing to do or say', async () => {
      const first = run(['--test']);
      await expectReady(first);
      expect(first.output()).to.include('Installing dependencies (first start only)…');

      const installedAt = statSync(inClone('node_modules/.package-lock.json')).mtimeMs;
      const second = run(['--test'], { PATH: programs });
      expect(await second.ended, second.output()).to.equal(0);
      expect(second.output()).to.equal('');
      expect(statSync(inClone('node_modules/.package-lock.json')).mtimeMs).to.equal(installedAt);
    });

    it('runs the install scripts that are needed where npm is told to run none', async () => {
      const started = run([], { npm_config_ignore_scripts: 'true' });
      await expectReady(started);
      expect(started.output()).to.include('Running the install scripts that npm left out…');
    });

    it('has the pinned Node also where NODE_ENV says production', async () => {
      await expectReady(run([], { NODE_ENV: 'production' }));
    });

    it('lets two at once install only once', async () => {
      const both = [run(), run(['--quiet'])];
      for (const one of both) await expectReady(one);
      const said = both.map((one) => one.output()).join('');
      expect(said.match(/Installing dependencies/g)).to.have.lengthOf(1);
    });

    it('installs anew when the lock file has changed and something else is installed', async () => {
      await expectReady(run());
      rmSync(inClone('node_modules/argon2'), { recursive: true });
      appendFileSync(inClone('package-lock.json'), '\n');
      const started = run();
      await expectReady(started);
      expect(started.output()).to.include('Updating dependencies…');
    });

    it('leaves alone what somebody has installed with npm, when it is what the lock file says', async () => {
      await expectReady(run());
      appendFileSync(inClone('package-lock.json'), '\n');
      const before = readFileSync(stamp(), 'utf8');
      const started = run();
      await expectReady(started);
      expect(started.output()).to.equal('');
      expect(readFileSync(stamp(), 'utf8')).to.not.equal(before);
    });

    it('leaves nothing in the way of the next one when it is interrupted', async () => {
      const interrupted = run();
      await interrupted.prints('Installing dependencies');
      expect(existsSync(inClone('node_modules.lock'))).to.equal(true);
      expect(await interrupted.stop('SIGINT')).to.equal(130);
      expect(existsSync(inClone('node_modules.lock'))).to.equal(false);
      await expectReady(run());
    });

    it('takes over from one that was killed', async () => {
      writeFileSync(inClone('node_modules.lock'), '1\n');
      const minuteAgo = new Date(Date.now() - 60_000);
      utimesSync(inClone('node_modules.lock'), minuteAgo, minuteAgo);
      await expectReady(run());
    });

    it('says what npm said when that fails, and is not ready', async () => {
      rmSync(inClone('packages'), { recursive: true });
      const started = run([], { HOME: inClone('home') });
      expect(await started.ended).to.equal(1);
      expect(started.output()).to.include('Installing dependencies (first start only) failed');
      expect(started.output()).to.match(/npm error .*(ENOENT|packages)/);
      expect(existsSync(stamp())).to.equal(false);
    });

    it('empties no directory of others behind a link', async () => {
      const elsewhere = inClone('elsewhere');
      mkdirSync(elsewhere);
      writeFileSync(join(elsewhere, 'kept'), '');
      symlinkSync(elsewhere, inClone('node_modules'));
      const started = run();
      expect(await started.ended).to.equal(1);
      expect(started.output()).to.include('is a link');
      expect(existsSync(join(elsewhere, 'kept'))).to.equal(true);
    });
  });

  describe('of programs', () => {
    beforeEach(() => {
      // What is looked at here comes after the dependencies.
      mkdirSync(inClone('node_modules/.bin'), { recursive: true });
      symlinkSync(process.execPath, inClone('node_modules/.bin/node'));
      const digest = createHash('sha256')
        .update(readFileSync(inClone('package-lock.json')))
        .digest('hex');
      writeFileSync(stamp(), digest);
    });

    const runWithout = (args: string[]) =>
      startProcess(process.execPath, [script(), ...args], { PATH: programs });

    /** As somebody who is not root; undefined where this test cannot become one. */
    function runUnprivileged(): { status: number | null; stderr: string } | undefined {
      const options = {
        encoding: 'utf8',
        env: { PATH: programs },
        ...(process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}),
      } as const;
      if (spawnSync(process.execPath, ['--version'], options).status !== 0) return undefined;
      return spawnSync(process.execPath, [script(), '--test'], options);
    }

    /** A package manager that puts the programs where the real one would. */
    function addAptGet(): void {
      for (const name of ['env', 'cat', 'chmod']) {
        symlinkSync(`${existsSync(`/usr/bin/${name}`) ? '/usr' : ''}/bin/${name}`, join(programs, name));
      }
      addProgram(
        'apt-get',
        `echo "$DEBIAN_FRONTEND $*" >> "${programs}/calls"
         for last; do :; done
         case "$*" in *install*) echo '#!/bin/sh' > "${programs}/$last"; chmod 755 "${programs}/$last";; esac`,
      );
      // Where this test is not run by root, sudo does as it is told.
      addProgram('true');
      addProgram('sudo', 'shift; exec "$@"');
    }

    it('has the package manager install what is missing, without a question', async () => {
      addAptGet();
      const started = runWithout(['--test']);
      expect(await started.ended, started.output()).to.equal(0);
      expect(started.output()).to.include('Installing a Redis server').and.include('Installing Chromium');
      const calls = readFileSync(join(programs, 'calls'), 'utf8').trim().split('\n');
      expect(calls).to.have.lengthOf(3);
      expect(calls[0]).to.match(/^noninteractive update/);
      expect(calls[1]).to.match(/^noninteractive .*install -y .*redis-server$/);
      expect(calls[2]).to.match(/^noninteractive .*install -y .*chromium$/);
    });

    it('wants no browser but for the tests', async () => {
      addProgram('valkey-server');
      const started = runWithout([]);
      expect(await started.ended, started.output()).to.equal(0);
      expect(started.output()).to.equal('');
    });

    it('names the command to run where it may not install', function () {
      addProgram('apt-get', 'exit 100');
      addProgram('sudo', 'exit 1');
      const ran = runUnprivileged();
      if (!ran) return this.skip();
      expect(ran.status).to.equal(1);
      expect(ran.stderr).to.equal(
        'Holdfast needs a Redis server and Chromium for the tests. Run: sudo apt-get install -y redis-server chromium\n',
      );
    });

    it('says what is needed where there is no package manager', async () => {
      const started = runWithout(['--quiet']);
      expect(await started.ended).to.equal(1);
      expect(started.output()).to.match(/^Holdfast needs a Redis server\. Install redis-server.*\n$/);
    });

    it('shows what the package manager said when it fails', async () => {
      addAptGet();
      addProgram('apt-get', 'echo "E: Unable to locate package" >&2; exit 100');
      const started = runWithout([]);
      expect(await started.ended).to.equal(1);
      expect(started.output()).to.include('failed').and.include('E: Unable to locate package');
    });
  });
});
