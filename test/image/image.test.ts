import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { freePort, testKeys } from '../support/pods.ts';
import type { Started } from '../support/processes.ts';
import { makeDirectory, removeDirectory } from '../support/redis-process.ts';
import { startStandalone, type Topology } from '../support/redis-topologies.ts';
import { buildImage, type Image } from './built-image.ts';
import { readCompose } from './compose-file.ts';
import { repository } from './dockerfile.ts';

describe('the image', () => {
  let image: Image;
  let redis: Topology;
  /** A volume, as the containers of compose.yaml share one. */
  let volume: string;

  before(async function () {
    // To change the root of a process takes root.
    if (process.getuid?.() !== 0) this.skip();
    this.timeout(180_000);
    image = buildImage();
    redis = await startStandalone();
    volume = makeDirectory('volume');
  });
  after(async () => {
    image?.remove();
    await redis?.stop();
    if (volume) removeDirectory(volume);
  });

  const environment = (port: number) => ({
    HOLDFAST_ISSUER: 'https://id.example.com',
    HOLDFAST_KEYS: testKeys,
    HOLDFAST_PORT: String(port),
    HOLDFAST_DRAIN_PAUSE_MS: '100',
    // By its name: the image must be able to look one up.
    REDIS_URL: redis.url.replace('127.0.0.1', 'localhost'),
  });
  async function untilAnswers(url: string, started: Started): Promise<void> {
    for (;;) {
      const status = await fetch(url).then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 200) return;
      if (await Promise.race([started.ended.then(() => true), pause(50, false)]))
        throw new Error(started.output());
    }
  }

  it('has the application and what it needs, and nothing of its development', () => {
    const inApp = (path: string) => join(image.root, 'app', path);
    expect(readdirSync(inApp('.')).sort()).to.deep.equal([
      'LICENSE',
      'node_modules',
      'package.json',
      'src',
      'views',
    ]);
    const { dependencies, devDependencies } = JSON.parse(
      readFileSync(join(repository, 'package.json'), 'utf8'),
    ) as Record<'dependencies' | 'devDependencies', Record<string, string>>;
    for (const name of Object.keys(dependencies)) {
      const isForBuilding = name === 'node-api-headers';
      expect(existsSync(inApp(`node_modules/${name}`)), name).to.equal(!isForBuilding);
    }
    for (const name of Object.keys(devDependencies)) {
      expect(existsSync(inApp(`node_modules/${name}`)), name).to.equal(false);
    }
    expect(existsSync(inApp('node_modules/argon2/build/Release/argon2.node'))).to.equal(true);
  });

  it('has no shell, no package manager, nothing that runs as somebody else, and is small', () => {
    let size = 0;
    const programs: string[] = [];
    for (const path of readdirSync(image.root, { recursive: true }) as string[]) {
      const { mode, size: own, isFile } = describeFile(join(image.root, path));
      if (!isFile) continue;
      size += own;
      expect(mode & 0o6000, path).to.equal(0);
      if (/(^|\/)s?bin\//.test(path) && !path.startsWith('app/')) programs.push(path);
    }
    expect(programs).to.deep.equal(['usr/local/bin/node']);
    expect(size / 2 ** 20).to.be.below(190);
  });

  it('serves with a read-only root as a user without rights, and drains when told to end', async () => {
    const port = await freePort();
    const pod = image.run({ environment: environment(port) });
    await untilAnswers(`http://127.0.0.1:${port}/readyz`, pod);
    const discovery = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect(discovery.status).to.equal(200);

    const [node = '', script = '', probe = ''] = image.healthCheck;
    expect(node).to.equal('/usr/local/bin/node');
    const check = () =>
      image.run({ command: [script, probe.replace('3000', String(port))], environment: {} }).ended;
    expect(await check()).to.equal(0);
    expect(await pod.stop('SIGTERM'), pod.output()).to.equal(0);
    expect(await check()).to.equal(1);
  });

  it('can write nowhere but to /tmp, and is nobody', async () => {
    const attempt = `
      const { writeFileSync } = require('node:fs');
      const may = (path) => { try { writeFileSync(path, ''); return true; } catch (error) { return error.code; } };
      console.log(JSON.stringify([process.getuid(), process.getgid(), may('/app/x'), may('/etc/x'), may('/tmp/x')]));`;
    const tried = image.run({ command: ['-e', attempt], environment: {} });
    await tried.ended;
    expect(JSON.parse(tried.output())).to.deep.equal([65532, 65532, 'EROFS', 'EROFS', true]);
  });

  it('has the command line', async () => {
    const command = image.run({
      command: ['src/cli/holdfast.ts', 'owner', 'invite'],
      environment: environment(0),
    });
    expect(await command.ended, command.output()).to.equal(0);
    expect(command.output()).to.include('https://id.example.com/admin/owner?token=');
  });

  it('gives the demo of compose.yaml', async () => {
    const [port, applicationPort, apiPort] = [await freePort(), await freePort(), await freePort()];
    const { services } = readCompose();
    const owned = join(volume, 'holdfast');
    mkdirSync(owned);
    chownSync(owned, 65532, 65532);
    const volumes = { [owned]: '/var/lib/holdfast' };
    const here = (service: string): Record<string, string> => ({
      ...services[service]?.environment,
      HOLDFAST_ISSUER: `http://localhost:${port}`,
      HOLDFAST_PORT: String(port),
      REDIS_URL: redis.url,
      // Beside what was sealed under other keys.
      HOLDFAST_REDIS_PREFIX: 'demo:',
      HOLDFAST_DRAIN_PAUSE_MS: '100',
    });
    const ports = `${applicationPort},${apiPort}`;
    const words = (service: string) => [...(services[service]?.command ?? []), '/var/lib/holdfast', ports];

    for (const time of ['first', 'second']) {
      const { HOLDFAST_KEYS_FILE, ...settings } = here('prepare');
      const prepare = image.run({
        command: words('prepare'),
        environment: { ...settings, HOLDFAST_KEYS_FILE: HOLDFAST_KEYS_FILE ?? '' },
        volumes,
      });
      expect(await prepare.ended, `${time} time: ${prepare.output()}`).to.equal(0);
    }
    const pod = image.run({ environment: here('pod-1'), volumes });
    await untilAnswers(`http://localhost:${port}/readyz`, pod);
    const demo = image.run({ command: words('demo'), environment: {}, volumes });
    await untilAnswers(`http://localhost:${applicationPort}/`, demo);
    const page = await fetch(`http://localhost:${applicationPort}/`);
    expect(await page.text()).to.include('demo@holdfast.example');
    const signIn = await fetch(`http://localhost:${port}/.well-known/openid-configuration`);
    expect(((await signIn.json()) as { issuer: string }).issuer).to.equal(`http://localhost:${port}`);
    await Promise.all([demo.stop('SIGTERM'), pod.stop('SIGTERM')]);
  });
});

function describeFile(path: string): { mode: number; size: number; isFile: boolean } {
  const found = statSync(path);
  return { mode: found.mode, size: found.size, isFile: found.isFile() };
}
