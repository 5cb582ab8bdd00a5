package repo

import (
	"errors"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
	"github.com/mailstrata/mailstrata/repo/internal/access"
	"github.com/mailstrata/mailstrata/repo/internal/clock"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/pin"
)

var (
	// ErrNoRepository is the error of a store without a config.
	ErrNoRepository = access.ErrNoRepository

	// ErrRepository is the error of Init in a store that holds a repository.
	ErrRepository = access.ErrRepository

	// ErrWrongKey is the error of opening a repository if neither the key file nor the passphrase
	// opens a key slot.
	ErrWrongKey = access.ErrWrongKey

	// ErrNoSlots is the error of opening a repository that has lost all its key slots. Without one,
	// no key opens it.
	ErrNoSlots = access.ErrNoSlots

	// ErrNoOtherSlot is the error of opening a repository that has a damaged key slot, if no other
	// one opens.
	ErrNoOtherSlot = access.ErrNoOtherSlot

	// ErrNewer is the error of an object of a later version of the format.
	ErrNewer = format.ErrNewer

	// ErrDamaged is the error of an object that is not what its name, its tag or its table says.
	ErrDamaged = format.ErrDamaged

	// ErrNotMine is the error of an intact object that belongs to another repository, or was made
	// without this one's secret.
	ErrNotMine = format.ErrNotMine

	// ErrSwapped is the error of a repository that is not the one seen before.
	ErrSwapped = pin.ErrSwapped

	// ErrUntrusted is the error of a repository that does not have the fingerprint of
	// Options.Trust.
	ErrUntrusted = pin.ErrUntrusted

	// ErrMemory is the error of opening a repository that this host cannot remember. It could not
	// notice another one in its place later.
	ErrMemory = pin.ErrMemory

	// ErrConfigRejected is the error of writing while a config of a higher number does not open
	// with this key.
	ErrConfigRejected = access.ErrConfigRejected

	// ErrNoRole is the error of an operation that the key which opened the repository does not
	// allow.
	ErrNoRole = objects.ErrNoRole

	// ErrNotKept is the error of an object that the store acknowledged twice and does not list.
	ErrNotKept = objects.ErrNotKept

	// ErrNoChunk is the error of a chunk that no index names, or that no pack holds.
	ErrNoChunk = index.ErrNoChunk

	// ErrLate is the error of committing after the run's deadline. The chunks stay, and the next
	// run uses them.
	ErrLate = errors.New("the run took longer than 12 hours: start another, which uses what is stored")

	// ErrClock is the error of a run during which the store's clock went back.
	ErrClock = clock.ErrBack

	// ErrAhead is the error of a run during which the store's clock went ahead by hours.
	ErrAhead = clock.ErrAhead

	// ErrSkew is the error of removing while the store's clock and this host's differ.
	ErrSkew = clock.ErrSkew
)

// The terms of the format that callers use.
type (
	Lane  = format.Lane
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

// IsSegment reports whether an object is of the index, by its name.
func IsSegment(name string) bool {
	kind, ok := format.KindOf(name)
	return ok && kind == format.KindIndex
}

// The two periods that make removal safe (docs/design/removing.md).
const (
	Lifetime = clock.Lifetime // the time after its start until which a run may commit
	Grace    = clock.Grace    // the age of a mark or a condemnation at which Prune may delete what it names
)
