/**
 * `npm run chaos`: faults under load, and a count of what must never happen. Exits 1 unless the five are 0.
 *
 *   --seconds <n>     per fault; 20 when left out
 *   --fault <name>    may be repeated, or take several with commas; all that the topology has when left out
 *   --topology <t>    standalone, sentinel or cluster
 *   --seed <n>        of every choice that is made, by people, faults and pods that die; printed, to make them
 *                     again. What happens at which moment still depends on the machine.
 *   --pods <n>, --people <n>   3 and 8 when left out
 *   --json            the result as JSON
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { everywhere } from './fault.ts';
import { faults } from './faults.ts';
import { isClean } from './record.ts';
import { runChaos, Skipped } from './run.ts';
import { type Row, toReport, toTable } from './table.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
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

const topology = everywhere.find((name) => name === values.topology);
if (!topology) refuse('--topology is standalone, sentinel or cluster');
const seconds = wholeNumber('seconds', 1);
const seed = wholeNumber('seed', 0);
const pods = wholeNumber('pods', 3);
const people = wholeNumber('people', 1);
const known = Object.keys(faults).filter((name) => faults[name]?.topologies.includes(topology));
const names = values.fault ? [...values.fault, ...positionals].flatMap((name) => name.split(',')) : known;
for (const name of names) {
  if (!known.includes(name)) refuse(`${topology} has no fault ${name}; it has ${known.join(', ')}`);
}

say(`seed ${seed}, ${topology}, ${pods} pods, ${people} people, ${seconds} s per fault`);
const rows: Row[] = [];
const brokenOff: string[] = [];
for (const fault of names) {
  say(`${fault} …`);
  try {
    rows.push({ fault, record: await runChaos({ fault, topology, seconds, seed, pods, people, say }) });
  } catch (error) {
    if (error instanceof Skipped) {
      say(`  skipped: ${error.message}`);
      rows.push({ fault, skipped: error.message });
      continue;
    }
    // The other faults are looked at all the same.
    say(`  broke off: ${error instanceof Error ? error.stack : error}`);
    brokenOff.push(fault);
  }
}

const result = { seed, topology, pods, people, seconds, results: toReport(rows) };
process.stdout.write(values.json ? `${JSON.stringify(result, null, 2)}\n` : `${toTable(rows)}\n`);
say(`seed ${seed}`);
if (brokenOff.length > 0) say(`broke off: ${brokenOff.join(', ')}`);
const areClean = rows.every((row) => 'skipped' in row || isClean(row.record));
process.exit(areClean && brokenOff.length === 0 ? 0 : 1);

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function refuse(reason: string): never {
  process.stderr.write(`${reason}\n`);
  process.exit(2);
}

function wholeNumber(name: 'seconds' | 'seed' | 'pods' | 'people', least: number): number {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number >= least) return number;
  return refuse(`--${name} is a whole number of at least ${least}`);
}
