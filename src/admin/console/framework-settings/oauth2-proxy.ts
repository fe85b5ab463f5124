import { type Framework, type FrameworkValues, originOf, quoted, secretVariable } from './framework.ts';

/** Its configuration, which the examples for ingresses need as well. */
function configuration({ issuer, clientId, redirectUri, scopes }: FrameworkValues): string {
  return `provider = "oidc"
provider_display_name = "Holdfast"
oidc_issuer_url = ${quoted(issuer)}
client_id = ${quoted(clientId)}
redirect_url = ${quoted(redirectUri)}
scope = ${quoted(scopes.join(' '))}
code_challenge_method = "S256"
email_domains = ["*"]
cookie_secure = ${redirectUri.startsWith('https:')}
reverse_proxy = true
set_xauthrequest = true
`;
}

const environment = {
  name: 'environment of oauth2-proxy',
  language: 'env',
  text: `# The secret that was shown when the client was made:
OAUTH2_PROXY_CLIENT_SECRET="\${${secretVariable}}"
# openssl rand -base64 32 | tr -- '+/' '-_'
OAUTH2_PROXY_COOKIE_SECRET="\${COOKIE_SECRET}"
`,
} as const;

export const oauth2Proxy: Framework = {
  id: 'oauth2-proxy',
  name: 'oauth2-proxy',
  kinds: ['gateway'],
  callbackPath: '/oauth2/callback',
  files: (values) => [
    {
      name: 'oauth2-proxy.cfg',
      language: 'toml',
      text: `${configuration(values)}http_address = "0.0.0.0:4180"
upstreams = ["http://127.0.0.1:8080/"]
`,
    },
    environment,
  ],
};

export const ingressNginx: Framework = {
  id: 'ingress-nginx',
  name: 'Kubernetes ingress (ingress-nginx with oauth2-proxy)',
  kinds: ['gateway'],
  callbackPath: '/oauth2/callback',
  files: (values) => [
    {
      name: 'oauth2-proxy.cfg',
      language: 'toml',
      text: `${configuration(values)}upstreams = ["static://202"]\n`,
    },
    environment,
    {
      name: 'ingress.yaml',
      language: 'yaml',
      text: `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: app
  annotations:
    nginx.ingress.kubernetes.io/auth-url: "${originOf(values.redirectUri)}/oauth2/auth"
    nginx.ingress.kubernetes.io/auth-signin: "${originOf(values.redirectUri)}/oauth2/start?rd=$escaped_request_uri"
    nginx.ingress.kubernetes.io/auth-response-headers: X-Auth-Request-User, X-Auth-Request-Email
spec:
  ingressClassName: nginx
  rules:
    - host: ${quoted(hostOf(values.redirectUri))}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: app
                port:
                  number: 80
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: app-oauth2-proxy
spec:
  ingressClassName: nginx
  rules:
    - host: ${quoted(hostOf(values.redirectUri))}
      http:
        paths:
          - path: /oauth2
            pathType: Prefix
            backend:
              service:
                name: oauth2-proxy
                port:
                  number: 4180
`,
    },
  ],
};

export const traefik: Framework = {
  id: 'traefik',
  name: 'Traefik (forwardAuth with oauth2-proxy)',
  kinds: ['gateway'],
  callbackPath: '/oauth2/callback',
  files: (values) => [
    {
      name: 'oauth2-proxy.cfg',
      language: 'toml',
      text: `${configuration(values)}upstreams = ["static://202"]\n`,
    },
    environment,
    {
      name: 'middleware.yaml',
      language: 'yaml',
      text: `apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata:
  name: signed-in
spec:
  forwardAuth:
    address: http://oauth2-proxy.default.svc.cluster.local:4180/
    trustForwardHeader: true
    authResponseHeaders:
      - X-Auth-Request-User
      - X-Auth-Request-Email
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata:
  name: app
spec:
  routes:
    - kind: Rule
      match: ${quoted(`Host(\`${hostOf(values.redirectUri)}\`) && PathPrefix(\`/oauth2/\`)`)}
      services:
        - name: oauth2-proxy
          port: 4180
    - kind: Rule
      match: ${quoted(`Host(\`${hostOf(values.redirectUri)}\`)`)}
      middlewares:
        - name: signed-in
      services:
        - name: app
          port: 80
`,
    },
  ],
};

function hostOf(address: string): string {
  return URL.parse(address)?.hostname ?? 'app.example.com';
}
