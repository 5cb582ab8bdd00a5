package replicate_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// takeAway deletes a pack of mail, and returns a function that restores it.
func takeAway(t *testing.T, store *storetest.Memory, which int) (name string, putBack func()) {
	t.Helper()
	names := slices.DeleteFunc(store.Names(), func(name string) bool { return !strings.HasPrefix(name, "data/") })
	body, _, err := store.Get(t.Context(), names[which], 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Delete(t.Context(), names[which]); err != nil {
		t.Fatal(err)
	}
	return names[which], func() {
		if err := store.Put(t.Context(), names[which], bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatal(err)
		}
	}
}

// A copy that lacks what could not be read is improved when it can be read. Until then, nothing is
// committed or stored.
func TestCopyIsImprovedWhenMoreCanBeRead(t *testing.T) {
	store, second := new(storetest.Memory), new(storetest.Memory)
	a := archivetest.SampleAccount()
	from, to := archivetest.NewRepo(t, store), archivetest.NewRepo(t, second)
	archivetest.Backup(t, from, a)
	for range 40 {
		a.Mailbox("INBOX").Add("Subject: second night\r\n\r\nlater\r\n")
	}
	archivetest.Backup(t, from, a)
	_, putBack := takeAway(t, store, 0)

	first, _ := archivetest.Copy(t, archivetest.Reopen(t, store), to)
	if len(first[1].Lost) == 0 {
		t.Fatal("a lost pack harms nothing: the test shows nothing")
	}
	before := second.Names()
	still, _ := archivetest.Copy(t, archivetest.Reopen(t, store), to)
	for _, c := range still {
		if !c.Present || c.Improved {
			t.Errorf("no more can be read, but: %+v", c)
		}
	}
	if after := second.Names(); !slices.Equal(before, after) {
		t.Errorf("no more can be read, but %d objects were stored", len(after)-len(before))
	}

	putBack()
	mended, _ := archivetest.Copy(t, archivetest.Reopen(t, store), to)
	for i, c := range mended {
		if lossy := len(first[i].Lost) > 0; c.Improved != lossy || c.Present == lossy || len(c.Lost) > 0 {
			t.Errorf("night %d: %+v", i, c)
		}
	}
	last := mended[len(mended)-1]
	if got := archivetest.ArchivedState(t, to, last.Head); !slices.Equal(got, a.State()) {
		t.Errorf("the mended copy is not the account: %s", archivetest.FirstDifference(got, a.State()))
	}
	if got := archivetest.ArchivedState(t, to, first[1].Head); len(got) == 0 {
		t.Error("the copy that lacked something is gone")
	}
	again, _ := archivetest.Copy(t, from, to)
	for _, c := range again {
		if !c.Present || !strings.HasPrefix(c.Head.Name, "manifests/") {
			t.Errorf("a mended copy was copied again: %+v", c)
		}
	}
	if b := archivetest.Backup(t, to, a); b.Manifest.Parent != last.Head.ID || b.Manifest.Totals.NewMessages > 0 {
		t.Errorf("a backup does not go on from the mended copy: %+v", b.Manifest.Totals)
	}
	archivetest.MustBeSound(t, to)
}

// interrupting cancels a copy when it stores the first object of a folder.
type interrupting struct {
	*storetest.Memory
	folder    string
	interrupt context.CancelFunc
}

func (s *interrupting) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if strings.HasPrefix(name, s.folder) {
		s.interrupt()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Memory.Put(ctx, name, body, size)
}

// A copy that is interrupted after everything was read is committed, and nothing is copied again.
func TestCopyInterruptedAfterReading(t *testing.T) {
	from := archivetest.NewRepo(t, new(storetest.Memory))
	a := archivetest.SampleAccount()
	archivetest.Backup(t, from, a)
	for _, folder := range []string{"data/", "catalog/", "index/", "manifests/"} {
		ctx, interrupt := context.WithCancel(t.Context())
		to := archivetest.NewRepo(t, &interrupting{new(storetest.Memory), folder, interrupt})
		if _, _, err := archivetest.TryCopy(ctx, from, to); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		copied, messages := archivetest.Copy(t, from, to)
		if !copied[0].Present || messages > 0 {
			t.Errorf("%s: %d messages were copied again", folder, messages)
		}
		if got := archivetest.ArchivedState(t, to, copied[0].Head); !slices.Equal(got, a.State()) {
			t.Errorf("%s: the copy is not the account: %s", folder, archivetest.FirstDifference(got, a.State()))
		}
		interrupt()
	}
}

// Copying a sound copy back completes a manifest that was repaired with losses.
func TestCopyBackCompletesARepair(t *testing.T) {
	store := new(storetest.Memory)
	a := archivetest.SampleAccount()
	home, away := archivetest.NewRepo(t, store), archivetest.NewRepo(t, new(storetest.Memory))
	night := archivetest.Backup(t, home, a)
	archivetest.Copy(t, home, away)
	name, _ := takeAway(t, store, 0)
	damaged := archivetest.Reopen(t, store)
	pack, _ := repo.ParsePack(name)
	if err := damaged.Tag(t.Context(), night.Head, []string{history.TagPinned}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := damaged.RepairPacks(t.Context(), []repo.Pack{pack}, func(repo.Problem) {}); err != nil {
		t.Fatal(err)
	}
	repaired, err := rewrite.Repair(t.Context(), damaged, night.Head, rewrite.RepairOptions{})
	if err != nil || len(repaired.Lost) == 0 {
		t.Fatalf("lost %d: %v", len(repaired.Lost), err)
	}
	pinned := func(h repo.Head) {
		t.Helper()
		if tags, err := damaged.Tags(t.Context()); err != nil || !slices.Equal(tags[h.Name], []string{history.TagPinned}) {
			t.Errorf("%s bears %v: %v", h.Name, tags[h.Name], err)
		}
	}
	pinned(repaired.Head)
	copied, _ := archivetest.Copy(t, away, damaged)
	pinned(copied[0].Head)
	if !copied[0].Improved {
		t.Fatalf("not mended: %+v", copied[0])
	}
	ref, _ := history.ParseRef("latest", time.Now())
	if latest, _, err := archive.Resolve(t.Context(), damaged, ref); err != nil || latest.Name != copied[0].Head.Name {
		t.Errorf("the mended manifest is not the latest: %s, %v", latest.Name, err)
	}
	if got := archivetest.ArchivedState(t, damaged, copied[0].Head); !slices.Equal(got, a.State()) {
		t.Errorf("what came home is not the account: %s", archivetest.FirstDifference(got, a.State()))
	}
	if again, _ := archivetest.Copy(t, away, damaged); !again[0].Present {
		t.Errorf("it comes home each time: %+v", again[0])
	}
}

// Tags are copied with their manifests, and so are tags that are set later. Tags that were set on
// the copy itself are kept.
func TestCopyKeepsTags(t *testing.T) {
	from, to := archivetest.NewRepo(t, new(storetest.Memory)), archivetest.NewRepo(t, new(storetest.Memory))
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Subject: one\r\n\r\nmail\r\n")
	night := archivetest.Backup(t, from, a)
	tag := func(r *repo.Repo, h repo.Head, set, taken []string) {
		t.Helper()
		if err := r.Tag(t.Context(), h, set, taken); err != nil {
			t.Fatal(err)
		}
	}
	tags := func(h repo.Head) []string {
		t.Helper()
		all, err := to.Tags(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return all[h.Name]
	}
	tag(from, night.Head, []string{history.TagPinned, "early"}, nil)
	copied, _ := archivetest.Copy(t, from, to)
	there := copied[0].Head
	if got := tags(there); !slices.Equal(got, []string{"early", history.TagPinned}) {
		t.Errorf("the copy bears %v", got)
	}
	tag(to, there, []string{"mine"}, []string{"early"})
	tag(from, night.Head, []string{"late"}, []string{history.TagPinned})
	for range 2 {
		archivetest.Copy(t, from, to)
	}
	if got := tags(there); !slices.Equal(got, []string{"late", "mine", history.TagPinned}) {
		t.Errorf("the copy bears %v", got)
	}
}

// A damaged note does not stop a copy or a repair. Both report that some tags may be unknown.
func TestDamagedNoteDoesNotStopCopyOrRepair(t *testing.T) {
	store := new(storetest.Memory)
	from, to := archivetest.NewRepo(t, store), archivetest.NewRepo(t, new(storetest.Memory))
	a := archivetest.SampleAccount()
	night := archivetest.Backup(t, from, a)
	for _, tag := range []string{history.TagPinned, "moved"} {
		if err := from.Tag(t.Context(), night.Head, []string{tag}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range store.Names() {
		if strings.HasPrefix(name, "notes/") {
			store.Replace(name, []byte("garbage"))
			break
		}
	}
	copied, _, err := archivetest.TryCopy(t.Context(), archivetest.Reopen(t, store), to)
	if !archive.IsDamage(err) {
		t.Errorf("the damaged note is not reported: %v", err)
	}
	if len(copied) != 1 || copied[0].Head.Name == "" {
		t.Fatalf("nothing is copied: %+v", copied)
	}
	if got := archivetest.ArchivedState(t, to, copied[0].Head); !slices.Equal(got, a.State()) {
		t.Errorf("the copy is not the account: %s", archivetest.FirstDifference(got, a.State()))
	}
	if tags, err := to.Tags(t.Context()); err != nil || len(tags[copied[0].Head.Name]) != 1 {
		t.Errorf("the copy bears %v: %v", tags, err)
	}

	name, _ := takeAway(t, store, 0)
	damaged := archivetest.Reopen(t, store)
	pack, _ := repo.ParsePack(name)
	if _, err := damaged.RepairPacks(t.Context(), []repo.Pack{pack}, func(repo.Problem) {}); err != nil {
		t.Fatal(err)
	}
	repaired, err := rewrite.Repair(t.Context(), damaged, night.Head, rewrite.RepairOptions{})
	if err != nil || repaired.Head.Name == "" || !archive.IsDamage(repaired.Untagged) {
		t.Errorf("repaired: %+v, %v", repaired.Head, errors.Join(repaired.Untagged, err))
	}
}
