import { type Framework, quoted, schemeOf } from './framework.ts';

export const maui: Framework = {
  id: 'maui',
  name: '.NET MAUI (OidcClient)',
  kinds: ['native'],
  files: ({ issuer, clientId, redirectUri, scopes }) => [
    {
      name: 'SignIn.cs',
      language: 'csharp',
      text: `// dotnet add package Duende.IdentityModel.OidcClient
using Duende.IdentityModel.OidcClient;
using Duende.IdentityModel.OidcClient.Browser;
using IBrowser = Duende.IdentityModel.OidcClient.Browser.IBrowser;

public sealed class SystemBrowser : IBrowser
{
    public async Task<BrowserResult> InvokeAsync(BrowserOptions options, CancellationToken cancel = default)
    {
        var result = await WebAuthenticator.Default.AuthenticateAsync(
            new Uri(options.StartUrl), new Uri(options.EndUrl));
        var query = string.Join("&", result.Properties.Select(
            pair => $"{pair.Key}={Uri.EscapeDataString(pair.Value)}"));
        return new BrowserResult { Response = $"{options.EndUrl}?{query}" };
    }
}

public static class SignIn
{
    // PKCE, state and nonce are part of it.
    private static readonly OidcClient Client = new(new OidcClientOptions
    {
        Authority = ${quoted(issuer)},
        ClientId = ${quoted(clientId)},
        RedirectUri = ${quoted(redirectUri)},
        Scope = ${quoted(scopes.join(' '))},
        Browser = new SystemBrowser(),
    });

    public static Task<LoginResult> StartAsync() => Client.LoginAsync(new LoginRequest());
}
`,
    },
    {
      name: 'Platforms/Android/SignInActivity.cs',
      language: 'csharp',
      text: `using Android.App;
using Android.Content;
using Android.Content.PM;

[Activity(NoHistory = true, LaunchMode = LaunchMode.SingleTop, Exported = true)]
[IntentFilter(
    new[] { Intent.ActionView },
    Categories = new[] { Intent.CategoryDefault, Intent.CategoryBrowsable },
    DataScheme = ${quoted(schemeOf(redirectUri))})]
public class SignInActivity : WebAuthenticatorCallbackActivity { }
`,
    },
  ],
};
