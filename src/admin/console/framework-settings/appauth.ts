import { type Framework, quoted, quotedDollar, schemeOf } from './framework.ts';

export const appAuthAndroid: Framework = {
  id: 'appauth-android',
  name: 'Android (AppAuth)',
  kinds: ['native'],
  files: ({ issuer, clientId, redirectUri, scopes }) => [
    {
      name: 'build.gradle.kts',
      language: 'kotlin',
      text: `android {
    defaultConfig {
        manifestPlaceholders["appAuthRedirectScheme"] = ${quotedDollar(schemeOf(redirectUri))}
    }
}

dependencies {
    implementation("net.openid:appauth:0.11.1")
}
`,
    },
    {
      name: 'SignIn.kt',
      language: 'kotlin',
      text: `import android.content.Context
import android.content.Intent
import android.net.Uri
import net.openid.appauth.AuthorizationRequest
import net.openid.appauth.AuthorizationService
import net.openid.appauth.AuthorizationServiceConfiguration
import net.openid.appauth.ResponseTypeValues

private val issuer = Uri.parse(${quotedDollar(issuer)})
private val redirectUri = Uri.parse(${quotedDollar(redirectUri)})

// AppAuth adds state, nonce and PKCE by itself.
fun signIn(context: Context, start: (Intent) -> Unit) {
    AuthorizationServiceConfiguration.fetchFromIssuer(issuer) { configuration, error ->
        if (configuration == null) throw IllegalStateException("the provider cannot be reached", error)
        val request = AuthorizationRequest.Builder(
            configuration,
            ${quotedDollar(clientId)},
            ResponseTypeValues.CODE,
            redirectUri,
        ).setScopes(${scopes.map(quotedDollar).join(', ')}).build()
        start(AuthorizationService(context).getAuthorizationRequestIntent(request))
    }
}
`,
    },
  ],
};

export const appAuthIos: Framework = {
  id: 'appauth-ios',
  name: 'iOS and macOS (AppAuth)',
  kinds: ['native'],
  files: ({ issuer, clientId, redirectUri, scopes }) => [
    {
      name: 'SignIn.swift',
      language: 'swift',
      text: `import AppAuth

final class SignIn {
    private let issuer = URL(string: ${quoted(issuer)})!
    private let redirectURL = URL(string: ${quoted(redirectUri)})!
    private var session: OIDExternalUserAgentSession?

    // AppAuth adds state, nonce and PKCE by itself.
    func start(from controller: UIViewController, done: @escaping (OIDAuthState?, Error?) -> Void) {
        OIDAuthorizationService.discoverConfiguration(forIssuer: issuer) { configuration, error in
            guard let configuration else { return done(nil, error) }
            let request = OIDAuthorizationRequest(
                configuration: configuration,
                clientId: ${quoted(clientId)},
                scopes: [${scopes.map(quoted).join(', ')}],
                redirectURL: self.redirectURL,
                responseType: OIDResponseTypeCode,
                additionalParameters: nil
            )
            self.session = OIDAuthState.authState(byPresenting: request, presenting: controller, callback: done)
        }
    }
}
`,
    },
    {
      name: 'Info.plist',
      language: 'xml',
      text: `<key>CFBundleURLTypes</key>
<array>
  <dict>
    <key>CFBundleURLSchemes</key>
    <array>
      <string>${schemeOf(redirectUri)}</string>
    </array>
  </dict>
</array>
`,
    },
  ],
};
