package restore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/check"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/restore"
)

// post is a mailbox of a test account.
type post struct {
	name    string
	letters []archivetest.Message
}

// commitAccount stores an account as a backup does, and commits its manifest.
func commitAccount(t testing.TB, r *repo.Repo, account string, state manifest.State, posts ...post) repo.Head {
	t.Helper()
	ctx := t.Context()
	run, err := r.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	writer, err := run.Writer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	put := func(data []byte) (chunk.ID, error) {
		id, _, err := writer.Put(ctx, repo.LaneCatalog, data)
		return id, err
	}
	var mailboxes []manifest.Mailbox
	for _, p := range posts {
		mailbox := manifest.Mailbox{Mailbox: mail.Mailbox{Raw: p.name, Name: p.name}}
		added := func(yield func(manifest.Entry, error) bool) {
			for _, l := range p.letters {
				if !yield(storeLetter(t, r, writer, l), nil) {
					return
				}
			}
		}
		if err := mailbox.Fill(nil, manifest.Changes{Added: added}, nil, put); err != nil {
			t.Fatal(err)
		}
		mailboxes = append(mailboxes, mailbox)
	}
	m := &manifest.Manifest{Account: account, Start: run.Start(), End: run.Start(), Deadline: run.Deadline(), State: state}
	if err := m.SetMailboxes(mailboxes, put); err != nil {
		t.Fatal(err)
	}
	head, err := writer.Commit(ctx, account, m.EncodeAt)
	if err != nil {
		t.Fatal(err)
	}
	return head
}

