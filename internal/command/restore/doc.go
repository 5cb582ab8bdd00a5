// Package restore has the command restore.
//
//	restore.go ──► pick.go    which messages
//	            └► prune.go   --prune: makes the target exactly the manifest
package restore
