import { endpointsOf, type Framework, shell } from './framework.ts';

export const curlDevice: Framework = {
  id: 'device-curl',
  name: 'curl',
  kinds: ['device'],
  files({ issuer, clientId, scopes }) {
    const { deviceAuthorization, token } = endpointsOf(issuer);
    return [
      {
        name: '1: ask for a code, and show user_code and verification_uri',
        language: 'shell',
        text: `curl --fail-with-body ${shell(deviceAuthorization)} \\
  --data-urlencode client_id=${shell(clientId)} \\
  --data-urlencode scope=${shell(scopes.join(' '))}
`,
      },
      {
        name: '2: ask every "interval" seconds until it is no longer authorization_pending',
        language: 'shell',
        text: `curl ${shell(token)} \\
  --data-urlencode grant_type=urn:ietf:params:oauth:grant-type:device_code \\
  --data-urlencode client_id=${shell(clientId)} \\
  --data-urlencode device_code="$DEVICE_CODE"
`,
      },
    ];
  },
};
