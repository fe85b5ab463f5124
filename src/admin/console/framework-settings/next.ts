import { type Framework, secretVariable, single } from './framework.ts';

export const next: Framework = {
  id: 'next',
  name: 'Next.js (Auth.js)',
  kinds: ['web'],
  callbackPath: '/api/auth/callback/holdfast',
  files: ({ issuer, clientId, scopes }) => [
    {
      name: 'auth.ts',
      language: 'ts',
      text: `import NextAuth from 'next-auth';

export const { handlers, auth, signIn, signOut } = NextAuth({
  providers: [
    {
      id: 'holdfast',
      name: 'Holdfast',
      type: 'oidc',
      issuer: ${single(issuer)},
      clientId: ${single(clientId)},
      clientSecret: process.env.${secretVariable},
      authorization: { params: { scope: ${single(scopes.join(' '))} } },
      checks: ['pkce', 'state'],
      // Names and addresses come from there; the ID token says who it is alone.
      idToken: false,
    },
  ],
});
`,
    },
    {
      name: 'app/api/auth/[...nextauth]/route.ts',
      language: 'ts',
      text: `import { handlers } from '@/auth';

export const { GET, POST } = handlers;
`,
    },
  ],
};
