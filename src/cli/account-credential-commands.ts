import type { Command } from 'commander';
import { findAccount } from './find-account.ts';
import { orFail, print, withAdmin } from './run.ts';
import { readSecret } from './secret-input.ts';

/** What somebody signs in with, and where they are signed in. */
export function addAccountCredentialCommands(account: Command): void {
  account
    .command('set-password')
    .description('set the password of an account; it is asked for, or read from standard input')
    .argument('<email or id>')
    .option('--must-change', 'they choose another one at the next sign-in', false)
    .action(async (who: string, options: { mustChange: boolean }, command: Command) => {
      const password = await readSecret(`New password for ${who}`);
      await withAdmin(async (admin, actor, parts) => {
        const { id } = await findAccount(parts, who);
        const { email } = orFail(await admin.accounts.setPassword(actor, id, password, options));
        print(command, { id }, [
          `The password of ${email} is set, and what they were signed in to has ended.`,
        ]);
      });
    });

  account
    .command('expire-password')
    .description('let them choose another password at the next sign-in')
    .argument('<email or id>')
    .action(async (who: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin, actor, parts) => {
        const { id } = await findAccount(parts, who);
        const { email } = orFail(await admin.accounts.expirePassword(actor, id));
        print(command, { id }, [`${email} chooses another password at the next sign-in.`]);
      });
    });

  account
    .command('send-reset')
    .description('mail them a link to choose a new password')
    .argument('<email or id>')
    .action(async (who: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin, actor, parts) => {
        const { id } = await findAccount(parts, who);
        const { email } = orFail(await admin.accounts.sendReset(actor, id));
        print(command, { id }, [`A link is on its way to ${email}.`]);
      });
    });

  account
    .command('factors')
    .description('list passkeys, authenticator apps and recovery codes')
    .argument('<email or id>')
    .action(async (who: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin, _actor, parts) => {
        const { id } = await findAccount(parts, who);
        const factors = orFail(await admin.accounts.factors(id));
        print(command, { factors }, [
          ...factors.map((factor) => `${factor.id}  ${factor.kind.padEnd(14)}  ${factor.name}`),
          ...(factors.length === 0 ? ['No factors beside the password.'] : []),
        ]);
      });
    });

  account
    .command('remove-factor')
    .description('take one factor away')
    .argument('<email or id>')
    .argument('<factor id>')
    .action(async (who: string, factorId: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin, actor, parts) => {
        const { id } = await findAccount(parts, who);
        const { email } = orFail(await admin.accounts.removeFactor(actor, id, factorId));
        print(command, { id }, [`The factor of ${email} is removed.`]);
      });
    });

  account
    .command('reset-factors')
    .description('take all factors beside the password away, also trusted browsers; for who has lost them')
    .argument('<email or id>')
    .action(async (who: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin, actor, parts) => {
        const { id } = await findAccount(parts, who);
        const { email } = orFail(await admin.accounts.resetFactors(actor, id));
        print(command, { id }, [`${email} has no factors beside the password any more.`]);
      });
    });

  account
    .command('sessions')
    .description('list where somebody is signed in')
    .argument('<email or id>')
    .action(async (who: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin, _actor, parts) => {
        const { id } = await findAccount(parts, who);
        const sessions = orFail(await admin.accounts.sessions(id));
        print(command, { sessions }, [
          ...sessions.map(
            ({ uid, signedInAt, browser, address }) =>
              `${uid}  ${new Date(signedInAt).toISOString()}  ${browser || 'unknown browser'}  ${address}`,
          ),
          ...(sessions.length === 0 ? ['No sessions.'] : []),
        ]);
      });
    });

  account
    .command('end-sessions')
    .description('sign somebody out everywhere')
    .argument('<email or id>')
    .action(async (who: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin, actor, parts) => {
        const { id } = await findAccount(parts, who);
        const { ended } = orFail(await admin.sessions.endOfAccount(actor, id));
        print(command, { ended }, [`Ended ${ended} ${ended === 1 ? 'session' : 'sessions'}.`]);
      });
    });

  account
    .command('grants')
    .description('list which applications may act for somebody')
    .argument('<email or id>')
    .action(async (who: string, _options: unknown, command: Command) => {
      await withAdmin(async (admin, _actor, parts) => {
        const { id } = await findAccount(parts, who);
        const grants = orFail(await admin.accounts.grants(id));
        print(command, { grants }, [
          ...grants.map(
            (grant) =>
              `${grant.id}  ${grant.client.clientId}  ${grant.scopes.join(' ')}${grant.isOffline ? '  (also while nobody is signed in)' : ''}`,
          ),
          ...(grants.length === 0 ? ['No grants.'] : []),
        ]);
      });
    });
}
