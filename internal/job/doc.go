// Package job turns the command line and the configuration into what backup and restore work on.
//
//	Flags ──► accounts.go ──► Job ──► Group            the accounts of one repository
//	                           │ Connect, Source       job.go, files.go
//	                           └──► backup.Account     with its limits (limits.go)
//	--to  ──► target.go ──► Destination ──► restore.Target, with PrefixTarget below a mailbox (prefix.go)
//
// [Pattern] and [Selection] match mailboxes by name (pattern.go).
package job
