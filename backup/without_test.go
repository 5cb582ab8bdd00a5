package backup_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

var errServerGone = errors.New("the server is gone")

// failAt makes the mail of an account fail at one of several places. body is how many messages are
// downloaded before. It returns how to mend it.
func failAt(a *archivetest.Account, place string, body int) (mend func()) {
	fail := func() error { return errServerGone }
	switch place {
	case "login":
		a.ServerError = fail
	case "survey":
		a.SurveyError = fail
	case "body":
		a.OnBody = func(string, mail.UID) error {
			if body--; body < 0 {
				return errServerGone
			}
			return nil
		}
	}
	return func() { a.ServerError, a.SurveyError, a.OnBody = nil, nil, nil }
}

// mustBeWithoutMail checks the result of a run that could not read the mail.
func mustBeWithoutMail(t *testing.T, b *backup.Result) {
	t.Helper()
	m := b.Manifest
	if !errors.Is(b.Err, errServerGone) || m == nil {
		t.Fatalf("the error is %v, and the manifest %v", b.Err, m)
	}
	if m.State != manifest.Complete || m.Consistent || !m.MailInherited() || len(m.Alarm) > 0 {
		t.Errorf("state %v, consistent %v, sources %v, alarms %q", m.State, m.Consistent, m.Sources, m.Alarm)
	}
	if m.Failures[0].Mailbox != "" || !strings.Contains(m.Failures[0].Reason, errServerGone.Error()) {
		t.Errorf("failures: %v", m.Failures)
	}
}

// TestItemsOfANightWithoutMail checks that a night on which the mail cannot be read archives
// everything else, and loses nothing of the mail: it stays as it was, and the next night goes on
// from there.
func TestItemsOfANightWithoutMail(t *testing.T) {
	for _, place := range []string{"login", "survey", "body"} {
		t.Run(place, func(t *testing.T) {
			a, s := accountWithCalendar(20)
			a.Connections = 1
			store := &storetest.Memory{}
			r := archivetest.NewRepo(t, store)
			archivetest.Backup(t, r, a)
			mailThen := a.State()
			for i := range 30 {
				a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: new %d\r\n\r\n", i))
			}
			s.Collection("/home/").Put("new.ics", "BEGIN:VEVENT of the night without mail")
			store.Advance(24 * time.Hour)
			mend := failAt(a, place, 10)
			b := archivetest.TryBackup(t.Context(), r, a)
			mustBeWithoutMail(t, b)
			archivetest.MustHold(t, r, b, mailThen)
			mustHoldItems(t, r, b, s.State())
			if found := b.Manifest.Sources[1]; found.Found != manifest.Whole {
				t.Errorf("the calendar was found like %v", found)
			}
			mend()
			store.Advance(24 * time.Hour)
			bodies, examines := a.Bodies, a.Examines
			next := archivetest.Backup(t, r, a)
			archivetest.MustHold(t, r, next, a.State())
			mustHoldItems(t, r, next, s.State())
			if m := next.Manifest; !m.Consistent || len(m.Alarm) > 0 || m.Sources[0].Found != manifest.Whole || !m.Sources[0].Since.After(b.Manifest.Start) {
				t.Errorf("consistent %v, alarms %q, sources %v", m.Consistent, m.Alarm, m.Sources)
			}
			want := 30
			if place == "body" {
				want = 20 + 2 // one was under way
			}
			if n := a.Bodies - bodies; n > want || a.Examines == examines {
				t.Errorf("the next night downloaded %d messages, want at most %d", n, want)
			}
			archivetest.MustBeSound(t, r)
		})
	}
}

// TestNothingIsCommittedWithoutAnySource checks that a night on which nothing can be read leaves no
// manifest.
func TestNothingIsCommittedWithoutAnySource(t *testing.T) {
	a, s := accountWithCalendar(20)
	r := archivetest.NewRepo(t, &storetest.Memory{})
	for night := range 2 {
		failAt(a, "login", 0)
		s.OnOpen = func() error { return errServerGone }
		if b := archivetest.TryBackup(t.Context(), r, a); b.Err == nil || b.Manifest != nil {
			t.Fatalf("night %d: error %v, manifest %v", night, b.Err, b.Manifest)
		}
		a.ServerError, s.OnOpen = nil, nil
		archivetest.Backup(t, r, a)
	}
}

// TestItemsBeforeAnyMail archives the calendars of an account whose mail was never read.
func TestItemsBeforeAnyMail(t *testing.T) {
	a, s := accountWithCalendar(20)
	r := archivetest.NewRepo(t, &storetest.Memory{})
	mend := failAt(a, "login", 0)
	for range 2 {
		b := archivetest.TryBackup(t.Context(), r, a)
		mustBeWithoutMail(t, b)
		mustHoldItems(t, r, b, s.State())
	}
	mend()
	next := archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, next, a.State())
	if len(next.Manifest.Alarm) > 0 {
		t.Errorf("alarms: %q", next.Manifest.Alarm)
	}
	archivetest.MustBeSound(t, r)
}

