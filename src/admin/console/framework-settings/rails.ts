import { type Framework, secretVariable, single } from './framework.ts';

export const rails: Framework = {
  id: 'rails',
  name: 'Ruby on Rails (OmniAuth)',
  kinds: ['web'],
  callbackPath: '/auth/openid_connect/callback',
  files({ issuer, clientId, redirectUri, postLogoutUri, scopes, signingAlgorithm }) {
    const { protocol = 'https:', hostname = '', port = '' } = URL.parse(issuer) ?? {};
    return [
      {
        name: 'config/initializers/omniauth.rb',
        language: 'ruby',
        text: `# gem "omniauth_openid_connect"
Rails.application.config.middleware.use OmniAuth::Builder do
  provider :openid_connect, {
    name: :openid_connect,
    issuer: ${single(issuer)},
    discovery: true,
    scope: [${scopes.map((scope) => `:${quotedSymbol(scope)}`).join(', ')}],
    response_type: :code,
    pkce: true,
    client_auth_method: :basic,
    client_signing_alg: :${signingAlgorithm},
    uid_field: 'sub',
${postLogoutUri === undefined ? '' : `    post_logout_redirect_uri: ${single(postLogoutUri)},\n`}    client_options: {
      scheme: ${single(protocol.slice(0, -1))},
      host: ${single(hostname)},
      port: ${port || (protocol === 'http:' ? '80' : '443')},
      identifier: ${single(clientId)},
      secret: ENV.fetch('${secretVariable}'),
      redirect_uri: ${single(redirectUri)},
    },
  }
end
`,
      },
    ];
  },
};

function quotedSymbol(scope: string): string {
  return /^[a-z_]+$/.test(scope) ? scope : single(scope);
}
