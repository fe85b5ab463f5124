import { openParts, type Parts } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { startRoundRobinProxy } from '../../src/local/round-robin-proxy.ts';
import { createLog } from '../../src/log.ts';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { Visitor } from '../self-service/console-fixture.ts';
import { Person } from '../support/person.ts';
import { type Pod, startPod, testKeys } from '../support/pods.ts';
import { startStandalone } from '../support/redis-topologies.ts';

/** Two pods behind a balancer, and administrators who can sign in to the console of them. */
export type ConsoleProvider = {
  issuer: string;
  redisUrl: string;
  pods: Pod[];
  parts: Parts;
  /** Somebody with these roles and an authenticator app, in a browser without script. */
  addPerson(name: string, options?: { roles?: string[]; hasApp?: boolean }): Promise<Administrator>;
  stop(): Promise<void>;
};

export type Administrator = Visitor & { id: string };

/**
 * @param environment of the pods, beside what they need
 * @param filled a Redis that is there already, and stays; a new one when left out
 */
export async function startConsole(
  podCount = 2,
  environment: Record<string, string> = {},
  filled?: string,
): Promise<ConsoleProvider> {
  const own = filled === undefined ? await startStandalone({ appendOnly: false }) : undefined;
  const redisUrl = filled ?? own?.url ?? '';
  let pods: Pod[] = [];
  const proxy = await startRoundRobinProxy({
    port: 0,
    targets: () => pods.map((pod) => ({ name: pod.name, port: pod.port })),
    log: createLog('silent', 'test'),
  });
  const issuer = `http://localhost:${proxy.port}`;
  const names = Array.from({ length: podCount }, (_, index) => `pod-${index}`);
  pods = await Promise.all(names.map((name) => startPod({ name, issuer, redisUrl, environment })));
  const config = readConfig({
    HOLDFAST_ISSUER: issuer,
    HOLDFAST_KEYS: testKeys,
    REDIS_URL: redisUrl,
    HOLDFAST_UNSAFE_ALLOW_HTTP: 'true',
    HOLDFAST_UNSAFE_ALLOW_NO_APPENDONLY: 'true',
    ...environment,
  });
  const parts = await openParts(config, parseRedisUrl(redisUrl), createLog('silent', 'test'));

  return {
    issuer,
    redisUrl,
    pods,
    parts,
    async addPerson(name, { roles = [], hasApp = true } = {}) {
      const credentials = { email: `${name}@example.org`, password: `the long passphrase of ${name}` };
      const made = await parts.accounts.create({ ...credentials, emailVerified: true, name });
      if (!made.ok) throw new Error(made.problem);
      const { id } = made.account;
      if (roles.length > 0) {
        const given = await parts.administer.update(id, undefined, { roles });
        if (!given.ok) throw new Error(given.problem);
      }
      const addresses = pods.map(({ url }) => url);
      const visitor = new Visitor(new Person(issuer, addresses), credentials);
      if (hasApp) {
        const { secret, sealed } = parts.factors.totp.begin(id, credentials.email);
        visitor.hasApp(secret);
        const confirmed = await parts.factors.totp.confirm(id, sealed, visitor.code());
        if (!confirmed.ok) throw new Error(confirmed.problem);
      }
      return Object.assign(visitor, { id });
    },
    async stop() {
      await Promise.all([parts.close(), proxy.close(), ...pods.map((pod) => pod.kill('SIGKILL'))]);
      await own?.stop();
    },
  };
}