// TestMailServerThatFailsAtRandom changes an account for many nights, on which its servers fail at
// any place. Every manifest has the items of its night, or those of the last night on which they
// could be read, and the mail likewise. No message is downloaded twice, but for one that was under
// way, and nothing raises an alarm.
func TestMailServerThatFailsAtRandom(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 1))
		a, s := accountWithCalendar(10)
		a.Connections = 1
		store := &storetest.Memory{}
		r := archivetest.NewRepo(t, store)
		var mailThen []string
		itemsThen := map[string]string{}
		messages, failures, whole := 1, 0, false
		for night := range 25 {
			for i := range rng.IntN(40) {
				a.Mailbox([]string{"INBOX", "Archive", "Work"}[rng.IntN(3)]).Add(fmt.Sprintf("Subject: %d %d\r\n\r\n", night, i))
				messages++
			}
			s.Collection("/home/").Put("night.ics", fmt.Sprint(night))
			if s.OnOpen = nil; rng.IntN(4) == 0 {
				s.OnOpen = func() error { return errServerGone }
			}
			mend := failAt(a, []string{"login", "survey", "body", "", ""}[rng.IntN(5)], rng.IntN(30))
			b := archivetest.TryBackup(t.Context(), r, a)
			mend()
			if s.OnOpen == nil {
				itemsThen = s.State()
			}
			if b.Err == nil {
				mailThen, whole = a.State(), true
			} else {
				failures++
			}
			switch {
			case b.Manifest != nil:
				mustHoldItems(t, r, b, itemsThen)
				if whole {
					archivetest.MustHold(t, r, b, mailThen)
				}
				if len(b.Manifest.Alarm) > 0 {
					t.Errorf("seed %d, night %d: alarms %q", seed, night, b.Manifest.Alarm)
				}
			case s.OnOpen == nil:
				t.Fatalf("seed %d, night %d: no manifest: %v", seed, night, b.Err)
			}
			store.Advance(24 * time.Hour)
		}
		s.OnOpen = nil
		archivetest.MustHold(t, r, archivetest.Backup(t, r, a), a.State())
		if a.Bodies > messages+2*failures {
			t.Errorf("seed %d: %d messages were downloaded %d times, with %d failures", seed, messages, a.Bodies, failures)
		}
		archivetest.MustBeSound(t, r)
	}
}

// TestAlarmsOfARunWithoutMail checks that an alarm that a run raised before its mail failed is
// raised once, and that one about items is in the manifest without mail.
func TestAlarmsOfARunWithoutMail(t *testing.T) {
	a, s := accountWithCalendar(20)
	store := &storetest.Memory{}
	r := archivetest.NewRepo(t, store)
	archivetest.Backup(t, r, a)
	delete(s.Collections, "/home/")
	mend := failAt(a, "login", 0)
	b := archivetest.TryBackup(t.Context(), r, a)
	mend()
	if b.Manifest == nil || len(b.Manifest.Alarm) != 1 || !strings.Contains(b.Manifest.Alarm[0], "/home/") {
		t.Fatalf("error %v, manifest %v", b.Err, b.Manifest)
	}
	if next := archivetest.Backup(t, r, a); len(next.Manifest.Alarm) > 0 {
		t.Errorf("alarms of the next night: %q", next.Manifest.Alarm)
	}
}

// TestFalseManifestBehindANightWithoutMail lets another host write a manifest without the account's
// mail and without an alarm, and the mail fail on the next night. That night names the false
// manifest, and the one after it need not.
func TestFalseManifestBehindANightWithoutMail(t *testing.T) {
	s := newShared(t, 100)
	calendar := archivetest.NewItemServer()
	calendar.Collection("/home/").Put("1.ics", "BEGIN:VEVENT")
	s.account.Items = []collection.Source{calendar}
	s.night("home")
	forged := s.forge(archivetest.NewAccount())
	mend := failAt(s.account, "login", 0)
	b := archivetest.TryBackup(t.Context(), s.host("home"), s.account)
	mend()
	if b.Manifest == nil {
		t.Fatal(b.Err)
	}
	s.mustName(b, forged)
	if next := s.night("home"); len(next.Manifest.Alarm) > 0 {
		t.Errorf("the next night repeats it: %q", next.Manifest.Alarm)
	}
}

