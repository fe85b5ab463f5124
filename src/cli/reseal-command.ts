import type { Command } from 'commander';
import { origin } from '../admin/acts.ts';
import { podsBehind, reseal, sealedUnder } from '../redis/reseal.ts';
import { createVault } from '../redis/vault.ts';
import { operator } from './operator.ts';
import { CommandFailed, print, withParts } from './run.ts';

/** The second step when HOLDFAST_KEYS is rotated; the README has them all. */
export function addResealCommand(program: Command): void {
  program
    .command('reseal')
    .description(
      'seal under the first key of HOLDFAST_KEYS what is sealed under another, so that the others can go',
    )
    .option('--dry-run', 'only tell what lies under which key', false)
    .action(async ({ dryRun }: { dryRun: boolean }, command: Command) => {
      await withParts(async ({ config, store, events }) => {
        const current = config.vaultKeys[0]?.id ?? '';
        const before = await sealedUnder(store);
        if (dryRun) return print(command, { current, sealed_under: before }, linesOf(before, current));
        const behind = await podsBehind(store, current);
        if (behind.length > 0) {
          throw new CommandFailed(
            `These pods do not have "${current}" as the first of their HOLDFAST_KEYS: ${behind.join(', ')}. Give it to all of them first, the old key behind it.`,
          );
        }
        const isStale = before.some(({ keyId }) => keyId !== current);
        const work = async () => ({
          ok: true as const,
          count: await reseal(store, createVault(config.vaultKeys)),
        });
        const event = {
          kind: 'keys.resealed' as const,
          target: { kind: 'key' as const, id: current },
          ...origin(operator()),
        };
        const { count } = isStale
          ? await events.act(event, work, (done) => ({ after: { secrets: done.count } }))
          : { count: 0 };
        const others = config.vaultKeys.slice(1).map(({ id }) => id);
        print(command, { current, resealed: count, may_go: others }, [
          count > 0 ? `Sealed ${count} secrets under "${current}".` : `All is sealed under "${current}".`,
          ...(others.length > 0
            ? [
                `No longer needed in HOLDFAST_KEYS: ${others.join(', ')}. Keep them elsewhere for as long as you keep backups from before.`,
              ]
            : []),
        ]);
      });
    });
}

function linesOf(sealed: { keyId: string; secrets: number }[], current: string): string[] {
  return sealed.map(
    ({ keyId, secrets }) => `${keyId}: ${secrets} secrets${keyId === current ? '' : ', to be sealed anew'}`,
  );
}
