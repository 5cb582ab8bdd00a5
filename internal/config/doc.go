// Package config reads the configuration: repositories, accounts, retention and monitoring. It is
// TOML; docs/config.md is its manual, with an example that the tests of this package read.
//
//	Load ──► Parse ──► lines.go       the lines of the keys
//	           │  ───► table.go       values by key, and their problems
//	           │  ───► secret.go      where secrets come from
//	           │  ───► scheme.go      directories of repositories
//	           │  ───► peruser.go     templates: one repository of the file for each user
//	           │  ───► provider.go    OAuth providers
//	           │  ───► files.go       accounts that are files
//	           │  ───► items.go       scripts, calendars and address books of accounts
//	           │  ───► users.go       templates: one account of the file, many logins
//	           │  ───► run.go         what mailstrata run does besides backups
//	           └─────► watch.go       monitoring of commands
//
// shard.go divides accounts among hosts.
//
// All errors in a file are reported at once, each as a [Problem] with its line, its key and the
// known names. The file holds no secrets: a [Secret] says where one comes from.
package config