// TestForgetKeepsTheLastMail checks that nights on which the mail could not be read do not displace
// those on which it was.
func TestForgetKeepsTheLastMail(t *testing.T) {
	a, s := accountWithCalendar(3)
	store := &storetest.Memory{}
	r := archivetest.NewRepo(t, store)
	var nights []*backup.Result
	for night := range 12 {
		a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d\r\n\r\n", night))
		s.Collection("/home/").Put("night.ics", fmt.Sprint(night))
		if night == 6 {
			failAt(a, "survey", 0)
		}
		nights = append(nights, archivetest.TryBackup(t.Context(), r, a))
		store.Advance(24 * time.Hour)
	}
	plan, err := archive.PlanForget(t.Context(), r, nil, history.Policy{Daily: 3}, time.UTC, nil)
	if err != nil {
		t.Fatal(err)
	}
	var kept []int
	for _, d := range plan.Decisions {
		if d.Keep {
			kept = append(kept, slices.IndexFunc(nights, func(b *backup.Result) bool { return b.Head.Name == d.Head.Name }))
		}
	}
	slices.Sort(kept)
	if want := []int{3, 4, 5, 9, 10, 11}; !slices.Equal(kept, want) {
		t.Errorf("the nights %v are kept, want the last three with mail of their own, and the last three: %v", kept, want)
	}
}

// TestMailDoesNotWaitForASlowServer lets a calendar server take two minutes for each of its events,
// and fail with some. The mail of the night is committed after an hour or so, with the events that
// were read by then. The next night reads the others.
func TestMailDoesNotWaitForASlowServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, s := accountWithCalendar(60)
		store := &storetest.Memory{}
		r := archivetest.NewRepo(t, store)
		reads := 0
		s.OnRead = func(string) error {
			time.Sleep(2 * time.Minute)
			if reads++; reads%3 == 0 {
				return errServerGone
			}
			return nil
		}
		began := time.Now()
		b := archivetest.Backup(t, r, a)
		if took := time.Since(began); took < time.Hour || took > time.Hour+5*time.Minute {
			t.Errorf("the night took %v", took)
		}
		archivetest.MustHold(t, r, b, a.State())
		if m := b.Manifest; !m.Consistent || m.Sources[0].Found != manifest.Whole || m.Sources[1].Found != manifest.Incomplete || m.ItemTotals.Items < 19 {
			t.Errorf("consistent %v, sources %v, items %+v", m.Consistent, m.Sources, m.ItemTotals)
		}
		has, before := b.Manifest.ItemTotals.Items, s.Reads
		s.OnRead = nil
		next := archivetest.Backup(t, r, a)
		mustHoldItems(t, r, next, s.State())
		if n := s.Reads - before; n != 120-int(has) || next.Manifest.Sources[1].Found != manifest.Whole {
			t.Errorf("the next night read %d items of 120, of which %d were archived; sources %v", n, has, next.Manifest.Sources)
		}
	})
}

// TestWithoutMailWhereTheStoreFails checks what is left if the store refuses one of the two
// manifests of a run that downloads some of the mail: if it is the first, the second has that mail
// all the same, and if it is the second, the first has the calendar.
func TestWithoutMailWhereTheStoreFails(t *testing.T) {
	for refused := 1; refused <= 2; refused++ {
		a, s := accountWithCalendar(20)
		a.Connections = 1
		store := &storetest.Faulty{Store: &storetest.Memory{}}
		r := archivetest.NewRepo(t, store)
		archivetest.Backup(t, r, a)
		for i := range 30 {
			a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: new %d\r\n\r\n", i))
		}
		s.Collection("/home/").Put("new.ics", "BEGIN:VEVENT of the night without mail")
		mend, puts := failAt(a, "body", 10), 0
		store.Fail = func(op storetest.Op) storetest.Fault {
			if op.Kind == "put" && strings.HasPrefix(op.Name, "manifests/") {
				if puts++; puts == refused {
					return storetest.Refuse
				}
			}
			return storetest.None
		}
		b := archivetest.TryBackup(t.Context(), r, a)
		mend()
		store.Fail = nil
		first := refused == 1
		if !errors.Is(b.Err, errServerGone) || (b.Manifest == nil) != first || errors.Is(b.Err, storetest.ErrFault) != first || b.Kept != first {
			t.Fatalf("manifest %d refused: error %v, manifest %v, kept %v", refused, b.Err, b.Manifest, b.Kept)
		}
		if !first {
			mustHoldItems(t, r, b, s.State())
		}
		bodies := a.Bodies
		next := archivetest.Backup(t, r, a)
		archivetest.MustHold(t, r, next, a.State())
		mustHoldItems(t, r, next, s.State())
		if n := a.Bodies - bodies; first && n > 20+2 {
			t.Errorf("the next run downloads %d messages, want the 20 that are left and one that was under way", n)
		}
		archivetest.MustBeSound(t, r)
	}
}
