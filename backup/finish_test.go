package backup_test

import (
	"context"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// stalled is an account whose server does not answer until it is released.
type stalled struct {
	source.Source
	released chan struct{}
}

func (s stalled) Server(ctx context.Context) (mail.Server, error) {
	select {
	case <-s.released:
		return s.Source.Server(ctx)
	case <-ctx.Done():
		return mail.Server{}, context.Cause(ctx)
	}
}

// The manifest of an account that was read is committed while the server of another account stalls.
func TestStalledAccountDelaysNoOther(t *testing.T) {
	t.Parallel()
	r := archivetest.NewRepo(t, &storetest.Memory{})
	account := func(text string) *archivetest.Account {
		a := archivetest.NewAccount()
		a.Mailbox("INBOX").Add("Subject: " + text + "\r\n\r\n" + text + "\r\n")
		return a
	}
	slow := stalled{account("slow"), make(chan struct{})}
	accounts := []backup.Account{
		{Name: "slow", URL: "imap://slow", Source: slow},
		{Name: "a", URL: "imap://a", Source: account("a")}, {Name: "b", URL: "imap://b", Source: account("b")},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	committed := func() (names []string) {
		for s, err := range archive.Manifests(ctx, r) {
			if err != nil {
				t.Error(err)
				break
			}
			names = append(names, s.Manifest.Account)
		}
		return names
	}
	go func() {
		defer close(slow.released)
		for len(committed()) < 2 && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
	}()
	results, err := backup.Run(ctx, r, accounts, backup.Options{WaitForOthers: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range results {
		if b.Err != nil {
			t.Errorf("%s: %v", b.Account, b.Err)
		}
	}
	if names := committed(); len(names) != 3 {
		t.Errorf("manifests of %v", names)
	}
}
