// Package archivetest has fakes and helpers for tests of the archive.
//
// An Account is a server in memory that changes and fails as a test wants (account.go, mailbox.go,
// view.go). Backup and Copy archive it, and ArchivedState reads it back (repo.go, verbs.go). A
// MemReader holds a manifest without a repository, and can lose chunks of it (reader.go). A
// RandomAccount writes manifests to it (random.go).
package archivetest
