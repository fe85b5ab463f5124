import { endpointsOf, type Framework, quoted, secretVariable } from './framework.ts';

export const django: Framework = {
  id: 'django',
  name: 'Django (mozilla-django-oidc)',
  kinds: ['web'],
  callbackPath: '/oidc/callback/',
  files({ issuer, clientId, postLogoutUri, scopes, signingAlgorithm }) {
    const endpoints = endpointsOf(issuer);
    return [
      {
        name: 'settings.py',
        language: 'python',
        text: `import os

INSTALLED_APPS += ["mozilla_django_oidc"]
AUTHENTICATION_BACKENDS = ["mozilla_django_oidc.auth.OIDCAuthenticationBackend"]

OIDC_RP_CLIENT_ID = ${quoted(clientId)}
OIDC_RP_CLIENT_SECRET = os.environ["${secretVariable}"]
OIDC_RP_SCOPES = ${quoted(scopes.join(' '))}
OIDC_RP_SIGN_ALGO = ${quoted(signingAlgorithm)}
OIDC_OP_AUTHORIZATION_ENDPOINT = ${quoted(endpoints.authorization)}
OIDC_OP_TOKEN_ENDPOINT = ${quoted(endpoints.token)}
OIDC_OP_USER_ENDPOINT = ${quoted(endpoints.userinfo)}
OIDC_OP_JWKS_ENDPOINT = ${quoted(endpoints.jwks)}
OIDC_USE_PKCE = True
OIDC_PKCE_CODE_CHALLENGE_METHOD = "S256"
OIDC_TOKEN_USE_BASIC_AUTH = True
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = ${quoted(postLogoutUri ?? '/')}
`,
      },
      {
        name: 'urls.py',
        language: 'python',
        text: `from django.urls import include, path

urlpatterns += [path("oidc/", include("mozilla_django_oidc.urls"))]
`,
      },
    ];
  },
};
