// Package fulltext is an index of the words of messages: which messages match a query of package
// words, newest first. It finds exactly what words.Query.Match finds.
//
// The index is a database of SQLite (database.go), in a directory of encrypted pages (package
// pages; vfs.go joins the two). The words are in segments (package postings), which the database
// keeps as blobs. It is a cache: it can be dropped and built again from the archive.
//
//	Update   takes new messages (update.go): their words go into segments (segments.go), under a row number that comes from
//	         the date of the message (rowid.go), in shards of about a year (shard.go)
//	Search   walks through the segments of a shard (walk.go), from the last shard to the first, and yields the hits
//	         (search.go), also within a given set of messages (within.go)
//
// With each message, and under keys of their own, callers keep what they need to bring the index up
// to date and to find the messages in manifests (state.go); the index does not know what it is.
//
// Searches need no lock and see the last update that is complete. Updates exclude each other, over
// all processes.
package fulltext
