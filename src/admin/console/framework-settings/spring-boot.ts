import { type Framework, quoted, secretVariable } from './framework.ts';

export const springBoot: Framework = {
  id: 'spring-boot',
  name: 'Spring Boot',
  kinds: ['web'],
  callbackPath: '/login/oauth2/code/holdfast',
  files: ({ issuer, clientId, redirectUri, scopes, signingAlgorithm }) => [
    {
      name: 'application.yaml',
      language: 'yaml',
      text: `spring:
  security:
    oauth2:
      client:
        registration:
          holdfast:
            client-id: ${quoted(clientId)}
            client-secret: \${${secretVariable}}
            authorization-grant-type: authorization_code
            client-authentication-method: client_secret_basic
            redirect-uri: ${quoted(redirectUri)}
            scope: [${scopes.map(quoted).join(', ')}]
        provider:
          holdfast:
            issuer-uri: ${quoted(issuer)}
`,
    },
    {
      name: 'SecurityConfiguration.java',
      language: 'java',
      text: `import static org.springframework.security.config.Customizer.withDefaults;

import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.oauth2.client.oidc.authentication.OidcIdTokenDecoderFactory;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.web.DefaultOAuth2AuthorizationRequestResolver;
import org.springframework.security.oauth2.client.web.OAuth2AuthorizationRequestCustomizers;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.JwtDecoderFactory;
import org.springframework.security.web.SecurityFilterChain;

@Configuration
class SecurityConfiguration {
  @Bean
  SecurityFilterChain security(HttpSecurity http, ClientRegistrationRepository clients) throws Exception {
    // PKCE, which a client with a secret does not use by itself in every release.
    var requests = new DefaultOAuth2AuthorizationRequestResolver(clients, "/oauth2/authorization");
    requests.setAuthorizationRequestCustomizer(OAuth2AuthorizationRequestCustomizers.withPkce());
    return http
        .authorizeHttpRequests(all -> all.anyRequest().authenticated())
        .oauth2Login(login -> login.authorizationEndpoint(to -> to.authorizationRequestResolver(requests)))
        .logout(withDefaults())
        .build();
  }

  @Bean
  JwtDecoderFactory<ClientRegistration> idTokenDecoderFactory() {
    var factory = new OidcIdTokenDecoderFactory();
    factory.setJwsAlgorithmResolver(client -> SignatureAlgorithm.${signingAlgorithm === 'RS256' ? 'RS256' : 'ES256'});
    return factory;
  }
}
`,
    },
  ],
};
