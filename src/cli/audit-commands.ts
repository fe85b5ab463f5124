import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import type { Command } from 'commander';
import { origin } from '../admin/acts.ts';
import type { Events, RecordedEvent, Verification } from '../events/events.ts';
import { addFilterOptions, type FilterOptions, filterOf } from './audit-filter.ts';
import { operator } from './operator.ts';
import { many, wholeNumber } from './option-values.ts';
import { CommandFailed, print, withParts } from './run.ts';

/** How long one look for new events waits; then it is asked again. */
const waitMs = 30_000;

export function addAuditCommands(program: Command): void {
  const audit = program.command('audit').description('who did what, and who signed in');

  audit
    .command('verify')
    .description('prove that no event was changed, put in or taken out; fails when one was')
    .option(
      '--head <head>',
      'that was kept elsewhere, from the log or an earlier verify; may be repeated',
      many,
      [],
    )
    .action(async ({ head }: { head: string[] }, command: Command) => {
      const found = await withParts(({ events }) => events.verify(head));
      print(command, { trails: found }, found.flatMap(describeVerification));
      if (found.some(({ isIntact }) => !isIntact)) process.exitCode = 1;
    });

  addFilterOptions(
    audit
      .command('list')
      .description('the latest events, the latest first')
      .option('--count <n>', 'how many', '50')
      .option('--cursor <cursor>', 'where an earlier list ended'),
  ).action(async (options: FilterOptions & { count: string; cursor?: string }, command: Command) => {
    const query = {
      ...filterOf(options),
      count: wholeNumber(options.count, '--count', 500),
      ...(options.cursor === undefined ? {} : { cursor: options.cursor }),
    };
    const page = await withParts(({ events }) => events.list(query));
    print(command, page, [
      ...page.events.map(line),
      ...(page.events.length === 0 ? ['No such events.'] : []),
      ...(page.cursor ? [`More: --cursor ${page.cursor}`] : []),
    ]);
  });

  addFilterOptions(
    audit
      .command('export')
      .description('all events, the oldest first, one JSON object a line')
      .option('--file <path>', 'write them there, rather than print them; the file must not be there yet'),
  ).action(async ({ file, ...options }: FilterOptions & { file?: string }, command: Command) => {
    const query = filterOf(options);
    await withParts(async ({ events }) => {
      const output = file === undefined ? process.stdout : await openFile(file);
      // That it was begun is recorded before the first event leaves.
      await events.record({
        kind: 'audit.exported',
        outcome: 'success',
        ...origin(operator()),
        after: { ...query },
      });
      const count = await writeAll(events, query, output);
      if (file === undefined) return;
      output.end();
      await once(output, 'finish');
      print(command, { file, events: count }, [`Wrote ${count} events to ${file}.`]);
    });
  });

  audit
    .command('tail')
    .description('events as they happen, until it is interrupted')
    .option('--trail <trail>', 'admin or people')
    .option('--kind <kind>', 'such as sign-in.failed; may be repeated', many, [])
    .action(async (options: FilterOptions, command: Command) => {
      const query = filterOf(options);
      const leaving = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => leaving.abort());
      // Such as `| head`, which has seen enough.
      process.stdout.once('error', () => leaving.abort());
      await withParts(async ({ events }) => {
        let { last } = await events.after(undefined, query, 0);
        if (process.stderr.isTTY) process.stderr.write('Waiting for events; Ctrl-C ends it.\n');
        while (!leaving.signal.aborted) {
          const page = await events.after(last, query, waitMs, leaving.signal);
          last = page.last;
          for (const event of page.events) print(command, event, [line(event)]);
        }
      });
    });
}

async function writeAll(
  events: Events,
  query: Parameters<Events['export']>[0],
  output: Writable,
): Promise<number> {
  let count = 0;
  for await (const block of events.export(query)) {
    count += block.length;
    const isTaken = output.write(block.map((event) => `${JSON.stringify(event)}\n`).join(''));
    if (!isTaken) await once(output, 'drain');
  }
  return count;
}

/** For its owner alone: it says who was where. */
async function openFile(path: string): Promise<Writable> {
  const output = createWriteStream(path, { flags: 'wx', mode: 0o600 });
  try {
    await once(output, 'open');
    return output;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'EEXIST') throw new CommandFailed(`${path} is there already. Name another file.`);
    throw new CommandFailed(`${path} cannot be written (${code}).`);
  }
}

function describeVerification(found: Verification): string[] {
  const name = found.trail === 'admin' ? 'Administrators' : 'People';
  const unchained =
    found.unchained > 0 ? `, of which the last ${found.unchained} are too young to be proved` : '';
  const since = found.begunAt === undefined ? '' : ` since ${new Date(found.begunAt).toISOString()}`;
  return [
    `${name}: ${found.isIntact ? 'intact' : 'NOT INTACT'}, ${found.events} events${unchained}.`,
    ...(found.fault ? [`  ${found.fault.message}`] : []),
    ...(found.fault?.eventId ? [`  At event ${found.fault.eventId}.`] : []),
    ...(since ? [`  There is a trail${since}.`] : []),
    `  Head: ${found.head}`,
  ];
}

function line({
  at,
  kind,
  outcome,
  reason,
  actor,
  target,
  clientId,
  address,
  requestId,
}: RecordedEvent): string {
  return [
    new Date(at).toISOString(),
    kind.padEnd(22),
    outcome === 'success' ? '' : `${outcome}${reason ? ` (${reason})` : ''}`,
    actor.name ?? actor.id ?? actor.kind,
    target ? `→ ${target.kind} ${target.name ?? target.id}` : '',
    clientId && target?.kind !== 'client' ? `at ${clientId}` : '',
    address ? `from ${address}` : '',
    requestId ? `[${requestId}]` : '',
  ]
    .filter((part) => part !== '')
    .map(plain)
    .join('  ');
}

/** Names come from anybody: nothing of them may move the terminal's cursor. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
}
