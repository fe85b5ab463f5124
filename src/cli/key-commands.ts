import { Argument, type Command } from 'commander';
import type { KeySummary, KeyUse } from '../oidc/oidc.ts';
import { orFail, print, withAdmin } from './run.ts';

export function addKeyCommands(program: Command): void {
  const key = program.command('key').description('keys that sign tokens and cookies');

  key
    .command('list')
    .description('list keys, the active ones first')
    .action(async (_options: unknown, command: Command) => {
      const keys = await withAdmin((admin) => admin.keys.list());
      print(command, { keys: keys.map(wireOf) }, keys.map(lineOf));
    });

  key
    .command('rotate')
    .description(
      'publish new keys; they sign when every pod has served them for long enough, and the old ones stay good for what they signed',
    )
    .addArgument(new Argument('<use>', 'which keys').choices(['signing', 'cookie']))
    .action(async (use: KeyUse, _options: unknown, command: Command) => {
      const keys = await withAdmin(async (admin, actor) => orFail(await admin.keys.rotate(actor, use)));
      print(command, { keys: keys.map(wireOf) }, [
        ...keys.map(lineOf),
        'Published. They become active by themselves: "holdfast key list" shows when.',
      ]);
    });

  key
    .command('revoke')
    .description(
      'for a key that was stolen: it is worth nothing from now on, and another takes its place. Whoever holds what it signed has to sign in again',
    )
    .argument('<id>', 'as in "holdfast key list"')
    .action(async (id: string, _options: unknown, command: Command) => {
      const { replacedBy } = await withAdmin(async (admin, actor) =>
        orFail(await admin.keys.revoke(actor, id)),
      );
      print(command, { replaced_by: wireOf(replacedBy) }, [
        `${id} is revoked. In its place: ${lineOf(replacedBy)}`,
      ]);
    });
}

const timeOf = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());

function wireOf(key: KeySummary): Record<string, unknown> {
  return {
    id: key.id,
    use: key.use,
    alg: key.alg,
    state: key.state,
    created_at: timeOf(key.createdAt),
    active_from: timeOf(key.activeFrom),
    activated_at: timeOf(key.activatedAt),
    retired_at: timeOf(key.retiredAt),
    removed_at: timeOf(key.removedAt),
    served_by: key.servedBy,
    live_pods: key.livePods,
  };
}

function lineOf(key: KeySummary): string {
  const { id, use, alg, state } = key;
  return `${use.padEnd(7)}  ${alg.padEnd(5)}  ${state.padEnd(9)}  ${id.padEnd(43)}  ${detailOf(key)}`.trimEnd();
}

function detailOf({ state, activatedAt, activeFrom, removedAt, servedBy, livePods }: KeySummary): string {
  if (state === 'active') return `since ${timeOf(activatedAt)}`;
  if (state === 'retired') return `until ${timeOf(removedAt)}`;
  if (activeFrom !== undefined) return `signs from ${timeOf(activeFrom)}`;
  return livePods === 0 ? 'waits for a pod to run' : `waits for pods: ${servedBy} of ${livePods} serve it`;
}
