// Package ingest stores the content of messages and items in a repository.
//
//	body ─► mail.Splitter ─► chunk.Cutter ─► repo.Stream.Put ─► Stored
//	        parts            chunks          lane.go: lane      the fields of a record
//
// A MessageWriter does so for messages (message.go). Beside it, probe.go hashes the ranges by which
// a later run recognizes the message. If a chunk also belongs to an erased message, it waits until
// the end of the message (held_chunks.go). An ItemWriter does so for scripts, events and contacts
// (item.go).
//
// Package backup/fetch writes what it downloads, and archive/replicate what it copies.
package ingest
