import { type Framework, quoted, secretVariable } from './framework.ts';

export const envoyGateway: Framework = {
  id: 'envoy-gateway',
  name: 'Envoy Gateway',
  kinds: ['gateway'],
  callbackPath: '/oauth2/callback',
  sendsSecretInBody: true,
  files: ({ issuer, clientId, redirectUri, scopes }) => [
    {
      name: 'secret, once',
      language: 'shell',
      text: `kubectl create secret generic holdfast-client --from-literal=client-secret="$${secretVariable}"
`,
    },
    {
      name: 'security-policy.yaml',
      language: 'yaml',
      text: `# Envoy Gateway 1.4 or later: PKCE is required, and Envoy has it since 1.34.
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata:
  name: signed-in
spec:
  targetRefs:
    - group: gateway.networking.k8s.io
      kind: HTTPRoute
      name: app
  oidc:
    provider:
      issuer: ${quoted(issuer)}
    clientID: ${quoted(clientId)}
    clientSecret:
      name: holdfast-client
    redirectURL: ${quoted(redirectUri)}
    logoutPath: /logout
    scopes: [${scopes.map(quoted).join(', ')}]
`,
    },
  ],
};
