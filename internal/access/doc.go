// Package access finds and opens what a command works on: the repository and the mail accounts that
// the command line, the environment or the configuration of this host name.
//
//	Flags, environment ──► Host ──► host.go          cache, state and data directories, "~", and the configuration
//	                        │
//	                        ├─────► Location         where a repository is: location.go
//	                        │        │ Keys          key file or passphrase: open.go
//	                        │        ├ Open          open.go
//	                        │        ├ Create        create.go
//	                        │        ├ KeyBeside     reminders to copy a key: keycopy.go
//	                        │        └ Sheet         its recovery sheet: sheet.go
//	                        │
//	                        └─────► Account          account.go, provider.go
//	                                 ├ password, or a token of package oauth: token.go, application.go, consent.go
//	                                 ├ AdviseLogin   what to do about a refused one: advise.go
//	                                 └ Items         its scripts, calendars and address books: items.go
//
// Templates of the configuration ask Host for their users (users.go).
//
// Flags override variables, and variables override the configuration. But a place of a secret that
// the configuration names comes before the variable: one variable cannot have the secrets of all
// accounts.
package access
