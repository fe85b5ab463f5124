import { type Framework, quotedDollar, schemeOf } from './framework.ts';

export const flutter: Framework = {
  id: 'flutter',
  name: 'Flutter (flutter_appauth)',
  kinds: ['native'],
  files: ({ issuer, clientId, redirectUri, scopes }) => [
    {
      name: 'lib/sign_in.dart',
      language: 'dart',
      text: `import 'package:flutter_appauth/flutter_appauth.dart';

const _appAuth = FlutterAppAuth();

Future<AuthorizationTokenResponse> signIn() => _appAuth.authorizeAndExchangeCode(
      AuthorizationTokenRequest(
        ${quotedDollar(clientId)},
        ${quotedDollar(redirectUri)},
        issuer: ${quotedDollar(issuer)},
        scopes: [${scopes.map(quotedDollar).join(', ')}],
      ),
    );
`,
    },
    {
      name: 'android/app/build.gradle',
      language: 'text',
      text: `android {
    defaultConfig {
        manifestPlaceholders += [appAuthRedirectScheme: '${schemeOf(redirectUri)}']
    }
}
`,
    },
  ],
};
