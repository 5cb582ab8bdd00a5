// Package accounts has the commands about accounts on this host: auth and config.
//
//	auth ──► auth.go ──► consent.go   a consent (OAuth), or a secret for the keyring
//	config ► config.go                what the configuration says, and what is wrong in it
package accounts