func storeLetter(t testing.TB, r *repo.Repo, writer *repo.Writer, l archivetest.Message) manifest.Entry {
	t.Helper()
	lanes := map[mail.PartKind]repo.Lane{mail.HeaderPart: repo.LaneHeader, mail.TextPart: repo.LaneText, mail.Base64Part: repo.LaneBody}
	hasher := r.MessageHasher()
	entry := manifest.Entry{
		Record:  manifest.Record{UID: l.UID, Size: int64(len(l.Body)), Hash: hasher.ID(l.Body), Internal: mail.ParseDate(l.Date)},
		FlagSet: manifest.FlagSet{Flags: l.Flags},
	}
	splitter := mail.NewSplitter(bytes.NewReader(l.Body))
	for {
		part, err := splitter.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kept := manifest.Part{Kind: part.Kind()}
		err = r.Cutter().Cut(part, func(data []byte) error {
			id, _, err := writer.Put(t.Context(), lanes[kept.Kind], data)
			kept.Chunks = append(kept.Chunks, id)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		kept.Recipe = part.Recipe()
		entry.Parts = append(entry.Parts, kept)
	}
	if manifest.NeedsList(entry.Parts) {
		list, err := manifest.EncodeParts(entry.Parts)
		if err != nil {
			t.Fatal(err)
		}
		if entry.List, _, err = writer.Put(t.Context(), repo.LaneCatalog, list); err != nil {
			t.Fatal(err)
		}
		entry.Parts = nil
	}
	return entry
}

// incompressible makes n messages of some size, so that they fill frames and packs.
func incompressible(first mail.UID, n, size int) []archivetest.Message {
	letters := archivetest.PlainMessages(first, n)
	for i := range letters {
		letters[i].Body = append(letters[i].Body, archivetest.RandomBytes(uint64(letters[i].UID), size)...)
	}
	return letters
}

func open(t testing.TB, r *repo.Repo, head repo.Head) *archive.Contents {
	t.Helper()
	contents, err := archive.OpenManifest(t.Context(), r, head)
	if err != nil {
		t.Fatal(err)
	}
	return contents
}

func TestRestoreFromRepository(t *testing.T) {
	store := new(storetest.Memory)
	inbox := incompressible(1, 300, 30_000)
	head := commitAccount(t, archivetest.NewRepo(t, store), "anna", manifest.Complete, post{"INBOX", inbox}, post{"odd", archivetest.OddMessages()})
	r := archivetest.Reopen(t, store)
	for _, free := range []bool{false, true} {
		target := &memTarget{Key: r.MessageKey(), Folders: map[string]*memFolder{}, Free: free}
		o := restore.Options{Contents: open(t, r, head), Target: target}
		report, err := restore.Run(t.Context(), o)
		if err != nil || !report.Whole() || report.Changed > 0 {
			t.Fatal(err, report)
		}
		target.Holds(t, "INBOX", inbox...)
		target.Holds(t, "odd", archivetest.OddMessages()...)
		if report, err = restore.Run(t.Context(), o); err != nil || report.Added != 0 {
			t.Fatal("a second restore added messages:", err, report)
		}
	}
}

// meter counts what is read of packs of mail.
type meter struct {
	store.Store
	read atomic.Int64
	gets atomic.Int64
}

func (m *meter) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	body, size, err := m.Store.Get(ctx, name, offset, length)
	if strings.HasPrefix(name, "data/") {
		m.read.Add(length)
		m.gets.Add(1)
	}
	return body, size, err
}

// TestRestoreReadsOnce: a mailbox that two connections read side by side lies interleaved in the
// packs. What is read of these is little more than they hold, and in few requests.
func TestRestoreReadsOnce(t *testing.T) {
	store := new(storetest.Memory)
	letters := incompressible(1, 1400, 30_000) // 42 MB, more than a reader keeps
	var interleaved []archivetest.Message
	for i := range 700 {
		interleaved = append(interleaved, letters[i], letters[700+i])
	}
	r := archivetest.NewRepo(t, store)
	commitAccount(t, r, "somebody else", manifest.Complete, post{"as they came", renumbered(interleaved)})
	head := commitAccount(t, r, "anna", manifest.Complete, post{"INBOX", letters})
	packs := int64(0)
	for _, name := range store.Names() {
		if strings.HasPrefix(name, "data/") {
			packs += int64(len(store.Bytes(name)))
		}
	}
	m := &meter{Store: store}
	r = archivetest.Reopen(t, m)
	target := &memTarget{Key: r.MessageKey(), Folders: map[string]*memFolder{}, Free: true}
	if report, err := restore.Run(t.Context(), restore.Options{Contents: open(t, r, head), Target: target}); err != nil || !report.Whole() {
		t.Fatal(err, report)
	}
	target.Holds(t, "INBOX", letters...)
	if read := m.read.Load(); read > packs*11/10 {
		t.Errorf("%d bytes read of packs that have %d", read, packs)
	}
	if gets := m.gets.Load(); gets > packs>>20 {
		t.Errorf("%d requests for %d bytes", gets, packs)
	}
}

// TestCheckFinds: whatever is done to an object, the check names it and what it harms, a restore
// loses nothing else, and reports the same messages.
func TestCheckFinds(t *testing.T) {
	pristine := new(storetest.Memory)
	inbox := incompressible(1, 100, 30_000)
	r := archivetest.NewRepo(t, pristine)
	commitAccount(t, r, "anna", manifest.Complete, post{"INBOX", inbox[:90]})
	pristine.Advance(24 * time.Hour)
	head := commitAccount(t, r, "anna", manifest.Complete, post{"INBOX", inbox})
	var data []string
	for _, name := range pristine.Names() {
		if strings.HasPrefix(name, "data/") {
			data = append(data, name)
		}
	}
	if len(data) < 2 {
		t.Fatal("one pack is not enough to swap")
	}
	if report, problems := checked(t, pristine, repo.AllPacks); len(problems) > 0 || report.Manifests != 2 || report.Messages < 100 {
		t.Fatalf("a sound repository: %+v %v", report, problems)
	}
	damages := map[string]func(store *storetest.Memory, name string){
		"flip": func(store *storetest.Memory, name string) {
			b := store.Bytes(name)
			b[len(b)/3] ^= 1
			store.Replace(name, b)
		},
		"truncate": func(store *storetest.Memory, name string) {
			b := store.Bytes(name)
			store.Replace(name, b[:len(b)/2])
		},
		"delete": func(store *storetest.Memory, name string) {
			if err := store.Delete(context.Background(), name); err != nil {
				t.Fatal(err)
			}
		},
	}
	for what, damage := range damages {
		for _, prefix := range []string{"data/", "catalog/", "manifests/", "index/"} {
			for i, name := range pristine.Names() {
				if !strings.HasPrefix(name, prefix) || what == "delete" && prefix == "manifests/" {
					continue
				}
				t.Run(fmt.Sprintf("%s %s %d", what, prefix, i), func(t *testing.T) {
					store := pristine.Clone()
					damage(store, name)
					_, problems := checked(t, store, repo.AllPacks)
					if len(problems) == 0 {
						t.Fatal("not found")
					}
					if what != "delete" && !slices.ContainsFunc(problems, func(p check.Problem) bool { return strings.Contains(p.String(), name) }) {
						t.Errorf("the object is not named: %v", problems)
					}
					if prefix == "data/" {
						lost := sameHarm(t, store, head, problems, inbox)
						if what == "flip" && lost > 50 {
							t.Errorf("one bit cost %d messages: a frame has 35", lost)
						}
					}
				})
			}
		}
	}
	t.Run("swap", func(t *testing.T) {
		store := pristine.Clone()
		a, b := store.Bytes(data[0]), store.Bytes(data[1])
		store.Replace(data[0], b)
		store.Replace(data[1], a)
		_, problems := checked(t, store, repo.HashRange{})
		sameHarm(t, store, head, problems, inbox)
	})
}

// sameHarm restores from a damaged store, and compares the messages that are lost with those that
// the check named.
func sameHarm(
	t *testing.T, store store.Store, head repo.Head, problems []check.Problem, inbox []archivetest.Message,
) int {
	t.Helper()
	var named, lost []mail.UID
	for _, p := range problems {
		if p.Mailbox == "INBOX" && p.UID != 0 {
			named = append(named, p.UID)
		}
	}
	r := archivetest.Reopen(t, store)
	target := &memTarget{Key: r.MessageKey(), Folders: map[string]*memFolder{}}
	report, err := restore.Run(t.Context(), restore.Options{Contents: open(t, r, head), Target: target})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range report.Problems {
		lost = append(lost, p.UID)
	}
	slices.Sort(named)
	slices.Sort(lost)
	named = slices.Compact(named) // two manifests may have the message in different pages
	if !slices.Equal(named, lost) || len(lost) == 0 {
		t.Errorf("the check names %v, a restore loses %v", named, lost)
	}
	left := slices.DeleteFunc(slices.Clone(inbox), func(l archivetest.Message) bool { return slices.Contains(lost, l.UID) })
	target.Holds(t, "INBOX", left...)
	return len(lost)
}

func checked(t *testing.T, store store.Store, data repo.HashRange) (*check.Report, []check.Problem) {
	t.Helper()
	var problems []check.Problem
	report, err := check.Run(t.Context(), check.Options{Repo: archivetest.Reopen(t, store), Data: data}, func(p check.Problem) {
		if !p.Harmless {
			problems = append(problems, p)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return report, problems
}

// TestStoreTroubleIsNoDamage: whatever operation on the store fails, a check and a restore end with
// that error, and call nothing damaged; then a restore that is made again completes exactly.
func TestStoreTroubleIsNoDamage(t *testing.T) {
	store := new(storetest.Memory)
	letters := incompressible(1, 40, 30_000)
	head := commitAccount(t, archivetest.NewRepo(t, store), "anna", manifest.Complete, post{"INBOX", letters})
	for _, fault := range []storetest.Fault{storetest.Refuse, storetest.Truncate} {
		for n := 1; ; n++ {
			faulty := &storetest.Faulty{Store: store}
			r := archivetest.Reopen(t, faulty)
			faulty.Fail = storetest.CrashAt(faulty.Ops()+n, fault)
			_, err := check.Run(t.Context(), check.Options{Repo: r, Data: repo.AllPacks}, func(p check.Problem) {
				if !p.Harmless {
					t.Errorf("operation %d: %s", n, p)
				}
			})
			if err == nil {
				break
			}
			if !errors.Is(err, storetest.ErrFault) {
				t.Fatalf("operation %d: %v", n, err)
			}
		}
		for n := 1; ; n++ {
			faulty := &storetest.Faulty{Store: store}
			r := archivetest.Reopen(t, faulty)
			contents := open(t, r, head)
			target := &memTarget{Key: r.MessageKey(), Folders: map[string]*memFolder{}}
			o := restore.Options{Contents: contents, Target: target}
			faulty.Fail = storetest.CrashAt(faulty.Ops()+n, fault)
			report, err := restore.Run(t.Context(), o)
			if err == nil {
				break
			}
			if !errors.Is(err, storetest.ErrFault) || report.Failed > 0 {
				t.Fatalf("operation %d: %v %+v", n, err, report)
			}
			faulty.Fail = nil
			if report, err := restore.Run(t.Context(), o); err != nil || !report.Whole() {
				t.Fatalf("operation %d: again: %v %+v", n, err, report)
			}
			target.Holds(t, "INBOX", letters...)
		}
	}
}
