import type { Account } from '../accounts/accounts.ts';
import type { Parts } from '../app.ts';
import { CommandFailed } from './run.ts';

/** @param who an e-mail address or an id @throws CommandFailed when there is no such account */
export async function findAccount({ accounts }: Pick<Parts, 'accounts'>, who: string): Promise<Account> {
  const found = who.includes('@') ? await accounts.findByEmail(who) : await accounts.find(who);
  if (!found) throw new CommandFailed('There is no such account.');
  return found;
}
