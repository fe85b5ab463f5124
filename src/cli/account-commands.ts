import type { Command } from 'commander';
import { addAccountTransferCommands } from './account-import-command.ts';
import { CommandFailed, print, withParts } from './run.ts';
import { readSecret } from './secret-input.ts';

const problems: Record<string, string> = {
  'email-taken': 'There is an account with this e-mail address already.',
  'email-invalid': 'This is not an e-mail address.',
  'not-found': 'There is no such account.',
};

const weaknesses: Record<string, string> = {
  'password-too-common': 'The password is among those that are tried first, or made of them.',
  'password-like-yours': 'The password is made of the e-mail address, the name, or the name of this service.',
  'password-repeats': 'The password repeats itself.',
  'password-pattern': 'The password follows a pattern, as on a keyboard or in the alphabet.',
  'password-breached': 'The password was stolen somewhere before, and is on the lists of those who guess.',
};

export function addAccountCommands(program: Command): void {
  const account = program.command('account').description('people who sign in');

  account
    .command('create')
    .description('create an account; the password is asked for, or read from standard input')
    .argument('<email>')
    .option('--name <name>', 'full name')
    .option('--given-name <name>')
    .option('--family-name <name>')
    .option('--email-verified', 'the address is known to be theirs', false)
    .action(async (email: string, options: Record<string, string | boolean>, command: Command) => {
      const password = await readSecret(`Password for ${email}`);
      await withParts(async ({ accounts }) => {
        const made = await accounts.create({
          email,
          password,
          emailVerified: options.emailVerified === true,
          ...given('name', options.name),
          ...given('given_name', options.givenName),
          ...given('family_name', options.familyName),
        });
        if (!made.ok) throw new CommandFailed(explain(made));
        const { account: created } = made;
        print(command, { id: created.id, email: created.email }, [
          `Created ${created.email} (${created.id}).`,
        ]);
      });
    });

  account
    .command('set-password')
    .description('set the password of an account; it is asked for, or read from standard input')
    .argument('<email or id>')
    .action(async (who: string, _options: unknown, command: Command) => {
      const password = await readSecret(`New password for ${who}`);
      await withParts(async ({ accounts }) => {
        const found = who.includes('@') ? await accounts.findByEmail(who) : await accounts.find(who);
        if (!found) throw new CommandFailed(problems['not-found'] ?? '');
        const set = await accounts.setPassword(found.id, password);
        if (!set.ok) throw new CommandFailed(explain(set));
        print(command, { id: found.id }, [`The password of ${found.email} is set.`]);
      });
    });

  account
    .command('list')
    .description('list accounts, oldest first')
    .option('--count <n>', 'how many', '50')
    .option('--cursor <cursor>', 'where an earlier list ended')
    .action(async (options: { count: string; cursor?: string }, command: Command) => {
      const count = wholeNumber(options.count, '--count');
      await withParts(async ({ accounts }) => {
        const page = await accounts.list({ count, ...(options.cursor ? { cursor: options.cursor } : {}) });
        const shown = page.accounts.map(({ id, email, status }) => ({ id, email, status }));
        print(command, { accounts: shown, cursor: page.cursor }, [
          ...shown.map(({ id, email, status }) => `${id}  ${status.padEnd(8)}  ${email}`),
          ...(shown.length === 0 ? ['No accounts.'] : []),
          ...(page.cursor ? [`More: --cursor ${page.cursor}`] : []),
        ]);
      });
    });

  addAccountTransferCommands(account);
}

function explain(outcome: {
  problem: string;
  minimumLength?: number;
  maximumLength?: number;
  reason?: string;
  fields?: string[];
}): string {
  switch (outcome.problem) {
    case 'password-too-short':
      return `The password is too short: use at least ${outcome.minimumLength} characters, such as a few words.`;
    case 'password-too-long':
      return `The password is too long: at most ${outcome.maximumLength} characters.`;
    case 'password-weak':
      return weaknesses[outcome.reason ?? ''] ?? 'The password is too easy to guess.';
    case 'profile-invalid':
      return `This does not fit: ${outcome.fields?.join(', ')}.`;
    default:
      return problems[outcome.problem] ?? outcome.problem;
  }
}

function given(field: string, value: string | boolean | undefined): Record<string, string> {
  return typeof value === 'string' ? { [field]: value } : {};
}

export function wholeNumber(text: string, option: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 1000) {
    throw new CommandFailed(`${option} must be a whole number from 1 to 1000, not ${text}.`);
  }
  return number;
}
