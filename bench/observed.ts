/**
 * `npm run bench:observed`: what metrics and traces cost, in the CPU time of the provider process, each server in turn.
 *
 *   --rounds <n>   9 when left out
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { startStandalone, type Topology } from '../test/support/redis-topologies.ts';
import { median, type Server, sample, startServer } from './measure.ts';
import { operations } from './operations.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } });
const rounds = Number(values.rounds);

/** Takes traces, and forgets them. */
const receiver = createServer((request, response) => {
  request.resume().once('end', () => response.end('{}'));
}).listen(0, '127.0.0.1');
await once(receiver, 'listening');
const tracesUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;

const kinds = [
  ['neither', []],
  ['neither, again', []],
  ['metrics', ['metrics']],
  ['metrics and traces', ['metrics', tracesUrl]],
] as const;
const servers: Server[] = [];
const redises: Topology[] = [];
try {
  for (const [name, more] of kinds) {
    const redis = await startStandalone({ appendOnly: true });
    redises.push(redis);
    servers.push(await startServer(name, './holdfast-server.ts', [redis.url, 'hash-free', ...more]));
  }
  process.stdout.write(
    `| operation, CPU µs | ${servers.map(({ name }) => name).join(' | ')} |\n|---|---|---|---|---|\n`,
  );
  for (const operation of operations.filter(({ name }) =>
    /^(userinfo|refresh|introspection|JWKS)/.test(name),
  )) {
    const taken = servers.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, server] of servers.entries()) {
        taken[i]?.push((await sample(server, operation, 16, 0.5)).cpuMicros);
      }
    }
    const [plain = 1] = taken.map(median);
    const cells = taken.map((of) => `${median(of).toFixed(0)} (${(median(of) / plain).toFixed(3)})`);
    process.stdout.write(`| ${operation.name} | ${cells.join(' | ')} |\n`);
  }
} finally {
  for (const server of servers) await server.stop();
  for (const redis of redises) await redis.stop();
  receiver.close();
}
