// Package keys has the commands about what opens and protects a repository: init, key and lock.
//
//	init.go                 the repository, its first keys, its lock
//	key.go ──► key_add.go   more keys; fewer; new ones after a theft
//	lock.go                 Object Lock
package keys
