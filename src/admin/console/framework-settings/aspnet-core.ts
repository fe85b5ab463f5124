import { type Framework, pathOf, quoted, secretVariable } from './framework.ts';

export const aspnetCore: Framework = {
  id: 'aspnet-core',
  name: 'ASP.NET Core',
  kinds: ['web'],
  callbackPath: '/signin-oidc',
  sendsSecretInBody: true,
  files: ({ issuer, clientId, redirectUri, postLogoutUri, scopes }) => [
    {
      name: 'Program.cs',
      language: 'csharp',
      text: `using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;

var builder = WebApplication.CreateBuilder(args);

builder.Services
    .AddAuthentication(options =>
    {
        options.DefaultScheme = CookieAuthenticationDefaults.AuthenticationScheme;
        options.DefaultChallengeScheme = OpenIdConnectDefaults.AuthenticationScheme;
    })
    .AddCookie()
    .AddOpenIdConnect(options =>
    {
        options.Authority = ${quoted(issuer)};
        options.ClientId = ${quoted(clientId)};
        options.ClientSecret = builder.Configuration["${secretVariable}"];
        options.ResponseType = "code";
        options.UsePkce = true;
        options.CallbackPath = ${quoted(pathOf(redirectUri))};
${postLogoutUri === undefined ? '' : `        options.SignedOutCallbackPath = ${quoted(pathOf(postLogoutUri))};\n`}        options.GetClaimsFromUserInfoEndpoint = true;
        options.MapInboundClaims = false;
        options.SaveTokens = true;
        options.Scope.Clear();
${scopes.map((scope) => `        options.Scope.Add(${quoted(scope)});\n`).join('')}    });

builder.Services.AddAuthorization();

var app = builder.Build();
app.UseAuthentication();
app.UseAuthorization();
app.MapGet("/", (HttpContext context) => context.User.FindFirst("sub")?.Value).RequireAuthorization();
app.Run();
`,
    },
  ],
};
