package backup_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// An account that never completes is given up after its time limit, and what was read is kept.
// Another account is archived in the meantime.
func TestTimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, quick := archivetest.LargeAccount(20_000), archivetest.LargeAccount(20)
		slow.OnBody = func(string, mail.UID) error {
			time.Sleep(time.Second) // the fake ignores its context within a window
			return nil
		}
		r := archivetest.NewRepo(t, &storetest.Memory{})
		began := time.Now()
		results, err := backup.Run(t.Context(), r, []backup.Account{
			{Name: "slow", URL: "imap://slow", Source: slow, TimeLimit: time.Hour},
			{Name: "quick", URL: "imap://quick", Source: quick, TimeLimit: time.Hour},
		}, backup.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > time.Hour+30*time.Minute {
			t.Errorf("it takes %v", took)
		}
		for _, result := range results {
			switch {
			case result.Account == "quick" && result.Err != nil:
				t.Errorf("the other account: %v", result.Err)
			case result.Account == "slow" && (result.Err == nil || !strings.Contains(result.Err.Error(), "1h0m0s") || !result.Kept):
				t.Errorf("the slow account: %v, kept: %v", result.Err, result.Kept)
			}
		}
	})
}

// A server that refuses to list mailboxes for now is given up within seconds, with its own words,
// and the user is informed.
func TestListingRefusedForNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := archivetest.LargeAccount(20)
		a.SurveyError = func() error { return errLost }
		r := archivetest.NewRepo(t, &storetest.Memory{})
		began := time.Now()
		var notes []string
		results, err := backup.Run(t.Context(), r, []backup.Account{{Name: "a", URL: "imap://a", Source: a}}, backup.Options{
			Note: func(n backup.Note) {
				if strings.Contains(n.Text, "listed") {
					notes = append(notes, n.Text)
				}
			},
		})
		if err != nil || results[0].Err == nil || !strings.Contains(results[0].Err.Error(), errLost.Error()) {
			t.Errorf("it ends with %v, %v", err, results[0].Err)
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("it takes %v", took)
		}
		if len(notes) != 1 || !strings.Contains(notes[0], errLost.Error()) {
			t.Errorf("the user hears %q", notes)
		}
	})
}
