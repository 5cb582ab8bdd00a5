package objects

import (
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// ProblemKind is the kind of a problem with an object.
type ProblemKind int

const (
	// Broken means that an object is damaged. Mail may be lost.
	Broken ProblemKind = iota

	// Missing means that an index names a pack that is not in the store. Mail may be lost.
	Missing

	// Unindexed means that no index names a pack. A run that was interrupted leaves such packs.
	// Runs that need its chunks store them again.
	Unindexed

	// Stray means that an object is not mailstrata's, or has no valid name.
	Stray

	// Unread means that this key cannot open an object. An owner's key can.
	Unread

	// Condemned means that a pack is damaged, but will be deleted anyway. If it holds the only copy
	// of a chunk, following the manifests shows that.
	Condemned

	// Overlaid means that a newer version or a delete marker is over an object. mailstrata reads
	// the original.
	Overlaid

	// Unlocked means that locks end earlier than the repository promises.
	Unlocked
)

// Harmless reports whether no mail is in danger.
func (k ProblemKind) Harmless() bool { return !k.Damage() && k != Unlocked }

// Damage reports whether the object cannot be relied on.
func (k ProblemKind) Damage() bool { return k == Broken || k == Missing }

// Problem is a problem that a check found.
type Problem struct {
	Kind   ProblemKind
	Object string // name
	Err    error  // what is wrong
}

// String returns the sentence to print.
func (p Problem) String() string { return fmt.Sprintf("%s: %v", p.Object, p.Err) }

// Checked counts what a check looked at.
type Checked struct {
	Objects int
	Bytes   int64 // read
	Chunks  int64 // of which the content was hashed
}

// Add adds up what was looked at.
func (c *Checked) Add(more Checked) {
	c.Objects += more.Objects
	c.Bytes += more.Bytes
	c.Chunks += more.Chunks
}

// Concerns reports whether an error is about one object, and not about the store or this host.
func Concerns(err error) bool {
	return format.ConcernsObject(err) || errors.Is(err, statement.ErrUnsigned)
}

// Progress is the progress of a prune, a check or a renewal.
type Progress struct {
	Step            string // what is done now: "packs deleted"
	Done, Of        int64  // Of is 0 if the number is not known
	Bytes, AllBytes int64  // of these; 0 if they do not count
}
