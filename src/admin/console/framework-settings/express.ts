import { type Framework, pathOf, secretVariable, single } from './framework.ts';

export const express: Framework = {
  id: 'express',
  name: 'Express (openid-client 6)',
  kinds: ['web'],
  files: ({ issuer, clientId, redirectUri, scopes }) => [
    {
      name: 'app.js',
      language: 'js',
      text: `import express from 'express';
import session from 'express-session';
import * as oidc from 'openid-client';

const redirectUri = ${single(redirectUri)};
const config = await oidc.discovery(
  new URL(${single(issuer)}),
  ${single(clientId)},
  {},
  oidc.ClientSecretBasic(process.env.${secretVariable}),
);

const app = express();
app.use(
  session({
    secret: process.env.SESSION_SECRET,
    resave: false,
    saveUninitialized: false,
    cookie: { secure: 'auto', sameSite: 'lax' },
  }),
);

app.get('/login', async (req, res) => {
  const verifier = oidc.randomPKCECodeVerifier();
  const state = oidc.randomState();
  req.session.signIn = { verifier, state };
  const address = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: ${single(scopes.join(' '))},
    state,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  res.redirect(address.href);
});

app.get(${single(pathOf(redirectUri))}, async (req, res) => {
  const { verifier, state } = req.session.signIn ?? {};
  const tokens = await oidc.authorizationCodeGrant(config, new URL(req.originalUrl, redirectUri), {
    pkceCodeVerifier: verifier,
    expectedState: state,
  });
  const { sub } = tokens.claims();
  req.session.user = await oidc.fetchUserInfo(config, tokens.access_token, sub);
  res.redirect('/');
});
`,
    },
  ],
};
