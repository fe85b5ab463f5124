import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { findLocalRedis, startLocalRedis } from '../../src/redis/local-server.ts';
import type { RedisTarget } from '../../src/redis/redis-url.ts';
import { captureLog } from '../support/captured-log.ts';
import { makeDirectory, removeDirectory } from '../support/redis-process.ts';

const log = pino({ level: 'silent' });

function socketOf(target: RedisTarget | undefined): string {
  if (target?.kind !== 'standalone' || !('path' in target.address)) throw new Error('no socket');
  return target.address.path;
}

async function withClient<T>(path: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({ path });
  client.on('error', () => {});
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}

/**
 * A provider of another process on the directory. After SIGINT it says "draining" and closes when it is sent a
 * line. A start that fails rejects with what was printed.
 */
async function startProvider(
  directory: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<{ child: ChildProcess; path: string; nextLine: () => Promise<string> }> {
  const module = new URL('../../src/redis/local-server.ts', import.meta.url);
  const script = `
    import { startLocalRedis } from ${JSON.stringify(module.href)};
    const log = { info() {}, warn() {}, error() {} };
    const local = await startLocalRedis({ directory: ${JSON.stringify(directory)}, log });
    console.log(local.target.address.path);
    const alive = setInterval(() => {}, 1000);
    process.on('SIGINT', async () => {
      console.log('draining');
      process.stdin.once('data', async () => {
        await local.close();
        clearInterval(alive);
        process.stdin.destroy();
      });
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: 'pipe',
    detached: true,
    env: { ...process.env, ...environment },
  });
  let printed = '';
  child.stderr.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const lines = createInterface({ input: child.stdout });
  const nextLine = async () => String((await once(lines, 'line'))[0]);
  const failed = once(child, 'close').then(() => {
    throw new Error(printed);
  });
  const path = await Promise.race([nextLine(), failed]);
  failed.catch(() => {});
  return { child, path, nextLine };
}

async function serverPid(path: string): Promise<number> {
  return withClient(path, async (client) =>
    Number(/process_id:(\d+)/.exec(await client.info('server'))?.[1]),
  );
}

async function ends(pid: number): Promise<void> {
  for (;;) {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)]).catch(() => ({
      stdout: '',
    }));
    if (!stdout || stdout.startsWith('Z')) return;
    await pause(10);
  }
}

describe('local Redis', () => {
  let directory: string;

  beforeEach(() => {
    directory = makeDirectory('local');
  });
  afterEach(async () => {
    // Where nothing ends the server of a killed provider.
    const left = new Redis({ path: join(directory, 'redis.sock'), retryStrategy: () => null });
    left.on('error', () => {});
    await left.shutdown().catch(() => {});
    left.disconnect();
    removeDirectory(directory);
  });

  it('serves on a socket of its user alone, on no port, and evicts nothing', async () => {
    const home = join(directory, 'new', '.holdfast');
    const local = await startLocalRedis({ directory: home, log });
    try {
      const path = socketOf(local.target);
      expect(statSync(home).mode & 0o777).to.equal(0o700);
      expect(statSync(path).mode & 0o777).to.equal(0o600);
      await withClient(path, async (client) => {
        expect(await client.config('GET', 'port')).to.deep.equal(['port', '0']);
        expect(await client.config('GET', 'maxmemory-policy')).to.deep.equal([
          'maxmemory-policy',
          'noeviction',
        ]);
        expect(await client.config('GET', 'appendonly')).to.deep.equal(['appendonly', 'yes']);
        expect(await client.config('GET', 'appendfsync')).to.deep.equal(['appendfsync', 'everysec']);
      });
    } finally {
      await local.close();
    }
  });

  it('keeps its data over a stop, and leaves nothing running', async () => {
    const first = await startLocalRedis({ directory, log });
    const path = socketOf(first.target);
    const pid = await serverPid(path);
    await withClient(path, (client) => client.set('kept', 'yes'));
    await first.close();
    await ends(pid);
    expect(existsSync(path)).to.equal(false);

    const second = await startLocalRedis({ directory, log });
    try {
      expect(await withClient(socketOf(second.target), (client) => client.get('kept'))).to.equal('yes');
    } finally {
      await second.close();
    }
  });

  it('keeps its data over a kill of the server, whose stale socket is replaced', async () => {
    const first = await startLocalRedis({ directory, log });
    const path = socketOf(first.target);
    await withClient(path, (client) => client.set('kept', 'yes'));
    const pid = await serverPid(path);
    process.kill(pid, 'SIGKILL');
    await ends(pid);
    expect(existsSync(path)).to.equal(true);
    await first.close();
    writeFileSync(path, 'in the way');

    const second = await startLocalRedis({ directory, log });
    try {
      expect(await withClient(socketOf(second.target), (client) => client.get('kept'))).to.equal('yes');
    } finally {
      await second.close();
    }
  });

  it('reports in the log that its server ended by itself', async () => {
    const { log: captured, lines } = captureLog();
    const local = await startLocalRedis({ directory, log: captured });
    const pid = await serverPid(socketOf(local.target));
    process.kill(pid, 'SIGKILL');
    while (!lines.some(({ msg, signal }) => /ended/.test(msg) && signal === 'SIGKILL')) await pause(5);
    await local.close();
  });

  it('refuses a second start on the directory, in this process or another, and says who has it', async () => {
    const local = await startLocalRedis({ directory, log });
    try {
      const second = await startLocalRedis({ directory, log }).catch((error: Error) => error);
      expect(second).to.be.an('error');
      expect(String(second)).to.include(`already runs on ${directory} (process ${process.pid})`);
      expect(await withClient(socketOf(local.target), (client) => client.ping())).to.equal('PONG');
    } finally {
      await local.close();
    }
    const { child } = await startProvider(directory);
    try {
      const second = await startLocalRedis({ directory, log }).catch((error: Error) => error);
      expect(String(second)).to.include(`(process ${child.pid})`);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('lets one of many starts at the same moment win', async () => {
    const starts = await Promise.allSettled(Array.from({ length: 4 }, () => startProvider(directory)));
    const winners = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    try {
      expect(winners).to.have.length(1);
    } finally {
      for (const { child } of winners) child.kill('SIGKILL');
    }
  });

  it('takes over from a process of the same number that is another one', async () => {
    writeFileSync(join(directory, 'redis.lock'), `${process.pid} 1`);
    const local = await startLocalRedis({ directory, log });
    await local.close();
  });

  it('can be found by other processes while it runs', async () => {
    expect(await findLocalRedis(directory)).to.equal(undefined);
    const local = await startLocalRedis({ directory, log });
    expect(await findLocalRedis(directory)).to.deep.equal(local.target);
    await local.close();
    expect(await findLocalRedis(directory)).to.equal(undefined);
  });

  it('does not outlive a killed provider on Linux, and its data is there for the next', async function () {
    if (process.platform !== 'linux' || !existsSync('/usr/bin/setpriv')) this.skip();
    const { child, path } = await startProvider(directory);
    const pid = await serverPid(path);
    await withClient(path, (client) => client.set('kept', 'yes'));
    child.kill('SIGKILL');
    await ends(pid);
    const local = await startLocalRedis({ directory, log });
    try {
      expect(await withClient(socketOf(local.target), (client) => client.get('kept'))).to.equal('yes');
    } finally {
      await local.close();
    }
  });

  it('shuts an orphan down and replaces it, with its data', async () => {
    const path = join(directory, 'redis.sock');
    // What a killed provider leaves where the system does not end the child.
    const args = [
      '--port',
      '0',
      '--unixsocket',
      path,
      '--dir',
      directory,
      '--appendonly',
      'yes',
      '--save',
      '',
    ];
    const orphan = spawn('redis-server', args, { stdio: 'ignore', detached: true });
    try {
      await withClient(path, (client) => client.set('kept', 'yes'));
      writeFileSync(join(directory, 'redis.lock'), '4194304 1');
      expect(await findLocalRedis(directory)).to.equal(undefined);

      const local = await startLocalRedis({ directory, log });
      try {
        expect(orphan.exitCode ?? (await once(orphan, 'exit'))[0]).to.equal(0);
        expect(await serverPid(path)).not.to.equal(orphan.pid);
        expect(await withClient(path, (client) => client.get('kept'))).to.equal('yes');
      } finally {
        await local.close();
      }
    } finally {
      orphan.kill('SIGKILL');
    }
  });

  it('puts the socket elsewhere when its path would be too long', async () => {
    const deep = join(directory, 'd'.repeat(60), 'e'.repeat(60));
    const local = await startLocalRedis({ directory: deep, log });
    const path = socketOf(local.target);
    try {
      expect(Buffer.byteLength(path)).to.be.below(104);
      expect(statSync(join(path, '..')).mode & 0o777).to.equal(0o700);
      expect(await findLocalRedis(deep)).to.deep.equal(local.target);
      await withClient(path, (client) => client.set('kept', 'yes'));
      expect(existsSync(join(deep, 'appendonlydir'))).to.equal(true);
    } finally {
      await local.close();
      removeDirectory(join(path, '..'));
    }
  });

  it('does not trust a directory for the socket that others can open', async () => {
    const deep = join(directory, 'd'.repeat(60), 'f'.repeat(60));
    const local = await startLocalRedis({ directory: deep, log });
    const place = join(socketOf(local.target), '..');
    await local.close();
    chmodSync(place, 0o755);
    try {
      const start = await startLocalRedis({ directory: deep, log }).catch((error: Error) => error);
      expect(String(start)).to.include(`${place} must be a directory of this user with mode 0700`);
    } finally {
      removeDirectory(place);
    }
  });

  it('says with the end of the log why its server did not start', async () => {
    mkdirSync(join(directory, 'appendonlydir'));
    writeFileSync(join(directory, 'appendonlydir', 'appendonly.aof.manifest'), 'not a manifest\n');
    const start = await startLocalRedis({ directory, log }).catch((error: Error) => error);
    expect(String(start)).to.include('did not start').and.include('manifest');
    expect(readFileSync(join(directory, 'redis.log'), 'utf8')).to.include('manifest');
  });

  it('says in one line how to install a server that is missing', async () => {
    const failure = await startProvider(directory, { PATH: directory }).catch((error: Error) => error);
    expect(String(failure)).to.match(
      /^Error: neither redis-server nor valkey-server is installed; install it with: .*(apt-get|dnf|apk|brew) .+$/m,
    );
  });

  it('runs valkey-server where there is no redis-server', async () => {
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', 'command -v redis-server']);
    writeFileSync(join(directory, 'valkey-server'), `#!/bin/sh\nexec ${stdout.trim()} "$@"\n`, {
      mode: 0o755,
    });
    const { child, path } = await startProvider(directory, { PATH: directory });
    expect(await withClient(path, (client) => client.ping())).to.equal('PONG');
    child.kill('SIGKILL');
  });
});
