package textindex_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// openFresh opens a repository and its index with an empty cache.
func openFresh(t *testing.T, s *storetest.Memory) (*repo.Repo, *textindex.Index) {
	t.Helper()
	r, err := repo.Open(t.Context(), s, repo.Unlock{}, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r, open(t, r)
}

func status(t *testing.T, x *textindex.Index) textindex.Status {
	t.Helper()
	s, err := x.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func complete(t *testing.T, x *textindex.Index, live *textindex.Live) bool {
	t.Helper()
	complete, err := x.Complete(t.Context(), live)
	if err != nil {
		t.Fatal(err)
	}
	return complete
}

// Whichever pack is lost when an index is built, of messages or of pages, its status says that
// something lacks. When the pack is there again, a retry makes the index whole, and it finds what a
// search without it finds, in each manifest.
func TestRetry(t *testing.T) {
	memory := &storetest.Memory{}
	near := newRepo(t, memory)
	w := newWorld(31)
	for range 3 {
		w.change()
		archivetest.Backup(t, near, w.Account)
	}
	lost := 0
	for _, name := range memory.Names() {
		if !strings.HasPrefix(name, "data/") && !strings.HasPrefix(name, "catalog/") {
			continue
		}
		lost++
		pack := memory.Bytes(name)
		memory.Replace(name, []byte("damaged"))
		r, x := openFresh(t, memory)
		reported := 0
		x.Damaged = func(error) { reported++ }
		live, report := bring(t, x)
		s := status(t, x)
		if complete(t, x, live) {
			t.Errorf("without pack %s, the index is complete", name)
		}
		if report.Unread == 0 || report.Unread != reported || s.LackingMessages+s.LackingManifests == 0 {
			t.Errorf("without pack %s: %+v, %+v", name, report, s)
		}
		if _, report = bring(t, x); report.Again != 0 {
			t.Errorf("still without pack %s: %+v", name, report)
		}
		memory.Replace(name, pack)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		x = open(t, r)
		if _, report = bring(t, x); report.Again != 0 || status(t, x).LackingMessages != s.LackingMessages {
			t.Errorf("with pack %s, and too early: %+v, %+v", name, report, status(t, x))
		}
		x.Retry = true
		live, report = bring(t, x)
		if !complete(t, x, live) {
			t.Errorf("with pack %s, the index is not complete", name)
		}
		if got := status(t, x); got.LackingMessages+got.LackingManifests != 0 || report.Again != int64(s.LackingMessages) {
			t.Errorf("with pack %s: %+v, %+v after %+v", name, report, got, s)
		}
		compare(t, r, x, "with pack "+name)
	}
	if lost < 4 {
		t.Errorf("%d packs show little", lost)
	}
}

// reader is Documents that can be out of order.
type reader struct {
	broken bool
	read   atomic.Int64
}

func (*reader) Reads(mediaType, _ string) bool { return mediaType == "application/pdf" }

func (d *reader) Text(context.Context, string, string, []byte, int) (string, error) {
	d.read.Add(1)
	if d.broken {
		return "", fmt.Errorf("no reader: %w", errors.ErrUnsupported)
	}
	return "paragraph", nil
}

// Where documents of a kind cannot be read, the messages that have some are remembered, and read
// again when a host can read them. As long as it cannot, one message shows this.
func TestRetryDocuments(t *testing.T) {
	memory := &storetest.Memory{}
	near := newRepo(t, memory)
	a := archivetest.NewAccount()
	const all = 30
	for i := range all {
		a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: number %d\r\nContent-Type: application/pdf; name=a.pdf\r\n"+
			"Content-Transfer-Encoding: base64\r\n\r\n%s", i, archivetest.Base64(archivetest.RandomBytes(uint64(i), 3000))))
	}
	archivetest.Backup(t, near, a)
	_, x := openFresh(t, memory)
	documents := &reader{broken: true}
	x.Documents = documents
	x.Retry = true
	search := func() (n int) {
		t.Helper()
		live, _ := bring(t, x)
		q := &words.Query{Words: &words.Expr{Op: words.Phrase, Words: []string{"paragraph"}}}
		for _, err := range x.All(t.Context(), live, textindex.Search{Words: q}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	if n := search(); n != 0 || status(t, x).LackingMessages != all || documents.read.Load() != all {
		t.Errorf("%d found, %+v, %d read", n, status(t, x), documents.read.Load())
	}
	documents.read.Store(0)
	if live, report := bring(t, x); !complete(t, x, live) || report.Again != 0 || documents.read.Load() != 1 {
		t.Errorf("%+v, %d read", report, documents.read.Load())
	}
	documents.broken = false
	if n := search(); n != all || status(t, x).LackingMessages != 0 {
		t.Errorf("%d found, %+v", n, status(t, x))
	}
}
