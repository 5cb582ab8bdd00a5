package repo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/ahead"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Head describes a manifest without its content: what its name, the listing of its object, the marks and its deadline say.
// Manifests and Run.Heads list Heads, and Repo.Manifest reads the content of one.
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

	// Misdated says why the manifest's times cannot be true. It is empty if they can. See dating.go.
	Misdated string
}

// Committed reports whether the manifest counts as committed: it is not late, not marked, and not misdated.
func (h Head) Committed() bool { return !h.Late && !h.Marked && h.Misdated == "" }

// ParseManifest parses the name of a manifest, which need not exist: a mark may name one that was deleted long ago.
func ParseManifest(name string) (h Head, ok bool) {
	account, put, hash, ok := format.ParseManifestName(name)
	if !ok {
		return Head{}, false
	}
	return Head{Account: account, Name: name, ID: hash, Time: put}, true
}

// headOf returns the Head of a listed object, or false if its name is not that of a manifest.
func headOf(o store.Object) (Head, bool) {
	h, ok := ParseManifest(o.Name)
	h.Size, h.Stored = o.Size, o.Time
	return h, ok
}

// Manifests lists the manifests of all accounts, the newest of each account first. It ignores marks that cannot be read.
// Otherwise anyone who can write to the store could hide mail.
func (r *Repo) Manifests(ctx context.Context) iter.Seq2[Head, error] {
	return r.listHeads(ctx, headListing{prefix: format.KindManifest.Folder(), list: r.objects.Store.List, marks: r.readMarks(objects.Concerns)})
}

// EveryManifest is Manifests for callers that remove something. A mark that cannot be read is an error.
func (r *Repo) EveryManifest(ctx context.Context) iter.Seq2[Head, error] {
	return r.listHeads(ctx, headListing{prefix: format.KindManifest.Folder(), list: r.objects.Store.List, marks: r.readMarks(nil)})
}

// AccountManifests lists the manifests of one account, the newest first, for callers that choose a parent. A mark that cannot
// be read is an error.
func (r *Repo) AccountManifests(ctx context.Context, account string) iter.Seq2[Head, error] {
	return r.listHeads(ctx, headListing{prefix: r.manifestsOf(account), list: r.objects.Store.List, marks: r.readMarks(nil)})
}

// manifestsOf returns what the names of an account's manifests begin with.
func (r *Repo) manifestsOf(account string) string {
	return format.KindManifest.Folder() + r.AccountDir(account) + "/"
}

// headListing says which manifests to list, and how.
type headListing struct {
	prefix string
	list   func(ctx context.Context, prefix string) iter.Seq2[store.Object, error]
	marks  marksReader
	known  time.Time // the latest time of the store that the caller knows, or zero
}

// marksReader begins to read the marks, and returns a function that waits for them.
type marksReader func(ctx context.Context) (marks func() (statement.Marks, error))

// readMarks returns a marksReader that passes over marks whose errors are to be ignored.
func (r *Repo) readMarks(ignore func(error) bool) marksReader {
	return func(ctx context.Context) func() (statement.Marks, error) {
		return ahead.Do(func() (statement.Marks, error) { return r.marks(ctx, ignore) })
	}
}

// listHeads lists manifests.
func (r *Repo) listHeads(ctx context.Context, l headListing) iter.Seq2[Head, error] {
	return func(yield func(Head, error) bool) {
		// The marks are listed while the first manifests are. The order of the two listings does not matter: both come after
		// the start of the run, and a mark that is missed is too young to remove anything before the run's deadline.
		marks := l.marks(ctx)
		listed := map[string]bool{}
		now := storeTime{r, l.known}
		for o, err := range l.list(ctx, l.prefix) {
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
		r.objects.Cache.KeepListed(l.prefix, listed)
	}
}

// Manifest reads the content of a manifest. It returns ErrNotMine if the manifest is of another account or time than its name
// says: the tag does not cover names, so anyone who can write to the store can copy a manifest to another name. It also
// returns ErrNotMine for bytes that hash to the name and are not a manifest, because anyone can put those there too.
func (r *Repo) Manifest(ctx context.Context, h Head) ([]byte, error) {
	content, err := r.Root(ctx, h)
	if foreign := new(objects.Undecodable); errors.As(err, &foreign) && errors.Is(err, format.ErrDamaged) {
		// The bytes match the name, so they are not damaged. Someone without the key put them there.
		err = fmt.Errorf("read %s: its bytes match its name and are not a manifest (%v): %w", h.Name, foreign, format.ErrNotMine)
	}
	if err != nil {
		return nil, err
	}
	o, err := outlineOf(content)
	if err == nil && o.Account != nil && r.AccountDir(string(o.Account)) != h.Account {
		err = fmt.Errorf("its account is not the one in its name: %w", format.ErrNotMine)
	}
	if err == nil {
		err = o.checkName(h)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", h.Name, err)
	}
	return content, nil
}

// Root reads the content of a manifest as Prune does, which follows it even if the name does not match: it may need chunks
// that no other manifest needs. If the object is damaged, and the manifest has an alarm, Root reads its second copy.
func (r *Repo) Root(ctx context.Context, h Head) ([]byte, error) {
	r.manifestRead.Store(time.Now().UnixNano())
	content, err := r.objects.Load(ctx, format.KindManifest, h.Name)
	if errors.Is(err, format.ErrDamaged) {
		if second, errSecond := r.objects.Load(ctx, format.KindManifest, format.AlarmName(h.Name)); errSecond == nil {
			return second, nil
		}
	}
	return content, err
}

// outline is the part of a manifest that this package reads. Package manifest reads and checks the rest.
type outline struct {
	Account  []byte          `cbor:"1,keyasint"`
	Start    int64           `cbor:"3,keyasint"`
	Deadline int64           `cbor:"5,keyasint"`
	Alarm    cbor.RawMessage `cbor:"20,keyasint"` // nil: it has none
	Time     int64           `cbor:"24,keyasint"`
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
