// Package repo keeps an archive's chunks and manifests in a Store, each chunk once. docs/format.md describes every byte.
//
// Open opens a repository, with its config and the keys that the caller's key unlocks. A chunk enters it in this order:
//
//	run.go        Begin reads the time of the store, and Heads lists the manifests that can be the run's parent
//	stream.go     Stream.Put takes a chunk in one of four lanes: header, text, body, catalog
//	writer.go     Writer.Put drops a chunk that is stored already; presence.go asks the store if its pack still exists
//	frames.go     chunks of one lane fill a frame of up to 4 MiB, and an encoder compresses it
//	pack.go       frames of one kind fill a pack of up to 32 MiB, sealed into a file: its name is the hash of its bytes
//	upload.go     puts the pack under data/ or catalog/, and confirms that the store lists it
//	segment.go    Writer.Flush puts an index segment under index/, which says where each chunk lies
//	run.go        Writer.Commit puts the manifest, whose content belongs to package manifest, under manifests/
//
// and leaves it in this one:
//
//	manifests.go  Manifests lists manifests, each as a Head, and Manifest reads one; dating.go judges its times
//	locate.go     asks the index (open_index.go, package index) in which frame of which pack a chunk lies
//	reader.go     Reader.Chunk reads the frame (range_cache.go, package object), decodes it (frame_cache.go), cuts the
//	              chunk out, and checks it against its ID
//
// Below both, objects.go, download.go, inspect.go and cache.go put, read, check and cache single objects (type
// objects). The other files:
//
//	open.go unlock.go init.go memory.go               open or make a repository; recognize one that was seen before
//	access.go config.go rejected.go slot.go slots.go  its config and its key slots (type access)
//	rotate.go                                         new keys
//	clock.go skew.go                                  the time of the store beside this host's
//	statements.go tags.go erasure.go                  what the keeper signs (type statements): marks, condemnations, tags
//	prune.go prune_survey.go prune_erased.go          what a prune finds (type survey, with census.go), and what it does
//	prune_plan.go rewrite.go prune_delete.go          choose packs, copy from them, delete (types plan, pruner, deleter)
//	merge_index.go                                    merge index segments (type indexMerger)
//	check.go check_objects.go rolling.go              check a repository
//	repair.go reindex.go                              repair it
//	lock.go renew.go check_lock.go                    S3 Object Lock (type locks): the period, and renewing retention
//
// A crash does no harm, because a manifest never names a chunk that is not durable. No object is ever changed or replaced.
// Every object is parsed again before it is put, and checked when it is read: its bytes against its name, its tag against
// the repository's secret, its frames against its table, and each chunk against its ID.
//
// A Repo embeds locks, which embeds statements, which embeds access, which embeds objects. Each uses only what it embeds.
//
// Runs take no mutual lock. They rely on time: a mark says that a manifest is to be forgotten, a condemnation says that
// a pack is to be deleted, and Prune acts on either a day later, when every run that could rely on it has ended. A root
// is a manifest whose chunks Prune keeps. The comments cite the rules of this by number; docs/design/removing.md has
// them, and Run the first five. What the comments call a lock or retention of objects is S3 Object Lock, which protects
// a repository against deletion.
//
// The packages below: store (the Store contract), format (docs/format.md in code), objectlock (versions and retention),
// object (ranges of objects), index (where chunks lie), statement (what the keeper signs), keys (key files and recipients),
// recovery (what a killed run leaves on this host).
//
// This package is large because prune, check and repair work on the same objects, index and keys as writing and reading.
// As packages of their own they would need what is internal to Repo, Writer and Reader as exported names.
package repo

import (
	"errors"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
)

var (
	// ErrNoRepository is the error of a store without a config.
	ErrNoRepository = errors.New("there is no repository here")

	// ErrRepository is the error of Init in a store that holds a repository.
	ErrRepository = errors.New("there is a repository here already")

	// ErrWrongKey is the error of opening a repository if neither the key file nor the passphrase opens a key slot.
	ErrWrongKey = errors.New("no key slot of this repository opens with this passphrase or key file")

	// ErrNewer is the error of an object of a later version of the format.
	ErrNewer = format.ErrNewer

	// ErrDamaged is the error of an object that is not what its name, its tag or its table says.
	ErrDamaged = format.ErrDamaged

	// ErrNotMine is the error of an intact object that belongs to another repository, or was made without this one's secret.
	ErrNotMine = format.ErrNotMine

	// ErrSwapped is the error of a repository that is not the one seen before.
	ErrSwapped = errors.New("this is not the repository that was used here before")

	// ErrMemory is the error of opening a repository that this host cannot remember. It could not notice another one in
	// its place later.
	ErrMemory = errors.New("remember the repository")

	// ErrRemoved is the error of a key slot that the config no longer names.
	ErrRemoved = errors.New("this key was removed from the repository, or its keys were rotated without it")

	// ErrConfigRejected is the error of writing while a config of a higher number does not open with this key.
	ErrConfigRejected = errors.New("another config may have replaced the one that this key opens")

	// ErrKeysChanged is the error of changing the keys or the lock after someone else has changed them.
	ErrKeysChanged = errors.New("someone else changed the keys or the lock in the meantime: look at them, and try again")

	// ErrNoRole is the error of an operation that the key which opened the repository does not allow.
	ErrNoRole = errors.New("this key does not allow that")

	// ErrNoChunk is the error of a chunk that no index names, or that no pack holds.
	ErrNoChunk = index.ErrNoChunk

	// ErrLate is the error of committing after the run's deadline. The chunks stay, and the next run uses them.
	ErrLate = errors.New("the run took longer than 12 hours: start another, which uses what is stored")

	// ErrClock is the error of a run during which the store's clock went back.
	ErrClock = errors.New("the clock of the store went back during the run")
)

// The terms of the format that callers use.
type (
	Lane  = format.Lane
	Kind  = format.Kind
	Pack  = format.Pack
	Frame = format.Frame

	Location = index.Location
)

// The lanes and kinds that callers use.
const (
	LaneHeader  = format.LaneHeader
	LaneText    = format.LaneText
	LaneBody    = format.LaneBody
	LaneCatalog = format.LaneCatalog

	KindData = format.KindData
)

// ParsePack parses the name of a pack's object.
func ParsePack(name string) (Pack, bool) { return format.ParsePack(name) }
