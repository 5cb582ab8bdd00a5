// Package head describes manifests without their content (head.go), and has the part of the content
// that package repo reads (outline.go).
package head

import (
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Head describes a manifest without its content: what its name, the listing of its object, the
// marks and its deadline say.
type Head struct {
	Account string    // directory of the account, as AccountDir returns it
	Name    string    // name of the object
	ID      chunk.ID  // hash of the object; a child manifest names its parent by it
	Time    time.Time // when the run put the manifest, by the store's clock, as the name says
	Stored  time.Time // when the store got this object, which is much later in a copy of a repository
	Size    int64     // size of the object
	Marked  bool      // a mark says that the manifest is to be forgotten
	Since   time.Time // when it was first marked, by the store's clock
	Erased  bool      // prune also rewrites packs, to delete what only this manifest needs
	Late    bool      // it was put after its deadline and can be no parent (Repo.Judge, Run.Heads)
	Older   string    // name of the manifest before it, marked or not; only Run.Heads sets it

	// Misdated says why the manifest's times cannot be true. It is empty if they can. See
	// repo/dating.go.
	Misdated string
}

// Committed reports whether the manifest counts as committed: it is not late, not marked, and not
// misdated.
func (h Head) Committed() bool { return !h.Late && !h.Marked && h.Misdated == "" }

// Parse parses the name of a manifest, which need not exist: a mark may name one that was deleted
// long ago.
func Parse(name string) (h Head, ok bool) {
	account, put, hash, ok := format.ParseManifestName(name)
	if !ok {
		return Head{}, false
	}
	return Head{Account: account, Name: name, ID: hash, Time: put}, true
}

// Of returns the Head of a listed object, or false if its name is not that of a manifest.
func Of(o store.Object) (Head, bool) {
	h, ok := Parse(o.Name)
	h.Size, h.Stored = o.Size, o.Time
	return h, ok
}

// belatedAfter bounds how long after its time the store may get a manifest that counts as in time.
const belatedAfter = time.Hour

// ErrMisdated is wrapped by the error of a manifest whose times cannot be true.
var ErrMisdated = errors.New("its times cannot be true")

// Belated reports whether the store got the manifest long after the time in its name.
func (h Head) Belated() bool { return h.Stored.Sub(h.Time) > belatedAfter }

// Misdating returns an error that says why the manifest is misdated, and what to do. It returns nil
// if it is not misdated.
func (h Head) Misdating() error {
	if h.Misdated == "" {
		return nil
	}
	return fmt.Errorf("%w: %s. It is ignored, and kept until you forget it by name: mailstrata forget %x",
		ErrMisdated, h.Misdated, h.ID[:4])
}
