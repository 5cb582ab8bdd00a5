// Package oauth gets access tokens for accounts whose servers take no password: Gmail, Microsoft
// 365 and others.
//
// The owner of an account consents once, at a terminal, and the provider issues a grant: a refresh
// token, which represents the consent, and an access token, which opens the account for an hour. A
// grant is stored in a file that only its owner can read, sealed to a key in their keyring if they
// want. Each login takes an access token from it, and renews the token before it expires.
//
//	Consent.Device, Consent.Browser ─► Grant ─► Store ─► Source.Token, at each login
//	RFC 8628       RFC 8252, 7636                        refreshed when due
//
// golang.org/x/oauth2 makes the requests. This package adds limits and errors, and makes sure that
// a refresh token which a provider replaces is never lost. No error of this package holds a token,
// a code or a secret.
package oauth
