import { type Framework, secretVariable, single } from './framework.ts';

export const laravel: Framework = {
  id: 'laravel',
  name: 'Laravel (Socialite)',
  kinds: ['web'],
  sendsSecretInBody: true,
  files: ({ issuer, clientId, redirectUri, scopes }) => [
    {
      name: 'config/services.php',
      language: 'php',
      text: `<?php

// composer require kovah/laravel-socialite-oidc
return [
    'oidc' => [
        'base_url' => ${single(issuer)},
        'client_id' => ${single(clientId)},
        'client_secret' => env('${secretVariable}'),
        'redirect' => ${single(redirectUri)},
        'verify_jwt' => true,
    ],
];
`,
    },
    {
      name: 'routes/web.php',
      language: 'php',
      text: `<?php

use Illuminate\\Support\\Facades\\Route;
use Laravel\\Socialite\\Facades\\Socialite;

Route::get('/login', fn () => Socialite::driver('oidc')
    ->enablePKCE()
    ->setScopes([${scopes.map(single).join(', ')}])
    ->redirect());

Route::get(${single(URL.parse(redirectUri)?.pathname ?? '/callback')}, function () {
    $person = Socialite::driver('oidc')->enablePKCE()->user();

    return redirect('/');
});
`,
    },
  ],
};
