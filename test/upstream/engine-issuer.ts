import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { type Configuration, type KoaContextWithOIDC, Provider } from 'oidc-provider';

/** A real OpenID provider, where one person is signed in at once, or says no. */
export type EngineIssuer = {
  url: string;
  person: { sub: string; email?: string; email_verified?: boolean; name?: string; picture?: string };
  refuses: boolean;
  stop(): Promise<void>;
};

export const engineClient = { id: 'holdfast', secret: 'a-secret-of-the-other-provider' };

export async function startEngineIssuer(redirectUri: string): Promise<EngineIssuer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const issuer: EngineIssuer = {
    url,
    person: { sub: 'grace' },
    refuses: false,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };

  const provider = new Provider(url, {
    clients: [
      {
        client_id: engineClient.id,
        client_secret: engineClient.secret,
        redirect_uris: [redirectUri],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: 'only' }] },
    cookies: { keys: ['a key of the other provider'] },
    features: { devInteractions: { enabled: false } },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'picture'] },
    pkce: { required: () => true },
    findAccount: (_ctx: KoaContextWithOIDC, accountId: string) => ({
      accountId,
      claims: async () => ({ ...issuer.person, sub: accountId }),
    }),
    loadExistingGrant: async (ctx: KoaContextWithOIDC) => {
      const grant = new provider.Grant({
        clientId: ctx.oidc.client?.clientId ?? '',
        accountId: ctx.oidc.session?.accountId ?? '',
      });
      grant.addOIDCScope('openid email profile');
      await grant.save();
      return grant;
    },
    interactions: { url: (_ctx: unknown, { uid }: { uid: string }) => `/here/${uid}` },
    ttl: { AccessToken: 60, AuthorizationCode: 60, Grant: 60, IdToken: 60, Interaction: 60, Session: 60 },
  } as unknown as Configuration);
  const engine = provider.callback();
  server.on('request', (request, response) => {
    if (!request.url?.startsWith('/here/')) return void engine(request, response);
    const result = issuer.refuses
      ? { error: 'access_denied' }
      : { login: { accountId: issuer.person.sub, remember: false } };
    void provider.interactionFinished(request, response, result);
  });
  return issuer;
}
