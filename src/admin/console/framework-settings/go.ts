import { type Framework, quoted, secretVariable } from './framework.ts';

export const go: Framework = {
  id: 'go',
  name: 'Go (x/oauth2, go-oidc)',
  kinds: ['web'],
  files: ({ issuer, clientId, redirectUri, scopes }) => [
    {
      name: 'main.go',
      language: 'go',
      text: `package main

import (
	"context"
	"net/http"
	"os"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const issuer = ${quoted(issuer)}

func newClient(ctx context.Context) (*oauth2.Config, *oidc.IDTokenVerifier, error) {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, nil, err
	}
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	config := &oauth2.Config{
		ClientID:     ${quoted(clientId)},
		ClientSecret: os.Getenv("${secretVariable}"),
		RedirectURL:  ${quoted(redirectUri)},
		Endpoint:     endpoint,
		Scopes:       []string{${scopes.map(quoted).join(', ')}},
	}
	return config, provider.Verifier(&oidc.Config{ClientID: config.ClientID}), nil
}

// Keep state, nonce and verifier with the browser until it comes back.
func signIn(w http.ResponseWriter, r *http.Request, config *oauth2.Config, state, nonce, verifier string) {
	address := config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier))
	http.Redirect(w, r, address, http.StatusFound)
}

func signedIn(ctx context.Context, config *oauth2.Config, verify *oidc.IDTokenVerifier, code, verifier string) (*oidc.IDToken, error) {
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, err
	}
	raw, _ := token.Extra("id_token").(string)
	return verify.Verify(ctx, raw)
}
`,
    },
  ],
};
