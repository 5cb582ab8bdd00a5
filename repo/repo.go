// Package repo keeps chunks once.
//
// A chunk is compressed together with its neighbours into a frame, frames are collected into packs, and a pack rests
// in a Store as one sealed object whose name is the hash of its bytes. Index segments say in which pack each chunk
// lies; a manifest, whose content is not this package's business, commits a run. docs/format.md describes every byte.
//
//	Put ─► lane ─► frame ─► pack ─► spool ─► store: data/… catalog/…
//	       1–4 MiB  zstd     age     BLAKE3          index/…  after its packs
//	                                                 manifests/…  after the index
//
// The order of that picture is what makes a crash harmless: a manifest never names a chunk that is not already
// durable. Nothing is ever changed or replaced, and there are no locks; removal waits instead (see Run).
//
// Every object has one form, the container (container.go), and each is parsed again before it is put and checked when
// it is read: its bytes against its name, its tag under the repository's secret, its frames against its table, and a
// chunk against its keyed ID.
package repo

import (
	"errors"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
)

var (
	// ErrNoRepository: the store holds no config.
	ErrNoRepository = errors.New("there is no repository here")

	// ErrRepository: there is a repository already where one was to be made.
	ErrRepository = errors.New("there is a repository here already")

	// ErrWrongKey: neither key file nor passphrase opens the repository.
	ErrWrongKey = errors.New("no key slot of this repository opens with this passphrase or key file")

	// ErrNewer: an object was made by a later version of the format.
	ErrNewer = format.ErrNewer

	// ErrDamaged: an object is not what its name, its tag or its table says.
	ErrDamaged = format.ErrDamaged

	// ErrNotMine: an object is whole, but belongs to another repository or was not made with this one's secret.
	ErrNotMine = format.ErrNotMine

	// ErrSwapped: the repository is not the one that was seen here before.
	ErrSwapped = errors.New("this is not the repository that was used here before")

	// ErrMemory: what this host has seen of the repository cannot be remembered, so that it would not be noticed if it was swapped.
	ErrMemory = errors.New("remember the repository")

	// ErrRemoved: a key slot is whole, but the config names it no more.
	ErrRemoved = errors.New("this key was removed from the repository, or its keys were rotated without it")

	// ErrConfigRejected: there is a config of a higher number that this key does not open.
	ErrConfigRejected = errors.New("which config counts is in doubt")

	// ErrKeysChanged: somebody else changed the keys, or the lock, meanwhile.
	ErrKeysChanged = errors.New("the keys or the lock were changed by somebody else meanwhile: look at what they are now, and try again")

	// ErrNoRole: the key that opened the repository does not allow this.
	ErrNoRole = errors.New("this key does not allow that")

	// ErrNoChunk: no index names the chunk, or no pack that should hold it does.
	ErrNoChunk = index.ErrNoChunk

	// ErrLate: the run took longer than its deadline allows. What it stored stays, and the next run uses it.
	ErrLate = errors.New("the run took longer than 12 hours: begin another, what is stored is used again")

	// ErrClock: the clock of the store went back during a run.
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

// Constants of these.
const (
	LaneHeader  = format.LaneHeader
	LaneText    = format.LaneText
	LaneBody    = format.LaneBody
	LaneCatalog = format.LaneCatalog

	KindData = format.KindData
)

// ParsePack reads the name of a pack's object.
func ParsePack(name string) (Pack, bool) { return format.ParsePack(name) }
