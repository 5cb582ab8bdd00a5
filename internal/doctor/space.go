package doctor

import (
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
)

// What a night needs of a disk, in bytes. Below fullDisk no pack can be written.
const (
	fullDisk = 64 << 20

	cacheNeeds     = 1 << 30   // packs that are built, and the recovery log
	stateNeeds     = 16 << 20  // small files
	temporaryNeeds = 256 << 20 // messages above 1 MiB, while they wait
	leastNight     = 256 << 20 // of a repository: packs, the index and the record of the account
)

// room is the disk of a directory, and what a night needs of it.
type room struct {
	dir, use string
	free     int64
	needs    int64
	full     int64 // below, nothing works
	advice   string
}

// space reports how much room a disk has.
func (f *findings) space(check string, r room) {
	switch {
	case r.free < r.full:
		f.add(Fail, check, fmt.Sprintf("%s is full: %s free, and %s takes up to %s",
			r.dir, ui.Size(r.free), r.use, ui.Size(r.needs)), r.advice)
	case r.free < r.needs:
		f.warn(check, r.advice, "%s has only %s free, and %s takes up to %s",
			r.dir, ui.Size(r.free), r.use, ui.Size(r.needs))
	default:
		f.ok(check, "%s has %s free", r.dir, ui.Size(r.free))
	}
}

// repositorySpace reports the room for a repository in a directory of this host.
func (f *findings) repositorySpace(dir string, largest int64) {
	free, known := freeBytes(dir)
	if dir == "" || !known {
		return
	}
	f.space("room", room{
		dir: dir, use: "a night", free: free, needs: leastNight + largest, full: fullDisk,
		advice: "free some space; mailstrata forget and prune delete old backups",
	})
}

// nightSizes are the manifests of all accounts, in the order of archive.Manifests.
type nightSizes []nightSize

type nightSize struct {
	origin, parent [32]byte
	checkpoint     bool
	time           time.Time
	bytes          int64 // archived
}

func (sizes *nightSizes) add(n archive.Summary) {
	*sizes = append(*sizes, nightSize{n.Origin(), n.Manifest.Parent, n.Manifest.State == manifest.Checkpoint,
		n.Head.Time, n.Manifest.Totals.NewBytes})
}

// largest returns the bytes that the largest day of the month before now archived, of all accounts.
// The first backup of an account does not count, with all manifests that continue from its
// checkpoints.
func (sizes nightSizes) largest(now time.Time) (most int64) {
	firsts := make(map[[32]byte]bool) // checkpoints of first backups
	days := make(map[string]int64)
	for _, n := range slices.Backward(sizes) { // the oldest of each account first
		switch {
		case n.parent == [32]byte{}, firsts[n.parent]:
			firsts[n.origin] = n.checkpoint
		case n.time.After(now.AddDate(0, -1, 0)):
			day := n.time.UTC().Format(time.DateOnly)
			days[day] += n.bytes
			most = max(most, days[day])
		}
	}
	return most
}
