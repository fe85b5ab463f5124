import {
  endpointsOf,
  type Framework,
  type FrameworkValues,
  secretVariable,
  shell,
  single,
} from './framework.ts';

const exampleApi = { indicator: 'https://api.example.com', scopes: ['read'] };

function askedOf({ apis }: FrameworkValues): { indicator: string; scope: string } {
  const { indicator, scopes } = apis[0] ?? exampleApi;
  return { indicator, scope: scopes.join(' ') };
}

export const curlService: Framework = {
  id: 'curl',
  name: 'curl',
  kinds: ['service'],
  files(values) {
    const { indicator, scope } = askedOf(values);
    return [
      {
        name: 'token.sh',
        language: 'shell',
        text: `curl --fail-with-body ${shell(endpointsOf(values.issuer).token)} \\
  --user ${shell(values.clientId)}:"$${secretVariable}" \\
  --data-urlencode grant_type=client_credentials \\
  --data-urlencode resource=${shell(indicator)} \\
  --data-urlencode scope=${shell(scope)}
`,
      },
    ];
  },
};

export const nodeService: Framework = {
  id: 'node-service',
  name: 'Node.js (openid-client 6)',
  kinds: ['service'],
  files(values) {
    const { indicator, scope } = askedOf(values);
    return [
      {
        name: 'token.js',
        language: 'js',
        text: `import * as oidc from 'openid-client';

const config = await oidc.discovery(
  new URL(${single(values.issuer)}),
  ${single(values.clientId)},
  {},
  oidc.ClientSecretBasic(process.env.${secretVariable}),
);

const tokens = await oidc.clientCredentialsGrant(config, {
  resource: ${single(indicator)},
  scope: ${single(scope)},
});
console.log(tokens.access_token, tokens.expires_in);
`,
      },
    ];
  },
};

export const springService: Framework = {
  id: 'spring-service',
  name: 'Spring Boot',
  kinds: ['service'],
  files({ issuer, clientId, apis }) {
    const { scopes } = apis[0] ?? exampleApi;
    return [
      {
        name: 'application.yaml',
        language: 'yaml',
        text: `spring:
  security:
    oauth2:
      client:
        registration:
          holdfast:
            client-id: ${JSON.stringify(clientId)}
            client-secret: \${${secretVariable}}
            authorization-grant-type: client_credentials
            client-authentication-method: client_secret_basic
            scope: [${scopes.map((one) => JSON.stringify(one)).join(', ')}]
        provider:
          holdfast:
            token-uri: ${JSON.stringify(endpointsOf(issuer).token)}
`,
      },
    ];
  },
};
