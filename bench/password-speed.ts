/**
 * `npm run bench:passwords`: what an argon2id hash costs here with each binding for Node, in turns. Read the
 * ratios; the figures depend on the machine and on what else it does.
 *
 *   --rounds <n>   9 when left out; every binding has its turn in each, in another order every time
 *   --hashes <n>   in a turn; 30 when left out
 *   --json         the same as JSON
 */
import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { median } from './measure.ts';

type Turn = { wallMs: number; cpuMs: number; memoryMiB: number };

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    hashes: { type: 'string', default: '30' },
    json: { type: 'boolean', default: false },
  },
});
const hasher = fileURLToPath(new URL('./password-hasher.ts', import.meta.url));
const bindings: { name: string; title: string; environment: Record<string, string> }[] = [
  { name: 'holdfast', title: 'Holdfast (argon2, built here)', environment: {} },
  { name: 'prebuilt', title: 'argon2, prebuilt', environment: { PREBUILDS_ONLY: '1' } },
  { name: 'node-rs', title: '@node-rs/argon2', environment: {} },
  { name: 'node-crypto', title: 'node:crypto', environment: {} },
];

async function turn(name: string, environment: Record<string, string>, atOnce: number): Promise<Turn> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [hasher, name, values.hashes, String(atOnce)],
    { env: { ...process.env, ...environment } },
  );
  return JSON.parse(stdout) as Turn;
}

const turns = new Map<string, { alone: Turn[]; two: Turn[] }>(
  bindings.map(({ name }) => [name, { alone: [], two: [] }]),
);
for (let round = 0; round < Number(values.rounds); round++) {
  process.stderr.write(`round ${round + 1} …\n`);
  const order = bindings.map((_, i) => bindings[(i + round) % bindings.length]);
  for (const binding of order) {
    if (!binding) continue;
    turns.get(binding.name)?.alone.push(await turn(binding.name, binding.environment, 1));
    turns.get(binding.name)?.two.push(await turn(binding.name, binding.environment, 2));
  }
}

const rows = bindings.map(({ name, title }) => {
  const { alone = [], two = [] } = turns.get(name) ?? {};
  return {
    binding: title,
    cpuMs: median(alone.map(({ cpuMs }) => cpuMs)),
    leastCpuMs: Math.min(...alone.map(({ cpuMs }) => cpuMs)),
    wallMs: median(alone.map(({ wallMs }) => wallMs)),
    cpuMsTwoAtOnce: median(two.map(({ cpuMs }) => cpuMs)),
    memoryMiBTwoAtOnce: median(two.map(({ memoryMiB }) => memoryMiB)),
  };
});
const fastest = rows.slice(1).reduce((best, row) => (row.cpuMs < best.cpuMs ? row : best));
const perCore = rows.map((row) => fastest.cpuMs / row.cpuMs);
if (values.json) {
  process.stdout.write(`${JSON.stringify({ rows, fastestOther: fastest.binding, perCore }, null, 2)}\n`);
} else {
  const lines = [
    `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}; medians of ${values.rounds} rounds`,
    '',
    `| argon2id, 46 MiB, t=1, p=1 | CPU ms a hash | least | wall ms | CPU ms, two at once | memory MiB, two at once | hashes per core, of the fastest other (${fastest.binding}) |`,
    '|---|---|---|---|---|---|---|',
    ...rows.map((row, i) => {
      const figures = [row.cpuMs, row.leastCpuMs, row.wallMs, row.cpuMsTwoAtOnce].map((ms) => ms.toFixed(1));
      const share = `${((perCore[i] ?? 0) * 100).toFixed(0)} %`;
      return `| ${[row.binding, ...figures, row.memoryMiBTwoAtOnce.toFixed(0), share].join(' | ')} |`;
    }),
    '',
  ];
  process.stdout.write(lines.join('\n'));
}
