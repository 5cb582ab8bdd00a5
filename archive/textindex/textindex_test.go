package textindex_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// newRepo makes a repository with a cache directory.
func newRepo(t *testing.T, s store.Store) *repo.Repo {
	t.Helper()
	r, err := repo.Init(t.Context(), s, repo.InitOptions{NoSeal: true, Options: repo.Options{CacheDir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func open(t *testing.T, r *repo.Repo) *textindex.Index {
	t.Helper()
	x, dropped, err := textindex.Open(t.Context(), r)
	if err != nil || dropped {
		t.Fatal(dropped, err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

func bring(t *testing.T, x *textindex.Index) (*textindex.Live, textindex.Report) {
	t.Helper()
	live, report, err := x.Bring(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return live, report
}

func parse(t *testing.T, text string) *words.Query {
	t.Helper()
	q, err := words.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// world is an account that changes at random.
type world struct {
	*archivetest.Account
	random *rand.Rand
	names  []string
}

func newWorld(seed uint64) *world {
	return &world{archivetest.NewAccount(), rand.New(rand.NewPCG(seed, 1)), []string{"INBOX", "Archive", "Work"}}
}

func (w *world) change() {
	for range 60 {
		box := w.Mailbox(w.names[w.random.IntN(3)])
		some := func() mail.UID { return box.Messages[w.random.IntN(len(box.Messages))].UID }
		switch n := w.random.IntN(10); {
		case n < 6 || len(box.Messages) == 0:
			box.Add(fmt.Sprintf("From: a\r\nSubject: word%d\r\n\r\ntext%d other%d\r\n", w.random.IntN(4), w.random.IntN(30), w.random.IntN(400)))
		case n == 6:
			box.Expunge(some())
		case n == 7:
			box.MoveTo(w.Mailbox(w.names[w.random.IntN(3)]), some())
		case n == 8:
			box.CopyTo(w.Mailbox(w.names[w.random.IntN(3)]), some())
		default:
			box.SetFlags(some(), []string{`\Seen`, `\Flagged`}[w.random.IntN(2)])
		}
	}
	switch w.random.IntN(12) {
	case 0:
		w.Mailbox("Work").Reset()
	case 1:
		delete(w.Mailboxes, "Archive")
	}
}

// found is what is found of a message in all manifests.
// found is the first and the last manifest of a message, and how many between them lack it.
type found struct {
	first, last string
	absent      int
}

// The index finds exactly the messages that a search without it finds, in each manifest and in all,
// whatever changes: mailboxes that go and come again, UIDs that are used again, forgotten
// manifests, prune, and manifests that come late.
func TestMatchesSearchWithoutIndex(t *testing.T) {
	for seed := range uint64(seeds) {
		r := newRepo(t, &storetest.Memory{})
		w := newWorld(seed)
		x := open(t, r)
		for night := range 14 {
			w.change()
			archivetest.Backup(t, r, w.Account)
			if night%3 == 2 || night == 13 {
				bring(t, x)
				compare(t, r, x, fmt.Sprintf("seed %d, night %d", seed, night))
			}
		}
		heads := listed(t, r)
		mark(t, r, heads[2:6]...)
		compare(t, r, x, "after forget")
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		x = open(t, r)
		compare(t, r, x, "opened again")
	}
}

func compare(t *testing.T, r *repo.Repo, x *textindex.Index, when string) {
	t.Helper()
	live, _ := bring(t, x)
	for _, text := range []string{"text3", "word1 -text4", `"text5 other"*`, "text1 OR text2", "subject:word2 text7", "", "none"} {
		for _, only := range []string{"", "Archive"} {
			q := parse(t, text)
			s := textindex.Search{Words: q}
			if only != "" {
				s.Wants = func(m *mail.Mailbox) bool { return m.Name == only }
			}
			if text == "word1 -text4" {
				s.Query.Since, s.Query.Before = time.Unix(1e9+600, 0), time.Unix(1e9+9000, 0)
			}
			wants := func(m *manifest.Mailbox) bool { return only == "" || m.Name == only }
			plain := s.Query
			plain.Message = &textindex.Matcher{Query: q}
			compareAll(t, r, x, live, s, plain, wants, when+", "+text+" in "+only)
			for sum, err := range archive.Manifests(t.Context(), r) {
				if err != nil {
					t.Fatal(err)
				}
				c, err := archive.OpenManifest(t.Context(), r, sum.Head)
				if err != nil {
					t.Fatal(err)
				}
				compareNight(t, x, live, c, s, plain, wants, when+", "+text+" in "+only+", "+sum.Head.Name)
			}
		}
	}
}

func compareAll(
	t *testing.T, r *repo.Repo, x *textindex.Index, live *textindex.Live, s textindex.Search,
	plain search.Query, wants func(*manifest.Mailbox) bool, what string,
) {
	t.Helper()
	want, got := map[string]found{}, map[string]found{}
	scope := textindex.Scope{Repo: r, All: true, Wants: s.Wants}
	for hit, err := range scope.Scan(t.Context(), plain) {
		if err != nil {
			t.Fatal(err)
		}
		want[hit.Entry.Hash.String()] = found{hit.First.Name, hit.Last.Name, hit.Absent}
	}
	hits, sorted, err := scope.Find(t.Context(), x, live, s.Words, s.Query)
	if err != nil || !sorted {
		t.Fatal(sorted, err)
	}
	for hit, err := range hits {
		if err != nil {
			t.Fatal(err)
		}
		hash := hit.Entry.Hash.String()
		if _, twice := got[hash]; twice {
			t.Errorf("%s: %s is found twice", what, hash)
		}
		got[hash] = found{hit.First.Name, hit.Last.Name, hit.Absent}
	}
	if !maps.Equal(got, want) {
		t.Fatalf("%s: %d found, want %d", what, len(got), len(want))
	}
}

func compareNight(
	t *testing.T, x *textindex.Index, live *textindex.Live, c *archive.Contents, s textindex.Search,
	plain search.Query, wants func(*manifest.Mailbox) bool, what string,
) {
	t.Helper()
	var want, got []string
	for m, err := range search.Find(t.Context(), c, plain, wants) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprint(m.Mailbox.Name, m.Entry.UID, m.Entry.Flags))
	}
	for hit, err := range x.Night(t.Context(), live, c, s) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(hit.Mailbox.Name, hit.Entry.UID, hit.Entry.Flags))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("%s: found %d, want %d", what, len(got), len(want))
	}
}

func listed(t *testing.T, r *repo.Repo) (heads []repo.Head) {
	t.Helper()
	for head, err := range r.Manifests(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if !head.Marked {
			heads = append(heads, head)
		}
	}
	return heads
}

// mark forgets manifests.
func mark(t *testing.T, r *repo.Repo, heads ...repo.Head) {
	t.Helper()
	for _, h := range heads {
		if err := r.MarkAll(t.Context(), []statement.Marked{{Manifest: h.Name}}); err != nil {
			t.Fatal(err)
		}
	}
}

// After forget and prune, what no manifest has leaves the index, and nothing else. If the latest
// manifest is gone as well, its account begins again, and no message is read twice.
func TestPrunedMessagesLeave(t *testing.T) {
	memory := &storetest.Memory{}
	r := newRepo(t, memory)
	w := newWorld(9)
	x := open(t, r)
	for range 6 {
		w.change()
		archivetest.Backup(t, r, w.Account)
	}
	_, report := bring(t, x)
	all := report.Messages
	heads := listed(t, r)
	mark(t, r, heads[0], heads[3], heads[4], heads[5])
	compare(t, r, x, "after forget")
	for range 3 {
		memory.Advance(30 * time.Hour)
		if _, err := archive.Prune(t.Context(), r, repo.PruneOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	_, report = bring(t, x)
	left := make(map[string]bool)
	for hit, err := range search.FindAll(t.Context(), r, "", search.Query{}, nil) {
		if err != nil {
			t.Fatal(err)
		}
		left[hit.Entry.Hash.String()] = true
	}
	status, err := x.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if report.Removed == 0 || report.Messages != 0 || status.Messages != int64(len(left)) || status.Messages+report.Removed != all || status.Manifests != 2 {
		t.Errorf("%+v, %+v, %d messages are left of %d", report, status, len(left), all)
	}
	compare(t, r, x, "after prune")
	w.change()
	archivetest.Backup(t, r, w.Account)
	compare(t, r, x, "after another backup")
}
