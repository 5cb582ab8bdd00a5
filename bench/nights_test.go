package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/testbed/need"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// Messages come by the times of their files, into the folders where they are in the set.
func TestDeliver(t *testing.T) {
	need.That(t, exec.Command("chown", "nobody:nogroup", t.TempDir()).Run() == nil, "chown needs root")
	root := t.TempDir()
	for i, name := range []string{"cur/3", ".Sent/cur/1", "new/2", "dovecot.index"} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		when := time.Unix(int64(1000-100*i), 0)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	s, err := given(root)
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.letters()
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, l := range list {
		below, err := filepath.Rel(root, l.path)
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, below)
	}
	if !slices.Equal(order, []string{"new/2", ".Sent/cur/1", "cur/3"}) {
		t.Fatalf("the order is %q", order)
	}
	a := &account{maildir: filepath.Join(t.TempDir(), "Maildir")}
	if err := a.makeFolder(t.Context(), a.maildir); err != nil {
		t.Fatal(err)
	}
	for i := range list {
		if err := a.deliver(list[i : i+1]); err != nil {
			t.Fatal(err)
		}
		if err := holds(a.maildir, i+1); err != nil || a.messages != i+1 {
			t.Error(err)
		}
	}
	path := filepath.Join(a.maildir, "cur", list[1].name)
	text, err := os.ReadFile(path)
	info, _ := os.Stat(path)
	if string(text) != ".Sent/cur/1" || err != nil || info.ModTime().Unix() != 900 {
		t.Errorf("a message is %q of %v: %v", text, info.ModTime(), err)
	}
}

// The table of nights has the medians of their times and the sizes of what is stored.
func TestGrowth(t *testing.T) {
	held := sizes{"data": {3, 4e6}, "index": {1, 5e5}, "manifests": {2, 1e4}}
	y := &nights{growth: []grown{
		{"night 3", mailstrata, 9e6, seconds(1, 2), held},
		{"night 3", both, 9e6, seconds(4), sizes{"data": {2, 8e6}}},
		{"after two prunes", mailstrata, 9e6, nil, held},
	}}
	got := strings.Split(y.table(), "\n")
	for i, want := range map[int]string{
		2: "|night3|mailstrata|1.50||9.0|4.51|6|4.00||0.50|0.01|",
		3: "||mbsync+restic|4.00||9.0|8.00|2|8.00||||",
		4: "|aftertwoprunes|mailstrata|||9.0|4.51|6|4.00||0.50|0.01|",
	} {
		if line := strings.ReplaceAll(got[i], " ", ""); strings.ReplaceAll(line, "0.00", "") != strings.ReplaceAll(want, "0.00", "") {
			t.Errorf("line %d is\n%s, not\n%s", i, line, want)
		}
	}
}

// The copy has the newest state, and nothing of what was forgotten: two prunes a day apart delete
// it.
func TestCopyPruned(t *testing.T) {
	from, to := &storetest.Memory{}, &storetest.Memory{}
	r, a := archivetest.NewRepo(t, from), archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Subject: gone\r\n\r\n" + string(archivetest.Base64(archivetest.RandomBytes(1, 1<<20))))
	first := archivetest.Backup(t, r, a)
	a.Mailbox("INBOX").Expunge(1)
	a.Mailbox("INBOX").Add("Subject: kept\r\n\r\n")
	last := archivetest.Backup(t, r, a)
	if err := r.MarkAll(t.Context(), []statement.Marked{{Manifest: first.Head.Name}}); err != nil {
		t.Fatal(err)
	}
	if err := copyPruned(t.Context(), to, from, repo.Unlock{}); err != nil {
		t.Fatal(err)
	}
	pruned := archivetest.Reopen(t, to)
	archivetest.MustBeSound(t, pruned)
	if got := archivetest.ArchivedState(t, pruned, last.Head); !slices.Equal(got, a.State()) {
		t.Errorf("the copy differs: %s", archivetest.FirstDifference(got, a.State()))
	}
	weight := func(m *storetest.Memory) (bytes int) {
		for _, name := range m.Names() {
			bytes += len(m.Bytes(name))
		}
		return bytes
	}
	if before, after := weight(from), weight(to); before < 1<<20 || after > 100<<10 {
		t.Errorf("of %d bytes, %d are left", before, after)
	}
}
