import { createHash, randomBytes } from 'node:crypto';
import { type Answer, type Client, Cookies } from './http-client.ts';
import { account, type BenchClient, issuer, other, ours, resource, service } from './subject.ts';

/** One thing that is measured: `prepare` makes a worker's own state, and gives what is repeated. */
export type Operation = {
  name: string;
  /** How often per round, in all. */
  times: number;
  prepare(client: Client): Promise<() => Promise<void>>;
};

const basic = ({ id, secret }: BenchClient) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});

function expectOk(answer: Answer): Record<string, unknown> {
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.body.slice(0, 500)}`);
  return JSON.parse(answer.body) as Record<string, unknown>;
}

function authorizationRequest(relyingParty: BenchClient, extra: Record<string, string> = {}) {
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    client_id: relyingParty.id,
    response_type: 'code',
    redirect_uri: relyingParty.redirectUri,
    scope: 'openid profile email',
    state: 's',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...extra,
  });
  return { path: `/auth?${query}`, verifier };
}

/** Follows an authorization request, signing in and approving where asked. */
async function authorize(client: Client, cookies: Cookies, relyingParty: BenchClient, extra = {}) {
  const { path, verifier } = authorizationRequest(relyingParty, extra);
  let answer = await client.send('GET', path, { headers: cookies.header });
  for (let hop = 0; hop < 12; hop++) {
    cookies.keep(answer);
    if (answer.location?.startsWith(relyingParty.redirectUri)) {
      const code = new URL(answer.location).searchParams.get('code');
      if (!code) throw new Error(answer.location);
      return { code, verifier };
    }
    if (answer.location) {
      const { pathname, search } = new URL(answer.location, 'http://here');
      answer = await client.send('GET', pathname + search, { headers: cookies.header });
    } else {
      answer = await client.send('POST', ...formOn(answer.body, cookies));
    }
  }
  throw new Error('the authorization request goes in circles');
}

function formOn(
  page: string,
  cookies: Cookies,
): [string, { headers: Record<string, string>; form: Record<string, string> }] {
  const form = /<form[^>]*method="post"[^>]*>[\s\S]*?<\/form>/.exec(page)?.[0] ?? '';
  const action = /action="([^"]*)"/.exec(form)?.[1];
  if (action === undefined) throw new Error(`no form: ${page.slice(0, 500)}`);
  const csrf = /name="csrf" value="([^"]*)"/.exec(form)?.[1] ?? '';
  const isLogin = form.includes('name="password"');
  const fields = isLogin
    ? { ...account, email: cookies.email ?? account.email, decision: 'sign-in' }
    : { decision: 'allow' };
  return [action, { headers: { ...cookies.header, origin: issuer }, form: { csrf, ...fields } }];
}

async function exchange(
  client: Client,
  relyingParty: BenchClient,
  { code, verifier }: { code: string; verifier: string },
) {
  return expectOk(
    await client.send('POST', '/token', {
      headers: basic(relyingParty),
      form: {
        grant_type: 'authorization_code',
        code,
        code_verifier: verifier,
        redirect_uri: relyingParty.redirectUri,
      },
    }),
  ) as { access_token: string; refresh_token: string };
}

/** @param email of another account than the usual one */
export async function signedIn(client: Client, email?: string) {
  const cookies = new Cookies(email);
  const tokens = await exchange(client, ours, await authorize(client, cookies, ours));
  return { cookies, tokens };
}

export async function signOnAgain(client: Client, cookies: Cookies): Promise<void> {
  await exchange(client, ours, await authorize(client, cookies, ours, { prompt: 'none' }));
}

const get =
  (path: string): Operation['prepare'] =>
  async (client) =>
  async () => {
    expectOk(await client.send('GET', path, { headers: { accept: 'application/json' } }));
  };

const tokenRequest =
  (form: Record<string, string>): Operation['prepare'] =>
  async (client) =>
  async () => {
    expectOk(await client.send('POST', '/token', { headers: basic(service), form }));
  };

export const operations: Operation[] = [
  { name: 'discovery', times: 4000, prepare: get('/.well-known/openid-configuration') },
  { name: 'JWKS', times: 4000, prepare: get('/jwks') },
  {
    name: 'client credentials, opaque',
    times: 2000,
    prepare: tokenRequest({ grant_type: 'client_credentials' }),
  },
  {
    name: 'client credentials, JWT ES256',
    times: 1500,
    prepare: tokenRequest({ grant_type: 'client_credentials', resource, scope: 'api:read' }),
  },
  {
    name: 'first login with consent, up to the code',
    times: 240,
    prepare: async (client) => async () => {
      await authorize(client, new Cookies(), other);
    },
  },
  {
    name: 'first login of a first party, up to the code',
    times: 320,
    prepare: async (client) => async () => {
      await authorize(client, new Cookies(), ours);
    },
  },
  {
    name: 'silent sign-on, up to the code',
    times: 1200,
    async prepare(client) {
      const { cookies } = await signedIn(client);
      return async () => {
        await authorize(client, cookies, ours, { prompt: 'none' });
      };
    },
  },
  {
    name: 'silent sign-on and code exchange',
    times: 800,
    async prepare(client) {
      const { cookies } = await signedIn(client);
      return () => signOnAgain(client, cookies);
    },
  },
  {
    name: 'refresh with rotation',
    times: 1200,
    async prepare(client) {
      let token = (await signedIn(client)).tokens.refresh_token;
      return async () => {
        const answer = await client.send('POST', '/token', {
          headers: basic(ours),
          form: { grant_type: 'refresh_token', refresh_token: token },
        });
        token = expectOk(answer).refresh_token as string;
      };
    },
  },
  {
    name: 'userinfo',
    times: 2000,
    async prepare(client) {
      const { access_token } = (await signedIn(client)).tokens;
      return async () => {
        expectOk(await client.send('GET', '/me', { headers: { authorization: `Bearer ${access_token}` } }));
      };
    },
  },
  {
    name: 'introspection',
    times: 2000,
    async prepare(client) {
      const { access_token } = (await signedIn(client)).tokens;
      return async () => {
        const answer = await client.send('POST', '/token/introspection', {
          headers: basic(ours),
          form: { token: access_token, token_type_hint: 'access_token' },
        });
        if (expectOk(answer).active !== true) throw new Error(answer.body);
      };
    },
  },
  {
    name: 'sign-on, exchange and revocation',
    times: 600,
    async prepare(client) {
      const { cookies } = await signedIn(client);
      return async () => {
        const tokens = await exchange(
          client,
          ours,
          await authorize(client, cookies, ours, { prompt: 'none' }),
        );
        const answer = await client.send('POST', '/token/revocation', {
          headers: basic(ours),
          form: { token: tokens.refresh_token, token_type_hint: 'refresh_token' },
        });
        if (answer.status !== 200) throw new Error(answer.body);
      };
    },
  },
];
