// Package deleted finds what was deleted from an account since a night: the messages that some
// manifest since then has, and the newest one does not, each where it was last.
//
//	two nights ──► Find ──► each night compared with the next (archive/diff)    deleted.go
//	                          └ what left and did not come back                 match.go
//
// A message that was moved is not deleted, also if its copy came a night before (copies.go). One
// that came back is not, either: copies count, as in package diff. A message that was moved to
// Trash and deleted from there was last in the mailbox from which it was moved. What was deleted
// from Trash, Junk and Drafts, and was there from the beginning, is left out: people and programs
// empty these all the time.
package deleted
