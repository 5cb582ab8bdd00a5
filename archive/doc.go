// Package archive reads mail in a repository, and chooses what is forgotten of it.
//
// A manifest (package manifest) records an account at one time. It refers to mailbox tables, these
// to lists of pages, a page to the records of some messages and to their flags, and a record to the
// parts of one message. Each of these is a chunk (package repo).
//
// Package ingest stores a message on its way in. On its way out, it passes through
//
//	Manifests       lists manifests, each with its repo.Head: name, hash, time and marks, which are known without
//	                reading it; Resolve finds the one that a person named (manifests.go,
//	                resolve.go)
//	Reader          opens a manifest as Contents, and reads chunks by the repo.Reader in it (contents.go)
//	Contents        lists the mailboxes, pages and entries of a manifest (contents.go, pages.go)
//	Body            joins and verifies the bytes of a message (body.go). Package restore calls it, and the
//	                packages replicate and rewrite and the command cat. excerpts.go has the fields of many
//	                headers that listings show
//
// A Lookahead fetches what manifests refer to before a walk needs it, and AheadOf what is read of
// messages (lookahead.go, ahead.go). A script, an event or a contact is an item, which is one chunk
// (items.go). A Walk follows a manifest to its records and items, and passes over what it shares
// with others (walk.go, walk_items.go). Prune does so for repo.Repo.Prune (prune.go), and a
// RecordFinder for the manifests that have certain messages (record_finder.go).
//
// Recent reads the last manifests of each account, and StandingAlarms those with alarms that nobody
// has acknowledged (recent.go, standing.go). PlanForget applies a retention policy (forget.go).
// Before it forgets a manifest, it compares the manifest before it with the one after it, to find
// losses that no alarm mentions (forget_losses.go). Histories does so for a list of manifests
// (unreported.go).
//
// Other verbs, such as check, have packages of their own, below this one. Package backup reads
// servers into a repository, and package restore writes from it to them.
package archive
