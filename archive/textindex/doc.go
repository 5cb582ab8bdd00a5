// Package textindex joins the archive with an index of the words of its messages (package
// fulltext): it brings the index up to date with the manifests, and finds messages with their
// places in manifests.
//
// A place is a mailbox and a UID, from a first manifest to a last one: a stay (stay.go). The index
// keeps the stays of a message with it, so a hit says where the message is and was. Manifests have
// numbers, in the order of time (state.go).
//
//	manifests ──► night   compared with the one before it: only pages that this one does not have are read    compare.go
//	          ──► window  stays that begin and end, for some thousand messages                                window.go
//	          ──► texts   of the messages that the index does not have                                        text.go
//	          ──► fulltext.Update   all of the window, or nothing of it
//
//	scope ──► which manifests are searched, by the index or without it                                       scope.go
//	query ──► hits of fulltext, newest first ──► stays that count ──► entries of the pages that have them     search.go, locate.go
//
// After a crash, the index is as after some window, and the next Bring goes on from there. What is
// forgotten stays in the index until prune has deleted the manifests; it is not found, because a
// search looks only at manifests that count (live.go). Then messages that no manifest has are
// removed (sweep.go). A manifest that is older than the latest one of its account, such as a copy
// from another repository, makes the stays of this account begin again. That reads no mail.
package textindex
