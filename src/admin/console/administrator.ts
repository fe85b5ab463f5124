import type { Context } from 'koa';
import type { Access, Permission } from '../../access/access.ts';
import type { Actor } from '../../access/actor.ts';
import type { Account, Accounts } from '../../accounts/accounts.ts';
import { type BrowserSession, isStrongEnough, type SignedIn } from '../../oidc/oidc.ts';
import type { LiveSettings } from '../../settings/settings.ts';

/** Who is at the console, as they are at the moment of asking. */
export type Present = {
  session: BrowserSession;
  account: Account;
  permissions: ReadonlySet<Permission>;
  isWeak: boolean;
};

export function createAdministrators(parts: {
  signedIn: Pick<SignedIn, 'current'>;
  accounts: Pick<Accounts, 'find'>;
  access: Pick<Access, 'effectiveNow'>;
  settings: Pick<LiveSettings, 'current'>;
}) {
  const { signedIn, accounts, access, settings } = parts;

  /** Who is signed in; `isWeak` when not by as much as is asked for here. */
  async function whoIs(ctx: Context): Promise<Present | undefined> {
    const session = await signedIn.current(ctx);
    const account = session && (await accounts.find(session.accountId));
    if (!session || account?.status !== 'active') return undefined;
    const { roles = [], groups = [] } = account;
    const { permissions } = await access.effectiveNow({ roles, groups });
    const isWeak = !isStrongEnough(session, settings.current().console_second_factor);
    return { session, account, permissions, isWeak };
  }

  function actorOf(ctx: Context, { session, account, permissions }: Present): Actor {
    return {
      kind: 'account',
      id: account.id,
      name: account.email,
      permissions,
      via: 'console',
      requestId: String(ctx.state.requestId),
      address: ctx.ip,
      sessionUid: session.uid,
      async lookAgain() {
        const now = await whoIs(ctx);
        const isSame = now?.session.uid === session.uid && now.account.id === account.id;
        return now && isSame && !now.isWeak ? actorOf(ctx, now) : undefined;
      },
    };
  }

  return { whoIs, actorOf };
}
