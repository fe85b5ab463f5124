import type { Context } from 'koa';
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { type ProblemKind, Refusal, Unavailable } from '../errors.ts';
import type { ClientSummary, EnginePages } from './pages.ts';
import { unitOfWork } from './unit-of-work.ts';

type EngineClient = NonNullable<KoaContextWithOIDC['oidc']['client']>;

/** The engine's page hooks, turned into ours. */
export function enginePages(
  pages: EnginePages,
  /** Whether an administrator has disabled this client. */
  isDisabled: (clientId: string) => Promise<boolean>,
) {
  return {
    logout: (ctx: KoaContextWithOIDC) => {
      const { accountId } = ctx.oidc.session ?? {};
      return pages.logout(ctx as unknown as Context, {
        action: ctx.oidc.urlFor('end_session_confirm'),
        xsrf: secretOf(ctx),
        ...clientOf(ctx.oidc.client),
        ...(accountId ? { accountId } : {}),
        goesOnTo: originsAfterLogout(ctx),
      });
    },
    signedOut: (ctx: KoaContextWithOIDC) => {
      // The engine lands here as well after "stay signed in".
      const cookie = ctx.cookies.get(ctx.oidc.provider.cookieName('session'));
      pages.signedOut(ctx as unknown as Context, {
        ...clientOf(ctx.oidc.client),
        stillSignedIn: cookie !== undefined,
      });
    },
    error: async (
      ctx: KoaContextWithOIDC,
      out: { error: string; error_description?: string },
      cause: unknown,
    ) => {
      // No fault of ours, and answered with 503 where the request is committed.
      if (cause instanceof Unavailable) return;
      const kind = await kindOf(ctx, cause, isDisabled);
      const refusal = new Refusal(ctx.status, kind, {
        code: out.error,
        ...(out.error_description === undefined ? {} : { description: out.error_description }),
        cause,
      });
      pages.error(ctx as unknown as Context, refusal);
    },
    deviceCode: (
      ctx: KoaContextWithOIDC,
      _form: string,
      _out?: unknown,
      error?: { name?: string; userCode?: string },
    ) => {
      const { DeviceCode: code } = ctx.oidc.entities as { DeviceCode?: { clientId: string } };
      if (error?.name === 'AbortedError' && code) {
        const client = ctx.oidc.client ? summarise(ctx.oidc.client) : summarise({ clientId: code.clientId });
        pages.deviceDone(ctx as unknown as Context, { client, approved: false });
        return;
      }
      const problem = deviceProblem(error);
      pages.deviceCode(ctx as unknown as Context, {
        action: ctx.oidc.urlFor('code_verification'),
        xsrf: secretOf(ctx),
        ...(error?.userCode === undefined ? {} : { userCode: error.userCode }),
        ...(problem === undefined ? {} : { problem }),
      });
    },
    deviceConfirm: (
      ctx: KoaContextWithOIDC,
      _form: string,
      client: EngineClient,
      deviceInfo: { ip?: string; ua?: string } | undefined,
      userCode: string,
    ) => {
      const scope = (ctx.oidc.entities as { DeviceCode?: { params?: { scope?: string } } }).DeviceCode?.params
        ?.scope;
      pages.deviceConfirm(ctx as unknown as Context, {
        action: ctx.oidc.urlFor('code_verification'),
        xsrf: secretOf(ctx),
        userCode,
        client: summarise(client),
        ...(deviceInfo?.ip ? { deviceAddress: deviceInfo.ip } : {}),
        ...(deviceInfo?.ua ? { deviceAgent: deviceInfo.ua } : {}),
        scopes: scope?.split(' ') ?? [],
      });
    },
    deviceDone: (ctx: KoaContextWithOIDC) => {
      const { client } = ctx.oidc;
      if (client) pages.deviceDone(ctx as unknown as Context, { client: summarise(client), approved: true });
    },
  };
}

/** @param isDisabled see `enginePages` */
async function kindOf(
  ctx: KoaContextWithOIDC,
  cause: unknown,
  isDisabled: (clientId: string) => Promise<boolean>,
): Promise<ProblemKind> {
  if (cause instanceof errors.SessionNotFound) return 'expired';
  const clientId = ctx.oidc.params?.client_id ?? ctx.oidc.entities.Interaction?.params?.client_id;
  if (cause instanceof errors.InvalidClient && typeof clientId === 'string') {
    if (await unitOfWork().guard(isDisabled(clientId))) return 'client-disabled';
  }
  if (ctx.status >= 500) return 'server';
  return ctx.status === 404 ? 'not-found' : 'bad-request';
}

/** What people are told about a client. */
export function summarise(client: {
  clientId: string;
  clientName?: string | undefined;
  clientUri?: string | undefined;
  redirectUris?: readonly string[] | undefined;
  logoUri?: string | undefined;
  policyUri?: string | undefined;
  tosUri?: string | undefined;
}): ClientSummary {
  const [address = client.clientUri ?? ''] = client.redirectUris ?? [];
  return {
    name: client.clientName ?? client.clientId,
    host: URL.canParse(address) ? new URL(address).host || address : client.clientId,
    ...(client.clientUri ? { uri: client.clientUri } : {}),
    ...(client.logoUri ? { logoUri: client.logoUri } : {}),
    ...(client.policyUri ? { policyUri: client.policyUri } : {}),
    ...(client.tosUri ? { tosUri: client.tosUri } : {}),
  };
}

/** Where a browser may be sent by the answer to a logout form. */
export function originsAfterLogout(ctx: KoaContextWithOIDC): string[] {
  const state = ctx.oidc?.session?.state as { postLogoutRedirectUri?: string } | undefined;
  const params = ctx.oidc?.entities.Interaction?.params as { redirect_uri?: string } | undefined;
  return [state?.postLogoutRedirectUri, params?.redirect_uri].flatMap((uri) => {
    const origin = originOf(uri);
    return origin === undefined ? [] : [origin];
  });
}

/** As a CSP source; the scheme of an app's own URI counts as a whole. */
export function originOf(uri: string | undefined): string | undefined {
  if (uri === undefined || !URL.canParse(uri)) return undefined;
  const url = new URL(uri);
  return url.origin === 'null' ? url.protocol : url.origin;
}

function clientOf(client: EngineClient | undefined): { client?: ClientSummary } {
  return client ? { client: summarise(client) } : {};
}

function secretOf(ctx: KoaContextWithOIDC): string {
  return String((ctx.oidc.session?.state as { secret?: string } | undefined)?.secret);
}

function deviceProblem(error: { name?: string } | undefined) {
  switch (error?.name) {
    case undefined:
      return undefined;
    case 'NoCodeError':
      return 'missing' as const;
    case 'ExpiredError':
    case 'AlreadyUsedError':
      return 'expired' as const;
    default:
      return 'not-found' as const;
  }
}
