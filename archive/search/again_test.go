package search_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// headersOfAllKinds are messages whose headers are folded, encoded, broken, empty or long.
func headersOfAllKinds(i int) string {
	return []string{
		"Subject: plain %d\r\nFrom: Ann <ann@example.org>\r\n\r\nSubject: in the body\r\n",
		"Received: from bridge by\r\n Subject: no\r\nsubject:folded\r\n\t bridge %d\r\nTo: bert,\r\n  carl\r\n\r\nbody\r\n",
		"From: =?utf-8?q?J=C3=BCrgen?= %d\r\nSubject: =?utf-8?b?QnLDvGNrZQ==?=\r\n =?utf-8?q?_bridge?=\r\n\r\n",
		"no field\r\n bridge %d\r\nSubject\r\n bridge\r\nSUBJECT : last\r\n\r\n",
		"Subject: lf %d\n\nbody\n",
		"Subject: cr %d\rTo: bridge\r\rbody\r",
		"Content-Type: multipart/mixed; boundary=b\r\nSubject: %d\r\n\r\n--b\r\nContent-Disposition: attachment; filename=plan.pdf\r\n\r\nx\r\n--b--\r\n",
		"Content-Type: application/pdf; name=\"plan.pdf\"\r\nMessage-ID: <%d@x>\r\n\r\n",
		"Cc: " + strings.Repeat("somebody@example.org,\r\n ", 8000) + "%d\r\nSubject: long\r\n\r\n",
		"\r\nSubject: %d in the body\r\n",
		"",
	}[i%11]
}

// Whatever this host keeps of headers, intact, damaged or partly, a search finds the same. If it
// keeps all, a search reads no pack of mail.
func TestSearchAgain(t *testing.T) {
	m := &storetest.Memory{}
	r := archivetest.NewRepo(t, m)
	a := archivetest.NewAccount()
	for night := range 3 {
		for i := range 44 {
			text := headersOfAllKinds(i)
			if strings.Contains(text, "%d") {
				text = fmt.Sprintf(text, i+100*night)
			}
			a.Mailbox([]string{"INBOX", "Archive"}[i%2]).Add(text)
		}
		archivetest.Backup(t, r, a)
	}
	queries := []search.Query{
		{Subject: "bridge"}, {Subject: "brücke"}, {Subject: "1"}, {From: "jürgen"}, {From: "ann"}, {To: "carl"}, {To: "bridge"},
		{To: "somebody"}, {MessageID: "x"}, {Attachment: "plan"}, {Texts: []string{"bridge"}}, {Subject: "body"}, {Subject: "last"},
		{Subject: "1", Smaller: 100}, {Subject: "no such"},
	}
	find := func(dir string, q search.Query) (found []string, requests int64) {
		t.Helper()
		var gets atomic.Int64 // of packs of mail
		far := &storetest.Faulty{Store: m, Fail: func(op storetest.Op) storetest.Fault {
			if op.Kind == "get" && strings.HasPrefix(op.Name, "data/") {
				gets.Add(1)
			}
			return storetest.None
		}}
		size := int64(0)
		if dir != "" {
			size = 1 << 30
		}
		r, err := repo.Open(t.Context(), far, repo.Unlock{}, repo.Options{CacheDir: dir, CacheSize: size})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for hit, err := range search.FindAll(t.Context(), r, "", q, nil) {
			if err != nil {
				t.Fatal(err)
			}
			fields, err := hit.Contents.HeaderFields(t.Context(), &hit.Entry.Record)
			if err != nil {
				t.Fatal(err)
			}
			if header, err := hit.Contents.Header(t.Context(), &hit.Entry.Record); err != nil || len(fields) > len(header)+2 {
				t.Fatalf("%q of %q: %v", fields, header, err)
			}
			found = append(found, fmt.Sprint(hit.Mailbox.Name, hit.Entry.UID, hit.First.Name, hit.Last.Name))
		}
		return found, gets.Load()
	}
	want := make([][]string, len(queries))
	total := 0
	for i, q := range queries {
		want[i], _ = find("", q)
		total += len(want[i])
	}
	if total < 100 {
		t.Fatalf("only %d messages found", total)
	}
	dir := t.TempDir()
	check := func(what string) {
		t.Helper()
		for i, q := range queries {
			if got, _ := find(dir, q); !slices.Equal(got, want[i]) {
				t.Errorf("%s: %+v: %d found, want %d", what, q, len(got), len(want[i]))
			}
		}
	}
	find(dir, search.Query{Subject: "x", Larger: 60}) // some headers only
	check("some are kept")
	check("all are kept")
	packs, excerpts := glob(t, dir, "d*"), glob(t, dir, "h*")
	if len(excerpts) == 0 || len(packs) == 0 {
		t.Fatalf("%d packs and %d excerpts are kept", len(packs), len(excerpts))
	}
	for _, path := range packs {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, gets := find(dir, search.Query{Subject: "no such", Smaller: 5000}); gets != 0 {
		t.Errorf("%d requests for packs of mail", gets)
	}
	for _, path := range excerpts {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check("damaged")
	if _, gets := find(dir, search.Query{Subject: "no such"}); gets != 0 {
		t.Errorf("%d requests for packs of mail after the damage was mended", gets)
	}
}

func glob(t *testing.T, dir, names string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*", "packs", names))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
