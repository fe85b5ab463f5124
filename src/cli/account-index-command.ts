import type { Command } from 'commander';
import { createProgress } from './progress.ts';
import { print, withParts } from './run.ts';

export function addAccountIndexCommand(account: Command): void {
  account
    .command('reindex')
    .description('bring the search up to date; pods do this by themselves once, and go on meanwhile')
    .action(async (_options: object, command: Command) => {
      await withParts(async ({ directory }) => {
        const progress = createProgress('accounts', Math.max(await directory.count(), 1));
        let told = 0;
        const done = await directory.reindex((count) => {
          progress.add(count - told);
          told = count;
        });
        print(command, { accounts: done }, [`${done} accounts can be searched for.`]);
      });
    });
}
