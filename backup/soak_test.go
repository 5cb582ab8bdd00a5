package backup_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// soak is an account that changes each day and is archived each night, by a program that is
// restarted every few days.
type soak struct {
	*testing.T
	rng       *rand.Rand
	account   *archivetest.Account
	store     *storetest.Faulty // counts operations, and does not fail
	memory    *storetest.Memory // below it
	options   repo.Options
	repo      *repo.Repo
	asked     int // operations on the store, this night
	runs      int
	nights    int // with a manifest
	troubles  map[string]int
	unchecked bool // do not compare manifests with the account
}

func newSoak(t *testing.T, messages int) *soak {
	t.Helper()
	s := &soak{T: t, rng: rand.New(rand.NewPCG(400, 1)), account: archivetest.NewAccount(), memory: &storetest.Memory{}, troubles: map[string]int{}}
	s.store = &storetest.Faulty{Store: s.memory}
	s.options = repo.Options{CacheDir: t.TempDir(), StateDir: t.TempDir(), Location: "memory"}
	archivetest.NewRepo(t, s.memory)
	t.Cleanup(func() { s.repo.Close() })
	for i := range messages {
		s.account.Mailbox([]string{"INBOX", "INBOX", "Archive", "Lists/go", "Lists/c"}[i%5]).Add(fmt.Sprintf("Subject: %d\r\n\r\n%d\r\n", i, i), "k")
	}
	return s
}

// backUp is one night's run.
func (s *soak) backUp(ctx context.Context) *backup.Result {
	s.Helper()
	if s.runs++; s.runs%5 == 1 {
		s.open()
	}
	asked := s.store.Ops()
	b := archivetest.TryBackup(ctx, s.repo, s.account)
	s.asked = s.store.Ops() - asked
	if b.Err == nil && !s.unchecked {
		s.check(b)
	}
	return b
}

// open restarts the program.
func (s *soak) open() {
	s.Helper()
	r, err := repo.Open(s.Context(), s.store, repo.Unlock{}, s.options)
	if err == nil && s.repo != nil {
		err = s.repo.Close()
	}
	if err != nil {
		s.Fatal(err)
	}
	s.repo = r
}

// check compares a manifest with the account as it is now. What the manifest lacks, it must name.
// Messages are compared by their hashes, and in every tenth night joined.
func (s *soak) check(b *backup.Result) {
	s.Helper()
	have, want := s.recorded(b), s.hashed(b.Manifest.Failures)
	if !slices.Equal(have, want) {
		s.Fatalf("the manifest holds %d messages, the account %d; first difference: %s", len(have), len(want), archivetest.FirstDifference(have, want))
	}
	if s.nights++; s.nights%10 == 0 && len(b.Manifest.Failures) == 0 {
		archivetest.MustHold(s.T, s.repo, b, s.account.State())
	}
	if b.Manifest.Consistent != (len(b.Manifest.Failures) == 0) {
		s.Errorf("consistent %t, failures %v", b.Manifest.Consistent, b.Manifest.Failures)
	}
}

// recorded returns the contents of a manifest, one line for each message.
func (s *soak) recorded(b *backup.Result) (lines []string) {
	s.Helper()
	c, err := archive.OpenManifest(s.Context(), s.repo, b.Head)
	if err != nil {
		s.Fatal(err)
	}
	for mailbox, err := range c.Mailboxes(s.Context()) {
		if err != nil {
			s.Fatal(err)
		}
		for entry, err := range c.Entries(s.Context(), mailbox) {
			if err != nil {
				s.Fatal(err)
			}
			lines = append(lines, fmt.Sprintf("%s/%d %d %v %s %s", mailbox.Name, mailbox.Status.UIDValidity, entry.UID, entry.Flags, entry.Internal, entry.Hash))
		}
	}
	slices.Sort(lines)
	return lines
}

