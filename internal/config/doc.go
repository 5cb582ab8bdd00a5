// Package config reads the configuration: repositories, accounts, retention and monitoring. It is
// TOML; docs/config.md is its manual, with an example that the tests of this package read.
//
//	Load ──► Parse ──► lines.go     the lines of the keys
//	           │  ───► table.go     values by key, and their problems
//	           │  ───► users.go     templates: one account of the file, many logins
//	           │  ───► provider.go  OAuth providers
//	           └─────► watch.go     monitoring of commands
//
// All errors in a file are reported at once, each as a [Problem] with its line, its key and the
// known names. The file holds no secrets: a [Secret] says where one comes from.
package config
