/**
 * `npm run bench`: what each operation costs on Redis, against the same engine with a Map for a store, in the
 * same run. Read the ratios; the figures depend on the machine and on what else it does.
 *
 *   --rounds <n>   5 when left out; the two servers take turns within each
 *   --only <text>  operations whose name has this in it
 *   --quick        two rounds of a fifth of the work
 *   --json         the same as JSON
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { startStandalone } from '../test/support/redis-topologies.ts';
import { measureFloor } from './floor.ts';
import { median, type Sample, type Server, sample, startServer } from './measure.ts';
import { measureMemory } from './memory.ts';
import { type Operation, operations } from './operations.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

type Row = {
  operation: string;
  cpuMicros: number;
  engineCpuMicros: number;
  ratio: number;
  roundTrips: number;
  perSecondAlone: number;
  perSecond16: number;
  engineRatioAgain: number;
};

const rounds = values.quick ? 2 : Number(values.rounds);
const share = values.quick ? 0.2 : 1;
const say = (line: string) => process.stderr.write(`${line}\n`);

const redis = await startStandalone({ appendOnly: true });
const servers: Server[] = [];
try {
  say('starting the servers …');
  const holdfast = await startServer('holdfast', './holdfast-server.ts', [redis.url, 'hash-free']);
  servers.push(holdfast);
  const engine = await startServer('engine', './engine-server.ts', []);
  servers.push(engine);

  const floor = await measureFloor(redis.url);
  const rows: Row[] = [];
  for (const operation of operations.filter(({ name }) => name.includes(values.only))) {
    say(`${operation.name} …`);
    rows.push(await compare(operation, holdfast, engine));
  }
  say('memory …');
  const memoryClient = new Redis(redis.url);
  const memory = await measureMemory(memoryClient, holdfast.client);
  memoryClient.disconnect();
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}`;
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ machine, rounds, rows, floor, memory }, null, 2)}\n`);
  } else {
    print(machine, rows, floor, memory);
  }
} finally {
  for (const server of servers) await server.stop();
  await redis.stop();
}

async function compare(operation: Operation, holdfast: Server, engine: Server): Promise<Row> {
  const ours: Sample[] = [];
  const theirs: Sample[] = [];
  const theirsAgain: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(await sample(holdfast, operation, 16, share));
    theirs.push(await sample(engine, operation, 16, share));
    // The engine against itself: how far apart two measurements of one thing are.
    theirsAgain.push(await sample(engine, operation, 16, share));
  }
  const alone = await sample(holdfast, operation, 1, share / 8);
  const cpuMicros = median(ours.map((one) => one.cpuMicros));
  const engineCpuMicros = median(theirs.map((one) => one.cpuMicros));
  return {
    operation: operation.name,
    cpuMicros,
    engineCpuMicros,
    ratio: cpuMicros / engineCpuMicros,
    roundTrips: alone.roundTrips,
    perSecondAlone: alone.perSecond,
    perSecond16: median(ours.map((one) => one.perSecond)),
    engineRatioAgain: median(theirsAgain.map((one) => one.cpuMicros)) / engineCpuMicros,
  };
}

function print(
  machine: string,
  rows: Row[],
  floor: Record<string, number>,
  memory: Record<string, number>,
): void {
  const lines = [
    `${machine}; median of ${rounds} rounds; CPU of the provider process`,
    '',
    '| operation | CPU µs | engine on a Map | ratio | noise | Redis round trips | per second, 1 / 16 in flight |',
    '|---|---|---|---|---|---|---|',
    ...rows.map((row) => {
      const cells = [
        row.operation,
        row.cpuMicros.toFixed(0),
        row.engineCpuMicros.toFixed(0),
        row.ratio.toFixed(2),
        row.engineRatioAgain.toFixed(2),
        row.roundTrips.toFixed(0),
        `${row.perSecondAlone.toFixed(0)} / ${row.perSecond16.toFixed(0)}`,
      ];
      return `| ${cells.join(' | ')} |`;
    }),
    '',
    ...Object.entries({ ...floor, ...memory }).map(([name, value]) => `${name}: ${value.toFixed(0)}`),
    '',
  ];
  process.stdout.write(lines.join('\n'));
}
