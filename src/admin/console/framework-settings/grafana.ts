import { endpointsOf, type Framework, secretVariable } from './framework.ts';

export const grafana: Framework = {
  id: 'grafana',
  name: 'Grafana',
  kinds: ['web'],
  callbackPath: '/login/generic_oauth',
  files({ issuer, clientId, scopes }) {
    const endpoints = endpointsOf(issuer);
    return [
      {
        name: 'grafana.ini',
        language: 'ini',
        text: `[auth.generic_oauth]
enabled = true
name = Holdfast
client_id = ${ini(clientId)}
client_secret = $__env{${secretVariable}}
auth_style = InHeader
scopes = ${scopes.join(' ')}
auth_url = ${endpoints.authorization}
token_url = ${endpoints.token}
api_url = ${endpoints.userinfo}
use_pkce = true
use_refresh_token = ${scopes.includes('offline_access')}
login_attribute_path = email
name_attribute_path = name
email_attribute_path = email
allow_sign_up = true
`,
      },
    ];
  },
};

/** A value that has a sign of comments in it needs quotes. */
function ini(text: string): string {
  if (!/[;#`"'\\=]/.test(text)) return text;
  return text.includes('`') ? `"""${text}"""` : `\`${text}\``;
}
