package e2e_test

import (
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/imapsource"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A budget that is used up ends a run with a checkpoint and exit status 0. Another host sees it on
// the same day, and downloads nothing. With a larger budget it downloads the rest, and nothing
// twice.
func TestBudgetOfADay(t *testing.T) {
	t.Parallel()
	testbed.OneDay(t)
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	f := place(t, dovecot, "anna")
	f.put("INBOX", generate.New(71).Messages(200)...)
	f.put("Sent", generate.New(72).Messages(100)...)
	f.done()
	account, now := accountURL("anna", dovecot.Addr), readAccount(t, dovecot.Addr, "anna", imapPassword)
	h := newHost(t)
	repository := h.onDirectory()

	e := h.must(0, "backup", "--imap", account, "--budget-day", "200kB")
	if !strings.Contains(e.stderr, "the budget of 200000 bytes a day is used up; it continues tomorrow") {
		t.Errorf("it reports\n%s", e.stderr)
	}
	other := newHost(t)
	other.set("MAILSTRATA_REPO", repository)
	var printed struct {
		Manifests []struct {
			State       string
			NewMessages int `json:"new_messages"`
			Messages    int
		}
		Postponed []string
	}
	other.must(0, "backup", "--json", "--imap", account, "--budget-day", "200kB").json(&printed)
	if m := printed.Manifests[0]; len(printed.Postponed) != 1 || m.State != "checkpoint" || m.NewMessages != 0 || m.Messages == 0 || m.Messages == 300 {
		t.Errorf("another host: %+v", printed)
	}
	had := printed.Manifests[0].Messages
	if m := other.backUp(0, account, "--budget-day", "unlimited"); m.Messages != 300 || m.NewMessages != 300-had {
		t.Errorf("with a larger budget: %+v; %d messages were there", m, had)
	}
	restoredSame(t, h, dovecot, now)
}

// An account of several budgets is archived over several days, by the store's clock, by different
// hosts, until all of it is there. No message is downloaded twice.
func TestBudgetContinuesTomorrow(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	f := place(t, dovecot, "anna")
	f.put("INBOX", generate.New(73).Messages(200)...)
	f.done()
	host, port, err := net.SplitHostPort(dovecot.Addr)
	f.check(err)
	n, err := strconv.Atoi(port)
	f.check(err)
	store := &storetest.Memory{}
	_ = archivetest.NewRepo(t, store)
	const day = 2_000_000
	var downloaded int64
	for night := 1; ; night++ {
		r, err := repo.Open(t.Context(), store, repo.Unlock{}, repo.Options{CacheDir: t.TempDir()}) // a host that has seen nothing yet
		f.check(err)
		source := imapsource.NewSource(imap.Options{Host: host, Port: n, Security: imap.Plain, User: "anna", Password: imapPassword})
		results, err := backup.Run(t.Context(), r, []backup.Account{{Name: "anna", URL: "imap://anna@test", Source: source, Budget: backup.Budget{Day: day}}}, backup.Options{})
		f.check(err)
		f.check(results[0].Err)
		m := results[0].Manifest
		f.check(source.Close())
		f.check(r.Close())
		downloaded += m.Downloaded
		if !results[0].Postponed {
			if night < 3 || m.State != manifest.Complete || m.Totals.Messages != 200 || downloaded != m.Totals.Bytes {
				t.Errorf("night %d: state %v, %d messages of %d bytes; in all %d bytes came", night, m.State, m.Totals.Messages, m.Totals.Bytes, downloaded)
			}
			return
		}
		if m.State != manifest.Checkpoint || m.Downloaded < day/2 {
			t.Fatalf("night %d: state %v, %d bytes came", night, m.State, m.Downloaded)
		}
		store.Advance(24 * time.Hour)
	}
}
