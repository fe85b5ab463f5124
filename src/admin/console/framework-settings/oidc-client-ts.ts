import { type Framework, originOf, pathOf, single } from './framework.ts';

export const react: Framework = {
  id: 'react',
  name: 'React (react-oidc-context)',
  kinds: ['spa'],
  files: ({ issuer, clientId, redirectUri, postLogoutUri, scopes }) => [
    {
      name: 'src/main.tsx',
      language: 'tsx',
      text: `import { createRoot } from 'react-dom/client';
import { AuthProvider } from 'react-oidc-context';
import { App } from './App';

const settings = {
  authority: ${single(issuer)},
  client_id: ${single(clientId)},
  redirect_uri: ${single(redirectUri)},
  post_logout_redirect_uri: ${single(postLogoutUri ?? originOf(redirectUri))},
  scope: ${single(scopes.join(' '))},
  // Takes code and state out of the address.
  onSigninCallback: () => window.history.replaceState({}, document.title, '/'),
};

createRoot(document.getElementById('root')!).render(
  <AuthProvider {...settings}>
    <App />
  </AuthProvider>,
);
`,
    },
  ],
};

export const vue: Framework = {
  id: 'vue',
  name: 'Vue, or no framework (oidc-client-ts)',
  kinds: ['spa'],
  files: ({ issuer, clientId, redirectUri, postLogoutUri, scopes }) => [
    {
      name: 'src/sign-in.ts',
      language: 'ts',
      text: `import { UserManager } from 'oidc-client-ts';

export const users = new UserManager({
  authority: ${single(issuer)},
  client_id: ${single(clientId)},
  redirect_uri: ${single(redirectUri)},
  post_logout_redirect_uri: ${single(postLogoutUri ?? originOf(redirectUri))},
  response_type: 'code',
  scope: ${single(scopes.join(' '))},
});

/** Call this before anything is shown. */
export async function whoIsSignedIn() {
  if (window.location.pathname === ${single(pathOf(redirectUri))} && window.location.search.includes('code=')) {
    await users.signinRedirectCallback();
    window.history.replaceState({}, document.title, '/');
  }
  const user = await users.getUser();
  if (!user || user.expired) await users.signinRedirect();
  return user;
}
`,
    },
  ],
};
