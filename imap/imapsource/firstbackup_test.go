package imapsource_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/imap/imapsource"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A first backup takes few round trips, the server's and the store's together: while one connection
// waits for the bodies of a window, what the next one needs is requested.
func TestAFirstBackupTakesFewRoundTrips(t *testing.T) {
	sizes := func(sizes ...int) []int { return sizes }
	for name, test := range map[string]struct {
		mailboxes []int // how many messages each has
		most      int   // round trips
		examines  int   // mailboxes that are opened, at most
	}{
		"one message":       {sizes(1), 12, 1},
		"one large mailbox": {sizes(10_000), 21, 4},
		"two mailboxes":     {sizes(1597, 1558, 0), 17, 6},
		"18 mailboxes": {sizes(7264, 2500, 1400, 1396, 1005, 826, 500, 250, 192, 98, 72, 36, 7, 5, 3, 2, 1, 0),
			31, 26},
		"100 empty mailboxes": {make([]int, 100), 38, 100},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				model := newModel()
				var examines atomic.Int64
				model.odd.hear = func(s *session, tag, command string) bool {
					if strings.HasPrefix(command, "EXAMINE") {
						examines.Add(1)
					}
					return false
				}
				for i, n := range test.mailboxes {
					box := model.box([]string{"INBOX", fmt.Sprintf("Box%02d", i)}[min(i, 1)])
					for j := range n {
						box.add(fmt.Sprintf("Subject: %d\r\n\r\n%d\r\n", j, i), "")
					}
				}
				far := storetest.NewFar(&storetest.Memory{})
				options := repo.Options{CacheDir: t.TempDir(), StateDir: t.TempDir(), Location: "far"}
				r, err := repo.Init(t.Context(), far, repo.InitOptions{NoSeal: true, Options: options})
				if err != nil {
					t.Fatal(err)
				}
				r.Close()
				source := imapsource.NewSource(farOptions(model))
				began := time.Now()
				source.Connect(t.Context())
				time.Sleep(roundTrip) // until the store is connected
				r, err = repo.Open(t.Context(), far, repo.Unlock{}, options)
				if err != nil {
					t.Fatal(err)
				}
				backups, err := backup.Run(t.Context(), r, []backup.Account{{Name: "anna", Source: source}}, backup.Options{})
				if err != nil || backups[0].Err != nil {
					t.Fatal(err, backups[0].Err)
				}
				if n := trips(began); n > test.most {
					t.Errorf("%d round trips, want %d", n, test.most)
				}
				if n := int(examines.Load()); n > test.examines {
					t.Errorf("mailboxes are opened %d times, want %d", n, test.examines)
				}
				source.Close()
				r.Close()
				time.Sleep(time.Second) // until the sessions have ended
			})
		})
	}
}
