// Package repo keeps an archive's chunks and manifests in a Store, each chunk once.
//
// A writer compresses chunks of the same kind together into a frame, collects frames in a pack, seals the pack, and puts it
// under the hash of its bytes. An index segment says in which pack each chunk lies. A manifest, the content of which belongs to
// package manifest, commits a run. docs/format.md describes every byte.
//
//	Init, Open ─► Repo: the objects, the config and the keys of one repository
//
//	Repo.Begin ─► Run ─► Run.Writer ─► Writer.Put ─► frame ─► pack ─► data/… catalog/…     writing
//	                                   Writer.Flush ─────────────────► index/…             after its packs
//	                                   Writer.Commit ────────────────► manifests/…         after the index
//
//	Repo.Manifests ─► Head ─► Repo.Manifest ─► content; Repo.Reader ─► Reader.Chunk         reading
//
//	Repo.MarkAll ─► marks/… ─► Repo.Prune: condemns packs, and deletes them a day later    removing
//
// That order makes a crash harmless: a manifest never names a chunk that is not durable. No object is ever changed or replaced,
// and nothing is locked: removal waits instead (see Run). Every object is parsed again before it is put, and checked when it is
// read: its bytes against its name, its tag against the repository's secret, its frames against its table, and each chunk
// against its ID.
//
// The files, by what they do:
//
//	open.go unlock.go init.go memory.go                    open a repository, and recognize it
//	access.go config.go rejected.go slot.go slots.go       its config and its key slots (type access)
//	rotate.go                                              new keys
//	objects.go download.go inspect.go cache.go             put, read, check and cache objects (type objects)
//	run.go clock.go dating.go skew.go                      runs, and what times are worth
//	writer.go stream.go upload.go pack.go kept.go          write chunks and commit
//	manifests.go reader.go frame_cache.go range_cache.go   list manifests and read chunks
//	statements.go tags.go erasure.go                       what the keeper signs (type statements)
//	prune.go census.go sweep.go rewrite.go merge_index.go  delete what no manifest needs
//	check.go repair.go reindex.go rolling.go               check a repository, and repair it
//	lock.go renew.go                                       object lock (type locks, package objectlock)
//
// A Repo embeds locks, that embeds statements, that access, and that objects. Each uses only what it embeds.
//
// The layers below: store (the Store contract), format (objects), objectlock (versions and retention), object (ranges of
// objects), index (where chunks lie), statement, keys (key files and recipients), recovery (what a killed run leaves).
//
// This package is large because prune, check and repair work on the same objects, index and keys as writing and reading.
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

	// ErrWrongKey is the error if neither the key file nor the passphrase opens a key slot.
	ErrWrongKey = errors.New("no key slot of this repository opens with this passphrase or key file")

	// ErrNewer is the error of an object of a later version of the format.
	ErrNewer = format.ErrNewer

	// ErrDamaged is the error of an object that is not what its name, its tag or its table says.
	ErrDamaged = format.ErrDamaged

	// ErrNotMine is the error of a whole object that belongs to another repository, or was not made with this one's secret.
	ErrNotMine = format.ErrNotMine

	// ErrSwapped is the error of a repository that is not the one seen before.
	ErrSwapped = errors.New("this is not the repository that was used here before")

	// ErrMemory is the error if this host cannot remember the repository, and so could not notice another in its place.
	ErrMemory = errors.New("remember the repository")

	// ErrRemoved is the error of a key slot that the config no longer names.
	ErrRemoved = errors.New("this key was removed from the repository, or its keys were rotated without it")

	// ErrConfigRejected is the error of writing while a config of a higher number does not open with this key.
	ErrConfigRejected = errors.New("another config may have replaced the one that this key opens")

	// ErrKeysChanged is the error if someone else changed the keys or the lock in the meantime.
	ErrKeysChanged = errors.New("someone else changed the keys or the lock in the meantime: look at them, and try again")

	// ErrNoRole is the error of what the key that opened the repository does not allow.
	ErrNoRole = errors.New("this key does not allow that")

	// ErrNoChunk is the error of a chunk that no index names, or that no pack holds.
	ErrNoChunk = index.ErrNoChunk

	// ErrLate is the error of a run past its deadline. What it stored stays, and the next run uses it.
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

// Their constants.
const (
	LaneHeader  = format.LaneHeader
	LaneText    = format.LaneText
	LaneBody    = format.LaneBody
	LaneCatalog = format.LaneCatalog

	KindData = format.KindData
)

// ParsePack parses the name of a pack's object.
func ParsePack(name string) (Pack, bool) { return format.ParsePack(name) }
