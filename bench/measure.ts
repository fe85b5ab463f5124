import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type Client, createClient } from './http-client.ts';
import type { Operation } from './operations.ts';
import { type Counters, host } from './subject.ts';

/** A server in a process of its own, whose CPU time is its alone. */
export type Server = { name: string; client: Client; counters(): Promise<Counters>; stop(): Promise<void> };

export async function startServer(name: string, file: string, args: string[]): Promise<Server> {
  const child: ChildProcess = fork(new URL(file, import.meta.url), args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [{ port }] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${name} ended (${code}) before it listened`);
    }),
  ])) as [{ port: number }];
  const client = createClient(port, host);
  return {
    name,
    client,
    async counters() {
      const answered = once(child, 'message');
      child.send('counters');
      return (await answered)[0] as Counters;
    },
    async stop() {
      client.close();
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

export type Sample = { cpuMicros: number; perSecond: number; roundTrips: number };

/** Runs an operation on one server with so many workers, and counts what it cost. */
export async function sample(
  server: Server,
  operation: Operation,
  workers: number,
  share = 1,
): Promise<Sample> {
  const each = Math.max(1, Math.ceil((operation.times * share) / workers));
  const runs = await Promise.all(Array.from({ length: workers }, () => operation.prepare(server.client)));
  for (const run of runs) await run();
  const before = await server.counters();
  const started = performance.now();
  await Promise.all(
    runs.map(async (run) => {
      for (let i = 0; i < each; i++) await run();
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  const after = await server.counters();
  const done = each * workers;
  return {
    cpuMicros: (after.cpu - before.cpu) / done,
    perSecond: done / seconds,
    roundTrips: (after.roundTrips - before.roundTrips) / done,
  };
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
