// Package restore has the command restore.
//
//	restore.go ──► pick.go    which messages
//	            ├► since.go   --deleted-since: messages of many manifests
//	            ├► target.go  --to, or the account that was archived
//	            ├► prune.go   --prune: makes the target exactly the manifest
//	            └► report.go  what was restored, as text and as JSON
package restore
