package backup_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// busy is an error in which the server asks to wait.
type busy time.Duration

func (b busy) Error() string             { return "NO the backend is busy" }
func (b busy) RetryAfter() time.Duration { return time.Duration(b) }
func (b busy) Is(target error) bool      { return target == mail.ErrTemporary }

// If the server asks to wait, the run waits, and the user is informed. If it asks again and again,
// the run gives up after some hours, with the server's own words.
func TestSuggestedWaits(t *testing.T) {
	for name, test := range map[string]struct {
		times int // how often it asks
		ends  bool
	}{
		"three times": {3, true},
		"for ever":    {1 << 30, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, left := archivetest.LargeAccount(20), test.times
				a.Connections = 1
				a.OnBody = func(string, mail.UID) error {
					if left == 0 {
						return nil
					}
					left--
					return busy(25 * time.Minute)
				}
				var notes []string
				began := time.Now()
				r := archivetest.NewRepo(t, &storetest.Memory{})
				results, err := backup.Run(t.Context(), r, []backup.Account{{Name: "a", URL: "imap://a", Source: a}}, backup.Options{
					Note: func(n backup.Note) {
						if strings.Contains(n.Text, "wait for 25m0s") && strings.Contains(n.Text, "busy") && !n.Detail {
							notes = append(notes, n.Text)
						}
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				took, failed := time.Since(began), results[0].Err
				if test.ends && (failed != nil || len(notes) != test.times || took < 75*time.Minute) {
					t.Errorf("after %v it ends with %v, and the user hears %q", took, failed, notes)
				}
				if !test.ends && (failed == nil || !strings.Contains(failed.Error(), "busy") || !strings.Contains(failed.Error(), "in all")) {
					t.Errorf("it ends with %v", failed)
				}
				if took > retry.MaxSuggested+time.Hour {
					t.Errorf("it takes %v", took)
				}
			})
		})
	}
}
