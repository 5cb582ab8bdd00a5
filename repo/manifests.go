package repo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Head is what a listing shows of a manifest.
type Head struct {
	Account string    // directory of the account, see AccountDir
	Name    string    // of the object
	ID      chunk.ID  // hash of the object: what a child names as its parent
	Time    time.Time // when it was put, by the store's clock, as its name says
	Stored  time.Time // when the store got this object: in a copy of a repository much later
	Size    int64     // of the object
	Marked  bool      // it is marked to be forgotten
	Since   time.Time // when it was first marked, by the store's clock
	Erased  bool      // prune also rewrites packs without what only this manifest needs
	Late    bool      // it was put after its deadline and is no parent (Repo.Judge, Run.Heads)

	// Misdated says why the manifest's times cannot be true. It is empty if they can. See dating.go.
	Misdated string
}

// Committed reports whether the manifest counts, by its Head: it was not stored late, is not marked to be forgotten, and is
// not misdated.
func (h Head) Committed() bool { return !h.Late && !h.Marked && h.Misdated == "" }

// ParseManifest parses the name of a manifest, even of one that was deleted long ago, which a mark may name.
func ParseManifest(name string) (h Head, ok bool) {
	account, put, hash, ok := format.ParseManifestName(name)
	if !ok {
		return Head{}, false
	}
	return Head{Account: account, Name: name, ID: hash, Time: put}, true
}

// headOf returns the Head of a listed object, and false if that has no name of a manifest.
func headOf(o store.Object) (Head, bool) {
	h, ok := ParseManifest(o.Name)
	h.Size, h.Stored = o.Size, o.Time
	return h, ok
}

// Manifests lists the manifests of all accounts, the newest of each account first. It ignores marks that cannot be read, so
// that they hide no mail.
func (r *Repo) Manifests(ctx context.Context) iter.Seq2[Head, error] {
	return r.listHeads(ctx, format.KindManifest.Folder(), time.Time{}, concernsObject)
}

// EveryManifest is Manifests for callers that remove: a mark that cannot be read is an error.
func (r *Repo) EveryManifest(ctx context.Context) iter.Seq2[Head, error] {
	return r.listHeads(ctx, format.KindManifest.Folder(), time.Time{}, nil)
}

// AccountManifests lists the manifests of one account, the newest first. It is for callers that build on them: a mark that
// cannot be read is an error.
func (r *Repo) AccountManifests(ctx context.Context, account string) iter.Seq2[Head, error] {
	return r.accountHeads(ctx, account, time.Time{})
}

func (r *Repo) accountHeads(ctx context.Context, account string, known time.Time) iter.Seq2[Head, error] {
	return r.listHeads(ctx, format.KindManifest.Folder()+r.AccountDir(account)+"/", known, nil)
}

// listHeads lists manifests. known is the newest known time of the store, or zero.
func (r *Repo) listHeads(ctx context.Context, prefix string, known time.Time, ignore func(error) bool) iter.Seq2[Head, error] {
	return func(yield func(Head, error) bool) {
		// The marks are listed while the first manifests are. The order of the two listings does not matter: both come after
		// the start of the run, and a mark that is missed is too young to remove anything before the run's deadline.
		marks := async(func() (statement.Marks, error) { return r.marks(ctx, ignore) })
		listed := map[string]bool{}
		now := storeTime{r, known}
		for o, err := range r.store.List(ctx, prefix) {
			marked, errMarks := marks()
			if errMarks != nil {
				yield(Head{}, errMarks)
				return
			}
			if err != nil {
				yield(Head{}, fmt.Errorf("list the manifests: %w", err))
				return
			}
			h, ok := headOf(o)
			if !ok {
				continue
			}
			listed[h.Name] = true
			h = now.date(ctx, h)
			if mark, ok := marked[h.Name]; ok {
				h.Marked, h.Since, h.Erased = true, mark.Since, mark.Erased
			}
			if !yield(h, nil) {
				return
			}
		}
		if _, err := marks(); err != nil {
			yield(Head{}, err)
			return
		}
		r.cache.keepListed(prefix, listed)
	}
}

// Manifest reads the content of a manifest. It returns ErrNotMine if the manifest is of another account or time than its name
// says: the tag does not cover names, so anybody who can write to the store can copy a manifest. It also returns ErrNotMine for
// bytes that hash to the name and are no manifest, which anybody can put there too.
func (r *Repo) Manifest(ctx context.Context, h Head) ([]byte, error) {
	content, err := r.Root(ctx, h)
	if foreign := new(undecodable); errors.As(err, &foreign) && errors.Is(err, format.ErrDamaged) {
		// The bytes match the name, so they are not damaged: somebody without the key put them there.
		err = fmt.Errorf("read %s: its bytes are what its name says, and they are no manifest (%v): %w", h.Name, foreign, format.ErrNotMine)
	}
	if err != nil {
		return nil, err
	}
	o, err := outlineOf(content)
	if err == nil && o.Account != nil && r.AccountDir(string(o.Account)) != h.Account {
		err = fmt.Errorf("it is of another account than its name says: %w", format.ErrNotMine)
	}
	if err == nil {
		err = o.checkName(h)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", h.Name, err)
	}
	return content, nil
}

// Root reads the content of a manifest for Prune, even if its name does not match: it may need what nothing else needs.
func (r *Repo) Root(ctx context.Context, h Head) ([]byte, error) {
	r.manifestRead.Store(time.Now().UnixNano())
	return r.load(ctx, format.KindManifest, h.Name)
}

// outline is what this package needs of a manifest. Package manifest checks the rest.
type outline struct {
	Account  []byte `cbor:"1,keyasint"`
	Start    int64  `cbor:"3,keyasint"`
	Deadline int64  `cbor:"5,keyasint"`
	Time     int64  `cbor:"24,keyasint"`
}

func (o *outline) deadline() time.Time { return time.UnixMilli(o.Deadline) }

func outlineOf(manifest []byte) (*outline, error) {
	o := new(outline)
	if err := format.DecodePart(manifest, o); err != nil {
		return nil, format.Damaged("not a manifest: %v", err)
	}
	if o.Deadline <= 0 {
		return nil, format.Damaged("a manifest without a deadline")
	}
	return o, nil
}
