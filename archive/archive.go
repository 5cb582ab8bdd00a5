// Package archive reads and writes mail in a repository.
//
// A manifest (package manifest) records an account at one time. It refers to mailbox tables, these to lists of pages, a
// page to the records of some messages and to their flags, and a record to the parts of one message. Each of these is a
// chunk (package repo).
//
// On its way in, a message passes through
//
//	MessageWriter   splits it into parts (package mail), cuts these into chunks (package chunk), stores the chunks,
//	                and returns what the record needs (message_writer.go, lane.go, probe.go)
//
// and on its way out through
//
//	Manifests       lists manifests, and Resolve finds the one that a person named (manifests.go)
//	Reader          reads manifests and chunks
//	Contents        lists the mailboxes, pages and entries of a manifest (contents.go)
//	Body            joins and verifies the bytes of a message (body.go)
//
// Three more verbs walk manifests: Check reads what they refer to (check.go, check_manifest.go), Prune follows it
// for repo.Repo.Prune (prune.go), and a RecordFinder finds the manifests that have certain messages (record_finder.go).
// PlanForget applies a retention policy (forget.go). It compares manifests before it lets one go (forget_losses.go), and
// Histories report losses that no alarm mentions (unreported.go).
//
// Other verbs have packages of their own: diff, search, replicate, rewrite, erase and loss. Package backup reads servers
// into a repository, and package restore writes from it to them.
package archive
