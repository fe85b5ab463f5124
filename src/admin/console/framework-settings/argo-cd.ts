import { type Framework, originOf, quoted, secretVariable } from './framework.ts';

export const argoCd: Framework = {
  id: 'argo-cd',
  name: 'Argo CD',
  kinds: ['web'],
  callbackPath: '/auth/callback',
  files: ({ issuer, clientId, redirectUri, scopes }) => [
    {
      name: 'secret, once',
      language: 'shell',
      text: `kubectl -n argocd patch secret argocd-secret --type merge \\
  -p "{\\"stringData\\":{\\"oidc.holdfast.clientSecret\\":\\"$${secretVariable}\\"}}"
`,
    },
    {
      name: 'argocd-cm.yaml',
      language: 'yaml',
      text: `# A release in which the server, not the page, does PKCE; see its notes on upgrading.
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
  labels:
    app.kubernetes.io/part-of: argocd
data:
  url: ${quoted(originOf(redirectUri))}
  oidc.config: |
    name: Holdfast
    issuer: ${quoted(issuer)}
    clientID: ${quoted(clientId)}
    clientSecret: $oidc.holdfast.clientSecret
    enablePKCEAuthentication: true
    requestedScopes: [${scopes.map(quoted).join(', ')}]
`,
    },
  ],
};