// hashed returns the contents of the account in the same form, without the messages that failed.
func (s *soak) hashed(failures []manifest.Failure) (lines []string) {
	hasher := s.repo.MessageHasher()
	for _, m := range s.account.Mailboxes {
		for _, msg := range m.Messages {
			if !slices.ContainsFunc(failures, func(f manifest.Failure) bool { return f.Mailbox == m.Name && f.UID == msg.UID }) {
				lines = append(lines, fmt.Sprintf("%s/%d %d %v %s %s", m.Name, m.Validity, msg.UID, msg.Flags, msg.Date, hasher.ID(msg.Body)))
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// trouble chooses what goes wrong in a night, if anything. It returns a context for the night, and
// whether the night may end without a manifest.
func (s *soak) trouble() (ctx context.Context, mayEnd bool) {
	a := s.account
	a.OnBody, a.OnSurvey, a.SurveyError = nil, nil, nil
	ctx, interrupt := context.WithCancel(s.Context())
	s.Cleanup(interrupt)
	n, at := 0, 1+s.rng.IntN(40)
	switch s.rng.IntN(20) {
	case 0: // connections break
		s.troubles["lost"]++
		a.OnBody = counted(&n, func() error {
			if n%at == 0 {
				return errLost
			}
			return nil
		})
	case 1: // the run is interrupted
		s.troubles["interrupted"]++
		a.OnBody = counted(&n, func() error {
			if n == at {
				interrupt()
			}
			return nil
		})
		mayEnd = true
	case 2: // some messages cannot be read tonight
		s.troubles["poison"]++
		a.OnBody = func(_ string, uid mail.UID) error {
			if uid%7 == 0 {
				return []error{archivetest.ErrLeaveOut, errLost}[at%2]
			}
			return nil
		}
	case 3: // the server stops answering
		s.troubles["gone"]++
		a.SurveyError = func() error { return errLost }
		mayEnd = true
	case 4, 5: // somebody uses the account
		s.troubles["meanwhile"]++
		first := a.Surveys + 1
		a.OnSurvey = func(n int) {
			if n == first+1 || n == first+2 { // no changes before the fourth round
				a.Change(s.rng)
			}
		}
	}
	return ctx, mayEnd
}

// counted fails at the n-th body. Views may be read in parallel.
func counted(n *int, fault func() error) func(string, mail.UID) error {
	return func(string, mail.UID) error {
		*n++
		return fault()
	}
}

// day changes the account as a day does, or not at all. Now and then the server renumbers
// everything.
func (s *soak) day() {
	switch n := s.rng.IntN(100); {
	case n < 30:
	case n < 33:
		for _, m := range s.account.Mailboxes {
			m.Validity += 1000
		}
	default:
		for range 1 + s.rng.IntN(12) {
			s.account.Change(s.rng)
		}
	}
}

// After each of many nights the newest manifest equals the account, whatever happened, and a night
// costs the same in the second half as in the first. With MAILSTRATA_LONG there are four hundred
// nights.
func TestManyNights(t *testing.T) {
	half := 40
	if os.Getenv("MAILSTRATA_LONG") != "" {
		half = 200
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSoak(t, 300)
		s.account.Connections = 1
		var most [2]int // requests in a night, in the first and the second half
		var heap [2]int64
		for night := range 2 * half {
			s.day()
			ctx, mayEnd := s.trouble()
			objects := len(s.memory.Names())
			if b := s.backUp(ctx); b.Err != nil && !mayEnd {
				t.Fatalf("night %d: %v", night, b.Err)
			}
			if put := len(s.memory.Names()) - objects; put > 12 {
				t.Errorf("night %d puts %d objects", night, put)
			}
			most[night/half] = max(most[night/half], s.asked)
			if night%half >= half-10 { // the minimum of some nights, because the contents of pools vary
				used := inUse() - s.stored()
				if heap[night/half] == 0 || used < heap[night/half] {
					heap[night/half] = used
				}
			}
			time.Sleep(24 * time.Hour)
		}
		t.Logf("%v; at most %v requests a night; %d objects of %d bytes; heap without them %v", s.troubles, most, len(s.memory.Names()), s.stored(), heap)
		if most[1] > most[0]+10 || heap[1] > heap[0]+4<<20 || len(s.memory.Names()) > 4*2*half {
			t.Error("nights cost more and more")
		}
	})
}

// stored returns how many bytes the store holds.
func (s *soak) stored() (bytes int64) {
	for _, name := range s.memory.Names() {
		bytes += int64(len(s.memory.Bytes(name)))
	}
	return bytes
}

func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // pools keep their contents for one more
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A server that changes flags without changing its numbers is noticed within thirty days. Each
// night reads the flags of a few mailboxes in full, and no night those of all.
func TestFlagsAreReadInFullWithinThirtyDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSoak(t, 300)
		if b := s.backUp(t.Context()); b.Err != nil {
			t.Fatal(b.Err)
		}
		for _, m := range s.account.Mailboxes {
			m.Messages[0].Flags = mail.NewFlags(`\Flagged`)
		}
		nights, reads := 0, 0
		for night := range 31 {
			time.Sleep(24 * time.Hour)
			before := s.account.FlagReads
			s.unchecked = night < 30
			if b := s.backUp(t.Context()); b.Err != nil {
				t.Fatal(b.Err)
			}
			if n := s.account.FlagReads - before; n > 0 {
				nights, reads = nights+1, reads+n
			}
		}
		if reads != len(s.account.Mailboxes) || nights < 2 {
			t.Errorf("flags were read %d times, in %d nights", reads, nights)
		}
	})
}
