/**
 * Real Redis deployments for tests: standalone, standalone with TLS and ACL, Sentinel, Cluster. Each comes with
 * the `REDIS_URL` that leads to it and with its processes, to be killed, frozen and started again. Owns no
 * client of the product: what a test connects with is its own affair.
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import {
  findPorts,
  makeDirectory,
  type RedisProcess,
  removeDirectory,
  startProcess,
} from './redis-process.ts';
import { makeTls, type Tls } from './redis-tls.ts';

export type { RedisProcess } from './redis-process.ts';

export type Topology = {
  /** As REDIS_URL has it. */
  url: string;
  processes: RedisProcess[];
  /** Kills every process and removes the directory. */
  stop(): Promise<void>;
};

const serves = /Ready to accept connections/;

/** One server. `appendOnly` (default true) decides whether it keeps its data over a kill. */
export async function startStandalone(
  options: { appendOnly?: boolean; extraArgs?: string[] } = {},
): Promise<Topology> {
  const directory = makeDirectory('redis');
  return within(directory, async (started) => {
    const [port = 0] = await findPorts(1);
    const args = serverArgs(directory, port, options.appendOnly ?? true, options.extraArgs);
    started.push(await startProcess({ name: 'primary', role: 'primary', port, readyLine: serves, args }));
    return `redis://127.0.0.1:${port}`;
  });
}

/** TLS only, no default user, and an ACL user that may run neither KEYS, FLUSHALL nor CONFIG. */
export async function startTlsStandalone(
  options: { clientCertificate?: boolean } = {},
): Promise<Topology & { user: string; password: string }> {
  const directory = makeDirectory('tls');
  const user = 'holdfast';
  const password = `p@ss/${randomBytes(6).toString('hex')}`;
  const topology = await within(directory, async (started) => {
    const [[port = 0], tls] = await Promise.all([
      findPorts(1),
      makeTls(directory, options.clientCertificate),
    ]);
    const acl = join(directory, 'users.acl');
    const denied = '-keys -flushall -flushdb -config -debug -monitor -shutdown';
    writeFileSync(acl, `user default off\nuser ${user} on >${password} ~* &* +@all ${denied}\n`);
    const args = serverArgs(directory, port, true, ['--aclfile', acl], tls);
    started.push(await startProcess({ name: 'primary', role: 'primary', port, readyLine: serves, args }));
    return `rediss://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}?${tls.query}`;
  });
  return { ...topology, user, password };
}

/** A primary named "main", its replicas and its Sentinels, which agree by majority. */
export async function startSentinel(
  options: { replicas?: number; sentinels?: number; downAfterMs?: number; tls?: boolean } = {},
): Promise<Topology> {
  const { replicas = 2, sentinels = 3, downAfterMs = 1000 } = options;
  const directory = makeDirectory('sentinel');
  return within(directory, async (started) => {
    const ports = await findPorts(1 + replicas + sentinels);
    const tls = options.tls ? await makeTls(directory) : undefined;
    const [primaryPort = 0] = ports;
    const replicaPorts = ports.slice(1, 1 + replicas);
    const sentinelPorts = ports.slice(1 + replicas);
    // No waiting before a full synchronisation (the default is 5 s).
    const quick = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];
    const server = (name: string, port: number, extra: string[]) =>
      startProcess({
        name,
        role: port === primaryPort ? 'primary' : 'replica',
        port,
        readyLine: serves,
        firstReadyLine: port === primaryPort ? serves : /Finished with success/,
        args: serverArgs(directory, port, true, [...quick, ...extra], tls),
      });
    started.push(await server('primary', primaryPort, []));
    const replicaOf = ['--replicaof', `127.0.0.1 ${primaryPort}`];
    // Sentinels find each other by messages every two seconds; told beforehand, they are ready at once.
    const peers = sentinelPorts.map((port) => ({ port, id: randomBytes(20).toString('hex') }));
    const sentinel = (port: number, number: number) => {
      const file = join(directory, `sentinel-${port}.conf`);
      const lines = [
        ...listenSettings(port, tls).map(([setting, value]) => `${setting} ${value}`),
        `dir "${directory}"`,
        `sentinel myid ${peers[number]?.id}`,
        `sentinel monitor main 127.0.0.1 ${primaryPort} ${Math.floor(sentinels / 2) + 1}`,
        `sentinel down-after-milliseconds main ${downAfterMs}`,
        'sentinel failover-timeout main 6000',
        ...replicaPorts.map((known) => `sentinel known-replica main 127.0.0.1 ${known}`),
        ...peers
          .filter((peer) => peer.port !== port)
          .map((peer) => `sentinel known-sentinel main 127.0.0.1 ${peer.port} ${peer.id}`),
      ];
      writeFileSync(file, `${lines.join('\n')}\n`);
      const name = `sentinel-${number + 1}`;
      const readyLine = /\+monitor master main/;
      return startProcess({ name, role: 'sentinel', port, readyLine, args: [file, '--sentinel'] });
    };
    await keep(started, [
      ...replicaPorts.map((port, number) => server(`replica-${number + 1}`, port, replicaOf)),
      ...sentinelPorts.map(sentinel),
    ]);
    return `${scheme('sentinel', sentinelPorts, tls)}/main${tls ? `?${tls.query}` : ''}`;
  });
}

