package e2e_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/dir"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/imaprestore"
	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/maildir"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/restore"
)

// archivedIn opens the newest manifest of a host's repository.
func archivedIn(t *testing.T, h *host) *archive.Contents {
	t.Helper()
	store, err := dir.Open(filepath.Join(h.home, "repository"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(t.Context(), store, repo.Unlock{}, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	latest, err := archive.Latest(t.Context(), r)
	if err != nil || len(latest) != 1 {
		t.Fatal(latest, err)
	}
	return latest[0]
}

func imapTarget(t *testing.T, dovecot *testbed.DovecotServer, user string) restore.Target {
	t.Helper()
	address, port, err := net.SplitHostPort(dovecot.Addr)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(port)
	target := imaprestore.NewTarget(imap.Options{Host: address, Port: n, Security: imap.Plain, User: user, Password: imapPassword, Journal: t.TempDir()})
	t.Cleanup(func() { target.Close() })
	return target
}

// Mail that arrives between the plan and the removal stays: in a mailbox that is kept, and in one
// that was to be removed.
func TestPruneWhileMailComes(t *testing.T) {
	t.Parallel()
	h, dovecot := toPrune(t)
	strange(dovecot, "bert")
	report, err := restore.Run(t.Context(), restore.Options{
		Contents: archivedIn(t, h), Target: imapTarget(t, dovecot, "bert"), KeepDeleted: true, ReportDir: t.TempDir(),
		Mirror: &restore.MirrorOptions{Confirm: func(_ context.Context, plan restore.MirrorReport) error {
			if plan.Surplus != 12 || len(plan.Mailboxes) != 2 {
				t.Errorf("the plan is %+v", plan)
			}
			dovecot.Deliver("bert", "INBOX", plain(500, 502)...)
			dovecot.Deliver("bert", "Old", plain(502, 503)...)
			return nil
		}},
	})
	if err != nil || report.Mirror.Removed != 12 || report.Mirror.MailboxesRemoved != 1 {
		t.Errorf("%+v, %v", report.Mirror, err)
	}
	dovecot.Deliver("anna", "INBOX", plain(500, 502)...)
	dovecot.Deliver("anna", "Old", plain(502, 503)...)
	sameMail(t, readAccount(t, dovecot.Addr, "bert", imapPassword), readAccount(t, dovecot.Addr, "anna", imapPassword))
	if !slices.ContainsFunc(report.Notes, func(note string) bool { return strings.Contains(note, "mailbox Old was not removed") }) {
		t.Errorf("it reports %q", report.Notes)
	}
}

// Interrupted after everything was added, or declined, a pruning has removed nothing; and another
// one continues.
func TestPruneInterrupted(t *testing.T) {
	t.Parallel()
	h, dovecot := toPrune(t)
	strange(dovecot, "bert")
	before := readAccount(t, dovecot.Addr, "bert", imapPassword)
	declined := errors.New("no")
	_, err := restore.Run(t.Context(), restore.Options{
		Contents: archivedIn(t, h), Target: imapTarget(t, dovecot, "bert"), KeepDeleted: true,
		Mirror: &restore.MirrorOptions{Confirm: func(context.Context, restore.MirrorReport) error { return declined }},
	})
	if !errors.Is(err, declined) {
		t.Errorf("declined, it ends with %v", err)
	}
	sameMail(t, readAccount(t, dovecot.Addr, "bert", imapPassword), before)

	ctx, cancel := context.WithCancel(t.Context())
	report, err := restore.Run(ctx, restore.Options{
		Contents: archivedIn(t, h), Target: imapTarget(t, dovecot, "bert"), KeepDeleted: true,
		Mirror: &restore.MirrorOptions{},
		Progress: func(p restore.Progress) {
			if p.DoneMailboxes == p.Mailboxes && p.DoneMessages == p.Messages {
				cancel()
			}
		},
	})
	if err == nil || report.Mirror.Removed > 0 {
		t.Errorf("interrupted, it ends with %v: %+v", err, report.Mirror)
	}
	have := readAccount(t, dovecot.Addr, "bert", imapPassword)
	for name, b := range before {
		for _, l := range b.letters {
			if !slices.ContainsFunc(have[name].letters, func(h *letter) bool { return h.uid == l.uid && h.sum == l.sum }) {
				t.Errorf("%s: UID %d is gone", name, l.uid)
			}
		}
	}
	h.prune(0, "latest", accountURL("bert", dovecot.Addr), "--yes")
	sameMail(t, readAccount(t, dovecot.Addr, "bert", imapPassword), readAccount(t, dovecot.Addr, "anna", imapPassword))
}

// The same of a Maildir: what is delivered, and what another program renames, while it is pruned.
func TestPruneMaildirWhileMailComes(t *testing.T) {
	t.Parallel()
	h, _ := toPrune(t)
	path := filepath.Join(h.home, "Maildir")
	h.restore(0, "latest", "maildir:"+path)
	write := func(name string) {
		if err := os.WriteFile(filepath.Join(path, name), []byte("Subject: x\n\n"), 0o600); err != nil {
			t.Error(err)
		}
	}
	write("new/1.foreign")
	write("cur/2.foreign:2,")
	target := maildir.New(path, maildir.Options{})
	report, err := restore.Run(t.Context(), restore.Options{
		Contents: archivedIn(t, h), Target: target, KeepDeleted: true,
		Mirror: &restore.MirrorOptions{Confirm: func(_ context.Context, plan restore.MirrorReport) error {
			write("new/3.foreign")
			return os.Rename(filepath.Join(path, "new/1.foreign"), filepath.Join(path, "cur/1.foreign:2,S"))
		}},
	})
	if err := errors.Join(err, target.Close()); err != nil || report.Mirror.Surplus != 2 || report.Mirror.Removed != 2 {
		t.Errorf("%+v, %v", report.Mirror, err)
	}
	if left, _ := filepath.Glob(path + "/*/*foreign*"); len(left) != 1 || filepath.Base(left[0]) != "3.foreign" {
		t.Errorf("left is %q", left)
	}
}
