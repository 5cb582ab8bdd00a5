// Package index finds chunks: it answers in which frame of which pack a chunk is.
//
// Every run puts index segments into the store, which list the chunks of its packs. A host fetches
// each segment once and keeps the entries in sorted files of its own, so that a lookup reads one
// block of each of a few files:
//
//	store: index/…  ─ refresh ─►  files on this host  ◄─ find ─  chunk prefix
//	      │                        ▲          (4 at most: compact merges them)
//	      └─ remote: large segments are searched in the store, and fetched when that gets too expensive
//
//	index.go       the Index and what it needs of its repository
//	locate.go      places of a chunk; what happens if there are none
//	refresh.go     lists segments; fetch.go fetches new ones
//	remote.go      searches large segments in the store
//	salvage.go     reads the tables of packs that no segment describes
//	draft.go       a segment that is being made
//	whole.go       the index as one file, for prune
//	file_set.go    the files of this host
//	file.go        one file: its form and lookups in it; file_write.go and file_merge.go make it
//
// A segment that cannot be read is skipped: what it lists is stored again by a backup, and found in
// the packs themselves by a restore.
package index
