// Package access opens a repository with a key, and changes its keys and its config.
//
//	open.go      Open reads the key slots and the configs at once: a slot that opens, and a config that both confirm
//	unlock.go    tries the key slots; secrets.go opens one and has what is in it (type Secrets)
//	config.go    the config (type Config): its keeper has signed it, and it lists the key slots
//	access.go    Access is what results: the slot's secrets, the config, and their recipients
//	create.go    Init makes a repository: its secrets, its slots, and then the config
//	slots.go     adds and removes key slots
//	rotate.go    draws new keys
//	change.go    replaces the config. Of two that come at once, one counts
//
// A key slot and the config prove each other: the slot names the keeper that must have signed the
// config, and the config lists the slot.
package access
