/**
 * Redis as the components deploy it, on this machine: the files of the rendered ConfigMap and the command of the
 * StatefulSet, with nothing changed but directories, and host names and ports for addresses of the loopback.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Started, startProcess } from '../support/processes.ts';
import { makeDirectory, removeDirectory } from '../support/redis-process.ts';
import { type Container, overlay } from './overlays.ts';

export type DeployedServer = {
  /** As its StatefulSet names the pod. */
  name: string;
  address: string;
  port: number;
  started: Started;
  start(): void;
  kill(): Promise<void>;
  /** Runs one of its scripts, as a probe or a hook does. @returns the exit code and what it printed */
  script(file: string, ...args: string[]): { status: number | null; output: string };
};

export type Deployment = {
  directory: string;
  /** The password of a user. */
  password(user: string): string;
  caFile: string;
  /** For a client of the test itself. */
  clientTls: { ca: Buffer };
  server(options: ServerOptions): DeployedServer;
  stop(): Promise<void>;
};

export type ServerOptions = {
  /** Such as redis-0, of the StatefulSet redis. */
  name: string;
  container: Container;
  /** What the ConfigMap that it mounts holds. */
  files: Record<string, string>;
  address: string;
  port: number;
  /** Names and ports in the files and in the environment → what they are here. */
  places: [name: string, place: string][];
  /** Lines for redis.conf, besides. */
  settings?: string[];
};

/** @param users whose passwords the secret holdfast-redis-users has */
export async function deployRedis(users: string[]): Promise<Deployment> {
  const directory = makeDirectory('k8s');
  const secrets = join(directory, 'secrets');
  for (const path of ['redis-users', 'redis-tls']) mkdirSync(join(secrets, path), { recursive: true });
  const passwords = new Map(users.map((user) => [user, randomBytes(32).toString('hex')]));
  for (const [user, password] of passwords) writeFileSync(join(secrets, 'redis-users', user), password);
  makeCertificate(join(secrets, 'redis-tls'));
  const caFile = join(secrets, 'redis-tls', 'ca.crt');
  const servers: DeployedServer[] = [];
  return {
    directory,
    password: (user) => passwords.get(user) ?? '',
    caFile,
    clientTls: { ca: readFileSync(caFile) },
    server(options) {
      const server = createServer(directory, secrets, options);
      servers.push(server);
      return server;
    },
    async stop() {
      await Promise.all(servers.map((server) => server.kill()));
      removeDirectory(directory);
    },
  };
}

/** As cert-manager makes it of the Certificate in the manifests: for the names that it lists. */
function makeCertificate(directory: string): void {
  const { spec } = overlay('production-sentinel').one('Certificate', 'redis');
  const { dnsNames, ipAddresses } = spec as { dnsNames: string[]; ipAddresses: string[] };
  const names = [...dnsNames.map((name) => `DNS:${name}`), ...ipAddresses.map((ip) => `IP:${ip}`)].join(',');
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2';
  for (const options of [
    `-keyout ca.key -out ca.crt -subj /CN=authority`,
    `-CA ca.crt -CAkey ca.key -keyout tls.key -out tls.crt -subj /CN=redis -addext subjectAltName=${names}`,
  ]) {
    const { status, stderr } = spawnSync('openssl', `req -x509 ${key} ${options}`.split(' '), {
      cwd: directory,
    });
    if (status !== 0) throw new Error(`openssl failed: ${stderr}`);
  }
}

function createServer(directory: string, secrets: string, options: ServerOptions): DeployedServer {
  const { name, container, address, port, places } = options;
  const own = (path: string) => join(directory, name, path);
  for (const path of ['etc', 'run', 'data']) mkdirSync(own(path), { recursive: true });
  const localise = (text: string) => {
    const paths: [string, string][] = [
      ['/etc/redis', own('etc')],
      ['/run/redis', own('run')],
      ['/run/secrets', secrets],
      ['dir /data', `dir ${own('data')}`],
      ['=/data', `=${own('data')}`],
    ];
    return [...paths, ...places].reduce((so, [from, to]) => so.replaceAll(from, to), text);
  };
  for (const [file, text] of Object.entries(options.files)) {
    const more = file === 'redis.conf' ? (options.settings ?? []).map((line) => `${line}\n`) : [];
    writeFileSync(own(`etc/${file}`), localise(text) + more.join(''));
  }
  const environment: Record<string, string> = {};
  for (const variable of container.env ?? []) environment[variable.name] = localise(variable.value ?? '');
  Object.assign(environment, { POD: name, HOST: address, PORT: String(port), POD_IP: address });

  const [command = '', ...args] = (container.command ?? []).map(localise);
  const launch = () => startProcess(command, args, environment);
  let started = launch();
  return {
    name,
    address,
    port,
    get started() {
      return started;
    },
    start() {
      started = launch();
    },
    async kill() {
      await started.stop('SIGKILL');
    },
    script(file, ...scriptArgs) {
      const { status, stdout, stderr } = spawnSync('sh', [own(`etc/${file}`), ...scriptArgs], {
        env: { PATH: process.env.PATH, ...environment },
        encoding: 'utf8',
      });
      return { status, output: stdout + stderr };
    },
  };
}

/** What the overlay says of one StatefulSet. */
export function planOf(
  overlayName: string,
  workload: string,
): { container: Container; files: Record<string, string> } {
  const rendered = overlay(overlayName);
  const { pod } = rendered.workload(workload);
  const [container] = pod.containers;
  const mounted = pod.volumes.find(({ configMap }) => configMap)?.configMap?.name;
  if (!container || !mounted) throw new Error(`${workload} has no container or no settings`);
  return { container, files: rendered.one('ConfigMap', mounted).data as Record<string, string> };
}
