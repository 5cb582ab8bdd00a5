package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// A Maildir that a mail server uses has the mail already: nothing is added to it, whatever its
// files and folders are called, nothing is removed with --prune, and what was deleted is restored
// once.
func TestRestoredIntoUsedMaildir(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	fill(t, dovecot, "anna", 12, 3, 1<<20)
	makeOdd(t, dovecot.Addr, "anna", imapPassword, "", "/")
	h := newHost(t)
	h.onDirectory()
	h.backUp(0, accountURL("anna", dovecot.Addr))
	maildir := filepath.Join(dovecot.Home("anna"), "Maildir")
	before := mailIn(t, maildir)
	for _, flags := range [][]string{{"--dry-run"}, nil, {"--prune", "--yes"}} {
		var r struct {
			Added, Present int
			Notes          []string
			Prune          struct {
				Removed   int
				Mailboxes []string
			}
		}
		h.must(0, append([]string{"restore", "--json", "latest", "--with-deleted", "--to", "maildir:" + maildir}, flags...)...).json(&r)
		if r.Added != 0 || r.Present != len(before) || r.Prune.Removed+len(r.Prune.Mailboxes) > 0 {
			t.Errorf("restored into itself (%q), it prints %+v", flags, r)
		}
	}
	if after := mailIn(t, maildir); !slices.Equal(after, before) {
		t.Errorf("the Maildir has\n%q, had\n%q", after, before)
	}
	deleted := 0
	for _, name := range before {
		if strings.Contains(name, "trail ") {
			deleted++
			for _, sub := range []string{"", ":2,", ":2,S"} {
				_ = os.Remove(filepath.Join(maildir, name+sub))
			}
		}
	}
	for _, want := range []int{deleted, 0} {
		if r := h.restore(0, "latest", "maildir:"+maildir); r.Added != want || want == 0 && deleted == 0 {
			t.Errorf("of %d messages that were deleted %d came back", deleted, r.Added)
		}
	}
}

// mailIn lists the messages of a Maildir, without their flags.
func mailIn(t *testing.T, maildir string) []string {
	t.Helper()
	names := map[string]bool{}
	for _, pattern := range []string{"cur/*", "new/*", ".*/cur/*", ".*/new/*"} {
		found, err := filepath.Glob(filepath.Join(maildir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			name, _, _ = strings.Cut(strings.TrimPrefix(name, maildir+"/"), ":")
			if names[name] {
				t.Error(fmt.Sprint(name, " is there twice"))
			}
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
