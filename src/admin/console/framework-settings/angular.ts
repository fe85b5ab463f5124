import { type Framework, originOf, single } from './framework.ts';

export const angular: Framework = {
  id: 'angular',
  name: 'Angular (angular-oauth2-oidc)',
  kinds: ['spa'],
  files: ({ issuer, clientId, redirectUri, postLogoutUri, scopes }) => [
    {
      name: 'src/app/app.config.ts',
      language: 'ts',
      text: `import { provideHttpClient } from '@angular/common/http';
import { type ApplicationConfig, inject, provideAppInitializer } from '@angular/core';
import { type AuthConfig, OAuthService, provideOAuthClient } from 'angular-oauth2-oidc';

export const authConfig: AuthConfig = {
  issuer: ${single(issuer)},
  clientId: ${single(clientId)},
  redirectUri: ${single(redirectUri)},
  postLogoutRedirectUri: ${single(postLogoutUri ?? originOf(redirectUri))},
  responseType: 'code',
  scope: ${single(scopes.join(' '))},
};

export const appConfig: ApplicationConfig = {
  providers: [
    provideHttpClient(),
    provideOAuthClient(),
    provideAppInitializer(async () => {
      const oauth = inject(OAuthService);
      oauth.configure(authConfig);
      await oauth.loadDiscoveryDocumentAndLogin();
      oauth.setupAutomaticSilentRefresh();
    }),
  ],
};
`,
    },
  ],
};
