package repo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/ahead"
	"github.com/mailstrata/mailstrata/repo/internal/head"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Head describes a manifest without its content: what its name, the listing of its object, the
// marks and its deadline say. Manifests and Run.Heads list Heads, and Repo.Manifest reads the
// content of one.
type Head = head.Head

// ParseManifest parses the name of a manifest, which need not exist: a mark may name one that was
// deleted long ago.
func ParseManifest(name string) (h Head, ok bool) { return head.Parse(name) }

// ErrMisdated is wrapped by the error of a manifest whose times cannot be true.
var ErrMisdated = head.ErrMisdated

// Manifests lists the manifests of all accounts, the newest of each account first. It ignores marks
// that cannot be read. Otherwise anyone who can write to the store could hide mail.
func (r *Repo) Manifests(ctx context.Context) iter.Seq2[Head, error] {
	return r.listHeads(ctx, headListing{
		prefix: format.KindManifest.Folder(), list: r.list, marks: r.readMarks(objects.Concerns),
	})
}

// AccountsListed returns how many accounts had committed manifests when all manifests were last
// listed to the end, or 0 if they were not.
func (r *Repo) AccountsListed() int { return int(r.accountsListed.Load()) }

// EveryManifest is Manifests for callers that remove something. A mark that cannot be read is an
// error.
func (r *Repo) EveryManifest(ctx context.Context) iter.Seq2[Head, error] {
	return r.listHeads(ctx, headListing{
		prefix: format.KindManifest.Folder(), list: r.objects.Store.List, marks: r.readMarks(nil),
	})
}

// AccountManifests lists the manifests of one account, the newest first, for callers that choose a
// parent. A mark that cannot be read is an error.
func (r *Repo) AccountManifests(ctx context.Context, account string) iter.Seq2[Head, error] {
	return r.listHeads(ctx, headListing{
		prefix: r.manifestsOf(account), list: r.objects.Store.List, marks: r.readMarks(nil),
	})
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
		// The marks are listed while the first manifests are. The order of the two listings does
		// not matter: both come after the start of the run, and a mark that is missed is too young
		// to remove anything before the run's deadline.
		marks := l.marks(ctx)
		listed, committed := map[string]bool{}, map[string]bool{}
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
			h, ok := head.Of(o)
			if !ok {
				continue
			}
			listed[h.Name] = true
			h = now.date(ctx, h)
			if mark, ok := marked[h.Name]; ok {
				h.Marked, h.Since, h.Erased = true, mark.Since, mark.Erased
			}
			if h.Committed() {
				committed[h.Account] = true
			}
			if !yield(h, nil) {
				return
			}
		}
		if _, err := marks(); err != nil {
			yield(Head{}, err)
			return
		}
		if l.prefix == format.KindManifest.Folder() {
			r.accountsListed.Store(int64(len(committed)))
		}
		r.objects.Cache.KeepListed(l.prefix, listed)
	}
}

// Manifest reads the content of a manifest. It returns ErrNotMine if the manifest is of another
// account or time than its name says: the tag does not cover names, so anyone who can write to the
// store can copy a manifest to another name. It also returns ErrNotMine for bytes that hash to the
// name and are not a manifest, because anyone can put those there too.
func (r *Repo) Manifest(ctx context.Context, h Head) ([]byte, error) {
	content, err := r.Root(ctx, h)
	if foreign := new(objects.Undecodable); errors.As(err, &foreign) && errors.Is(err, format.ErrDamaged) {
		// The bytes match the name, so they are not damaged. Someone without the key put them
		// there.
		err = fmt.Errorf("read %s: its bytes match its name and are not a manifest (%v): %w",
			h.Name, foreign, format.ErrNotMine)
	}
	if err != nil {
		return nil, err
	}
	o, err := head.ParseOutline(content)
	if err == nil && o.Account != nil && r.AccountDir(string(o.Account)) != h.Account {
		err = fmt.Errorf("its account is not the one in its name: %w", format.ErrNotMine)
	}
	if err == nil {
		err = o.CheckName(h)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", h.Name, err)
	}
	return content, nil
}

// Root reads the content of a manifest as Prune does, which follows it even if the name does not
// match: it may need chunks that no other manifest needs. If the object is damaged, and the
// manifest has an alarm, Root reads its second copy.
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
