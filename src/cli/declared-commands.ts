import type { Command } from 'commander';
import type { PlannedChange } from '../admin/declared/declared.ts';
import type { Refused } from '../admin/outcome.ts';
import { type ReadDeclaration, readDeclaration } from './declared-file.ts';
import { CommandFailed, print, withAdmin } from './run.ts';

const sections: Record<PlannedChange['kind'], string> = {
  resource: 'resources',
  role: 'roles',
  group: 'groups',
  setting: 'settings',
  client: 'clients',
};

const signs = { create: '+', update: '~', remove: '-' } as const;

type Options = { file: string; prune: boolean; dryRun?: boolean };

export function addDeclaredCommands(program: Command): void {
  const help = [
    '',
    'The file is YAML and may have managed_by, resources, roles, groups, settings and clients:',
    '',
    '  managed_by: platform            # whose things these are; --prune takes away those alone',
    '  resources:',
    '    https://api.example.com/orders:',
    '      name: Orders',
    '      scopes: { "orders:read": See orders }',
    '  roles:',
    '    help-desk: { name: Help desk, permissions: ["accounts:read", "sessions:end"] }',
    '  groups:',
    '    support: { name: Support, roles: [help-desk] }',
    '  settings:',
    '    registration: invitation',
    '  clients:',
    '    orders-web:',
    '      kind: web                   # web, spa, native or service; or all metadata by its own names',
    '      client_name: Orders',
    '      redirect_uris: ["https://orders.example.com/callback"]',
    '      secret: { env: ORDERS_SECRET }   # or { file: path }; left out, one is made and printed once',
  ].join('\n');

  program
    .command('apply')
    .description('bring clients, APIs, roles, groups and settings to what a file says; may be run again')
    .requiredOption('-f, --file <file>', 'YAML')
    .option('--dry-run', 'tell what would be, and change nothing', false)
    .option('--prune', 'take away what this file had made before and does not have any more', false)
    .addHelpText('after', help)
    .action(apply);

  program
    .command('diff')
    .description('tell what apply would change; exit code 0 for nothing, 2 for something')
    .requiredOption('-f, --file <file>', 'YAML')
    .option('--prune', 'with what apply --prune would take away', false)
    .addHelpText('after', help)
    .action(async (options: Options, command: Command) => {
      const changes = await showPlan(options, command);
      if (changes > 0) process.exitCode = 2;
    });
}

/** @returns how many changes there would be */
async function showPlan({ file, prune }: Options, command: Command): Promise<number> {
  const read = await readDeclaration(file);
  const plan = await withAdmin((admin, actor) =>
    admin.declarations.plan(read.declaration, { actor, prunes: prune }),
  );
  if (!plan.ok) throw refusals(file, read, plan.refusals);
  print(command, { changes: plan.changes }, [
    ...plan.changes.flatMap(changeLines),
    plan.changes.length === 0 ? 'Nothing to change.' : `${summary(plan.changes, false)}.`,
  ]);
  return plan.changes.length;
}

async function apply(options: Options, command: Command): Promise<void> {
  if (options.dryRun) {
    await showPlan(options, command);
    return;
  }
  const { file, prune } = options;
  const read = await readDeclaration(file);
  const isJson = command.optsWithGlobals<{ json: boolean }>().json;
  const applied = await withAdmin((admin, actor) =>
    admin.declarations.apply(read.declaration, {
      actor,
      prunes: prune,
      // As they are made, so that what was done is known also when a later one fails.
      ...(!isJson && {
        onProgress: (change) => process.stdout.write(`${changeLines(change).join('\n')}\n`),
      }),
    }),
  );
  const { changes, secrets } = applied;
  const shown = secrets.flatMap(({ clientId, secret }) => [
    `client_id      ${clientId}`,
    `client_secret  ${secret}`,
    'The secret is not shown again.',
  ]);
  if (applied.ok || changes.length > 0) {
    print(
      command,
      {
        changes,
        secrets: secrets.map(({ clientId, secret }) => ({ client_id: clientId, client_secret: secret })),
      },
      [...shown, changes.length === 0 ? 'Nothing to change.' : `Done: ${summary(changes, true)}.`],
    );
  }
  if (!applied.ok) throw refusals(file, read, applied.refusals);
}

function changeLines({ action, kind, id, fields, besides }: PlannedChange): string[] {
  const name = kind === 'setting' ? 'settings' : `${kind} ${id}`;
  if (action === 'remove') return [`${signs.remove} ${name}`];
  return [
    `${signs[action]} ${name}`,
    ...fields
      .filter(({ from, to }) => action === 'update' || !isEmpty(to) || from !== undefined)
      .map(
        ({ name: field, from, to }) =>
          `    ${field}: ${action === 'update' ? `${shown(from)} → ` : ''}${shown(to)}`,
      ),
    ...(besides === undefined ? [] : [`    ${besides}`]),
  ];
}

function shown(value: unknown): string {
  return value === undefined ? '(none)' : JSON.stringify(value);
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === '' ||
    (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
  );
}

function summary(changes: PlannedChange[], isDone: boolean): string {
  const count = (action: PlannedChange['action']) => changes.filter((one) => one.action === action).length;
  const [made, changed, removed] = isDone
    ? ['made', 'changed', 'taken away']
    : ['to make', 'to change', 'to take away'];
  return `${count('create')} ${made}, ${count('update')} ${changed}, ${count('remove')} ${removed}`;
}

function refusals(
  file: string,
  { lineOf }: ReadDeclaration,
  refused: { change: PlannedChange; refusal: Refused }[],
): CommandFailed {
  const lines = refused.map(({ change, refusal }) => {
    const section = sections[change.kind];
    const line = lineOf(section, change.id);
    return `  ${line === undefined ? '' : `line ${line}: `}${section}.${change.id}: ${refusal.message}`;
  });
  return new CommandFailed([`${file} cannot be applied:`, ...lines].join('\n'));
}
