// Package named finds what users name.
//
//	latest~2, friday, 3f9a, ACCOUNT@… ──► Manifest, Manifests, Heads    manifests.go
//	Projects, "Sent Mail"             ──► Mailbox, CheckMailboxes       mailboxes.go
//	MAILBOX UID, --message            ──► Place, Messages               place.go
//	anna@mail.example                 ──► Accounts, NoAccount           accounts.go
//
// An error for an unknown name has a hint: the nearest name, or the night that has it.
package named
