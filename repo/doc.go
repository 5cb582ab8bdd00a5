// Package repo keeps an archive's chunks and manifests in a Store, each chunk once. docs/format.md
// describes every byte.
//
// Open opens a repository, with its config and the keys that the caller's key unlocks. A chunk
// enters it in this order:
//
//	run.go        Begin reads the time of the store, and Heads lists the manifests that can be the run's parent
//	stream.go     Stream.Put takes a chunk in one of four lanes: header, text, body, catalog
//	writer.go     Writer.put drops a chunk that is stored already; presence.go asks the store if its pack still exists
//	frames.go     chunks of one lane fill a frame of up to 4 MiB, and an encoder compresses it
//	pack.go       frames of one kind fill a pack of up to 32 MiB, sealed into a file: its name is the hash of its bytes
//	upload.go     puts the pack under data/ or catalog/, and confirms that the store lists it
//	segment.go    Writer.Flush puts an index segment under index/, which says where each chunk lies
//	writer.go     Writer.Commit flushes, and Run.commit (run.go) puts the manifest, whose content belongs to package
//	              manifest, under manifests/
//
// and leaves it in this one:
//
//	manifests.go  Manifests lists manifests, each as a Head, and Manifest reads one; dating.go judges its times
//	open_index.go asks the index (package index) in which frame of which pack a chunk lies
//	reader.go     Reader.Chunk reads the frame (package packs), decodes it (frame_cache.go), cuts the chunk out, and
//	              checks it against its ID; prefetch.go reads many frames at once
//
// The other files:
//
//	open.go init.go access.go             open or make a repository, and list it meanwhile; what its key allows (package
//	                                      access)
//	statements.go tags.go erasure.go      what the keeper signs (type statements): marks, condemnations, tags, erasures
//	alarms.go vanished.go                 the manifests that have an alarm; whether all of them vanished
//	doubtful.go                           chunks that may be in packs which the store has not listed yet
//	cached_chunks.go excerpt.go local.go  what this host keeps of manifests, headers and killed runs
//	stats.go                              what a Writer did, and what a repository takes in its store
//	lock.go prune.go check.go repair.go   give the packages of these names what they need
//
// A crash does no harm, because a manifest never names a chunk that is not durable. No object is
// ever changed or replaced. Every object is parsed again before it is put, and checked when it is
// read: its bytes against its name, its tag against the repository's secret, its frames against its
// table, and each chunk against its ID.
//
// Runs take no mutual lock. They rely on time: a mark says that a manifest is to be forgotten, a
// condemnation says that a pack is to be deleted, and Prune acts on either a day later, when every
// run that could rely on it has ended. A root is a manifest whose chunks Prune keeps. The comments
// cite the rules of this by number; docs/design/removing.md has them, and Run the first five. What
// the comments call a lock or retention of objects is S3 Object Lock, which protects a repository
// against deletion.
//
// A Repo is made of layers, and each uses only those before it:
//
//	internal/objects     puts, reads and lists objects
//	internal/access      opens a repository with a key, and changes its keys and its config
//	statements           a type of this package: what the keeper signs
//	Repo, Run, Writer    and Reader
//
// What works on a whole repository uses these layers too, and declares what else it needs of a
// Repo, such as a writer:
//
//	internal/locks       S3 Object Lock: the period, and renewing retention
//	internal/check       looks at every object
//	internal/repair      stores and indexes again what is still there
//	internal/prune       deletes what no manifest needs
//
// Below are packages without a repository: store (the Store contract), format (docs/format.md in
// code), objectlock (versions and retention), ranges (ranges of objects), packs (ranges of packs),
// index (where chunks lie), cache (what is kept on this host), pin (which repository this host has
// seen), census (which chunks and packs a prune keeps), statement (what the keeper signs), keys
// (key files and recipients), recovery (what a killed run leaves on this host), internal/clock (the
// time of the store beside this host's), internal/head (a manifest without its content),
// internal/localseal (seals what is kept on this host) and internal/ahead (work that begins before
// its result is needed).
package repo