/** Primaries that share the slots evenly, each with none or one replica. */
export async function startCluster(
  options: { primaries?: number; replicasPerPrimary?: 0 | 1; nodeTimeoutMs?: number; tls?: boolean } = {},
): Promise<Topology> {
  const { primaries = 3, replicasPerPrimary = 0, nodeTimeoutMs = 2000 } = options;
  const directory = makeDirectory('cluster');
  return within(directory, async (started) => {
    const count = primaries * (1 + replicasPerPrimary);
    const ports = await findPorts(count * 2);
    const tls = options.tls ? await makeTls(directory) : undefined;
    const node = (port: number, number: number) => {
      const settings = [
        ...['--cluster-enabled', 'yes', '--cluster-config-file', `nodes-${port}.conf`],
        ...['--cluster-port', String(ports[count + number]), '--repl-diskless-sync-delay', '0'],
        ...['--cluster-node-timeout', String(nodeTimeoutMs)],
      ];
      const args = serverArgs(directory, port, true, settings, tls);
      return number < primaries
        ? startProcess({ name: `primary-${number + 1}`, role: 'primary', port, readyLine: serves, args })
        : startProcess({
            name: `replica-${number - primaries + 1}`,
            role: 'replica',
            port,
            readyLine: serves,
            args,
          });
    };
    await keep(started, ports.slice(0, count).map(node));
    const clients = started.map(
      ({ port }) => new Redis({ port, host: '127.0.0.1', tls: tls?.clientOptions }),
    );
    try {
      await joinNodes(clients, ports, primaries);
    } finally {
      for (const client of clients) client.disconnect();
    }
    return `${scheme('cluster', ports.slice(0, count), tls)}${tls ? `?${tls.query}` : ''}`;
  });
}

async function joinNodes(clients: Redis[], ports: number[], primaries: number): Promise<void> {
  const ids = await Promise.all(clients.map((client) => client.call('CLUSTER', 'MYID')));
  await Promise.all(
    clients.slice(0, primaries).map(async (client, number) => {
      const first = Math.ceil((number * 16384) / primaries);
      const last = Math.ceil(((number + 1) * 16384) / primaries) - 1;
      await client.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', number + 1);
    }),
  );
  // Everyone meets everyone, which is faster than waiting for gossip.
  for (const [number, client] of clients.entries()) {
    for (let other = number + 1; other < clients.length; other += 1) {
      const [port = 0, busPort = 0] = [ports[other], ports[clients.length + other]];
      await client.call('CLUSTER', 'MEET', '127.0.0.1', port, busPort);
    }
  }
  const info = async (client: Redis) => String(await client.call('CLUSTER', 'INFO'));
  const known = `cluster_known_nodes:${clients.length}\r\n`;
  await everyNode(clients, async (client) => {
    const nodes = String(await client.call('CLUSTER', 'NODES'));
    return (await info(client)).includes(known) && !nodes.includes('handshake');
  });
  await Promise.all(
    clients
      .slice(primaries)
      .map((client, number) => client.call('CLUSTER', 'REPLICATE', String(ids[number % primaries]))),
  );
  await everyNode(clients, async (client, number) => {
    if (!(await info(client)).includes('cluster_state:ok')) return false;
    return number < primaries || (await client.info('replication')).includes('master_link_status:up');
  });
}

async function everyNode(
  clients: Redis[],
  holds: (client: Redis, number: number) => Promise<boolean>,
): Promise<void> {
  await Promise.all(
    clients.map(async (client, number) => {
      while (!(await holds(client, number))) await pause(20);
    }),
  );
}

function serverArgs(
  directory: string,
  port: number,
  appendOnly: boolean,
  extra: string[] = [],
  tls?: Tls,
): string[] {
  return [
    ...listenSettings(port, tls).flatMap(([name, value]) => [`--${name}`, value]),
    ...['--dir', directory, '--save', '', '--dbfilename', `dump-${port}.rdb`],
    ...['--appendonly', appendOnly ? 'yes' : 'no', '--appenddirname', `append-only-${port}`, ...extra],
  ];
}

function listenSettings(port: number, tls?: Tls): [name: string, value: string][] {
  const ports: [string, string][] = tls
    ? [['port', '0'], ['tls-port', String(port)], ...tls.settings]
    : [['port', String(port)]];
  return [...ports, ['bind', '127.0.0.1']];
}

function scheme(kind: string, ports: number[], tls?: Tls): string {
  return `${tls ? 'rediss' : 'redis'}+${kind}://${ports.map((port) => `127.0.0.1:${port}`).join(',')}`;
}

/** Runs the start; what has been started by then is stopped when it fails, or later by `stop()`. */
async function within(
  directory: string,
  start: (started: RedisProcess[]) => Promise<string>,
): Promise<Topology> {
  const processes: RedisProcess[] = [];
  const stop = async () => {
    await Promise.all(processes.map((one) => one.kill('SIGKILL')));
    removeDirectory(directory);
  };
  try {
    return { url: await start(processes), processes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits for all, so that none of them is left out of `started` when another one fails. */
async function keep(started: RedisProcess[], starting: Promise<RedisProcess>[]): Promise<void> {
  for (const result of await Promise.allSettled(starting)) {
    if (result.status === 'fulfilled') started.push(result.value);
  }
  await Promise.all(starting);
}
