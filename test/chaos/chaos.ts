/**
 * `npm run chaos`: faults under load, and a count of what must never happen. Exits 1 unless the five are 0.
 *
 *   --seconds <n>     per fault; 20 when left out
 *   --fault <name>    may be repeated; all that the topology has when left out
 *   --topology <t>    standalone, sentinel or cluster
 *   --seed <n>        of the choices that are made; printed, to make them again. What happens at which moment
 *                     still depends on the machine.
 *   --pods <n>, --people <n>   3 and 8 when left out
 *   --json            the result as JSON
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { faults, type TopologyName } from './faults.ts';
import { isClean, percentile, type Record } from './record.ts';
import { runChaos } from './run.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    fault: { type: 'string', multiple: true },
    topology: { type: 'string', default: 'standalone' },
    seed: { type: 'string', default: String(randomInt(1_000_000)) },
    pods: { type: 'string', default: '3' },
    people: { type: 'string', default: '8' },
    json: { type: 'boolean', default: false },
  },
});

const topology = values.topology as TopologyName;
const known = Object.entries(faults).filter(([, fault]) => fault.topologies.includes(topology));
if (known.length === 0) throw new Error('--topology is standalone, sentinel or cluster');
const names = values.fault ?? known.map(([name]) => name);
for (const name of names) {
  if (!known.some(([each]) => each === name)) {
    throw new Error(`${topology} has no fault ${name}; it has ${known.map(([each]) => each).join(', ')}`);
  }
}

const say = (line: string) => process.stderr.write(`${line}\n`);
say(
  `seed ${values.seed}, ${topology}, ${values.pods} pods, ${values.people} people, ${values.seconds} s per fault`,
);
const results: [string, Record][] = [];
for (const fault of names) {
  say(`${fault} …`);
  results.push([
    fault,
    await runChaos({
      fault,
      topology,
      seconds: Number(values.seconds),
      seed: Number(values.seed),
      pods: Number(values.pods),
      people: Number(values.people),
      say,
    }),
  ]);
}

if (values.json) {
  const report = results.map(([fault, { times, ...record }]) => ({
    fault,
    ...record,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
  }));
  process.stdout.write(`${JSON.stringify({ seed: values.seed, topology, results: report }, null, 2)}\n`);
} else {
  process.stdout.write(`${table()}\n`);
}
process.exit(results.every(([, record]) => isClean(record)) ? 0 : 1);

function table(): string {
  const head = [
    ...[
      'fault',
      'flows',
      'kills',
      'requests',
      'failed',
      'resent',
      'signed out',
      'lost',
      'double',
      'revived',
      'wrong',
    ],
    ...['longest gap ms', 'p50 ms', 'p99 ms'],
  ];
  const rows = results.map(([fault, record]) => {
    const { flows, kills, requests, failed, resent, five, longestGapMs, times } = record;
    const counts = [flows, kills, requests, failed, resent, ...Object.values(five), longestGapMs];
    return [fault, ...counts, percentile(times, 0.5).toFixed(0), percentile(times, 0.99).toFixed(0)];
  });
  const words = results.flatMap(([fault, { violations }]) => violations.map((what) => `${fault}: ${what}`));
  const line = (cells: unknown[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line), '', ...words].join('\n');
}
