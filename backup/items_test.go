package backup_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// accountWithCalendar returns an account with n events in each of two calendars.
func accountWithCalendar(n int) (*archivetest.Account, *archivetest.ItemServer) {
	a, s := archivetest.NewAccount(), archivetest.NewItemServer()
	a.Mailbox("INBOX").Add("Subject: x\r\n\r\nx")
	for _, path := range []string{"/home/", "/office/"} {
		for i := range n {
			s.Collection(path).Put(fmt.Sprintf("%04d.ics", i), fmt.Sprintf("BEGIN:VEVENT\r\nUID:%d\r\nX-ODD;Y=%s:\tz\n\r", i, path))
		}
	}
	a.Items = []collection.Source{s}
	return a, s
}

func mustHoldItems(t *testing.T, r *repo.Repo, b *backup.Result, want map[string]string) {
	t.Helper()
	if got := archivetest.ArchivedItems(t, r, b.Head); !maps.Equal(got, want) {
		t.Errorf("%d items are archived, and they are not the %d of the server", len(got), len(want))
	}
	if totals := b.Manifest.ItemTotals; int(totals.Items) != len(want) {
		t.Errorf("the totals are %+v", totals)
	}
}

// TestItemsOfEveryNight changes items for some nights. Each night has the items of that night,
// whether or not the server says what changed, and reads no others.
func TestItemsOfEveryNight(t *testing.T) {
	for _, since := range []bool{false, true} {
		rng := rand.New(rand.NewPCG(3, 4))
		a, s := accountWithCalendar(300)
		s.Since = since
		s.Collection("/home/").Put("long.ics", strings.Repeat("a line that is repeated\r\n", 60_000)+string(archivetest.RandomBytes(1, 1<<21)))
		r := archivetest.NewRepo(t, &storetest.Memory{})
		var nights []*backup.Result
		var states []map[string]string
		for range 5 {
			before := s.Reads
			nights, states = append(nights, archivetest.Backup(t, r, a)), append(states, s.State())
			if len(nights) > 1 && s.Reads-before > 40 {
				t.Errorf("a night with 40 changes read %d items", s.Reads-before)
			}
			for range 40 {
				content := fmt.Sprint(rng.Int())
				if rng.IntN(4) == 0 {
					content = ""
				}
				s.Collection("/office/").Put(fmt.Sprintf("%04d.ics", rng.IntN(400)), content)
			}
		}
		for i := range nights {
			mustHoldItems(t, r, nights[i], states[i])
		}
		archivetest.MustBeSound(t, r)
	}
}

func TestUnchangedItemsCostNothing(t *testing.T) {
	a, s := accountWithCalendar(100)
	store := &storetest.Memory{}
	r := archivetest.NewRepo(t, store)
	first := archivetest.Backup(t, r, a)
	objects, reads, lists := len(store.Names()), s.Reads, s.Lists
	second := archivetest.Backup(t, r, a)
	if n := len(store.Names()) - objects; n != 1 || s.Reads != reads || s.Lists != lists {
		t.Errorf("%d objects were put, %d items read, %d collections listed; want the manifest alone", n, s.Reads-reads, s.Lists-lists)
	}
	if !slices.Equal(first.Manifest.ItemSources, second.Manifest.ItemSources) {
		t.Error("the same items have another record")
	}
	mustHoldItems(t, r, second, s.State())
}

// TestServerFromAnOldCopy sets a server back to an old copy. If its tokens climb past that of the
// archive before the next run, the run misses what it was set back to, and a run two weeks later
// finds it. If they do not, the next run finds it.
func TestServerFromAnOldCopy(t *testing.T) {
	for _, climbs := range []bool{false, true} {
		a, s := accountWithCalendar(20)
		s.Since = true
		store := &storetest.Memory{}
		r := archivetest.NewRepo(t, store)
		home := s.Collection("/home/")
		old := home.Clone()
		for i := range 3 {
			home.Put(fmt.Sprintf("later %d.ics", i), "of the server that is gone")
		}
		archivetest.Backup(t, r, a)
		s.Collections["/home/"] = old
		changes := 1
		if climbs {
			changes = 3 // its token is then that of the archive
		}
		for i := range changes {
			old.Put(fmt.Sprintf("other %d.ics", i), "of the copy")
		}
		b := archivetest.Backup(t, r, a)
		if climbs {
			if maps.Equal(archivetest.ArchivedItems(t, r, b.Head), s.State()) {
				t.Fatal("the token shows that the server was set back, so this test shows nothing")
			}
			store.Advance(14 * 24 * time.Hour)
			b = archivetest.Backup(t, r, a)
		}
		mustHoldItems(t, r, b, s.State())
		lists, reads := s.Lists, s.Reads
		store.Advance(24 * time.Hour)
		mustHoldItems(t, r, archivetest.Backup(t, r, a), s.State())
		if s.Lists != lists || s.Reads != reads {
			t.Errorf("the next night listed %d collections and read %d items", s.Lists-lists, s.Reads-reads)
		}
	}
}

// TestFailedItemsStay checks that nothing is lost from the archive because a server fails, and that
// each failure has a name.
func TestFailedItemsStay(t *testing.T) {
	fault := errors.New("507 Insufficient Storage")
	for name, test := range map[string]struct {
		fail func(*archivetest.ItemServer)
		says string
	}{
		"the server":   {func(s *archivetest.ItemServer) { s.OnOpen = func() error { return fault } }, "https://test/calendar"},
		"a collection": {func(s *archivetest.ItemServer) { s.OnList = func(string) error { return fault } }, "name of /home/"},
		"an item": {func(s *archivetest.ItemServer) {
			s.OnRead = func(name string) error {
				if name == "0007.ics" {
					return fault
				}
				return nil
			}
		}, "0007.ics"},
		"an item that is listed and not found": {func(s *archivetest.ItemServer) {
			s.OnRead = func(name string) error { return fmt.Errorf("%w (507)", collection.ErrGone) }
		}, "0007.ics"},
	} {
		t.Run(name, func(t *testing.T) {
			a, s := accountWithCalendar(20)
			r := archivetest.NewRepo(t, &storetest.Memory{})
			archivetest.Backup(t, r, a)
			want := s.State()
			s.Collection("/home/").Put("0007.ics", "changed")
			test.fail(s)
			b := archivetest.Backup(t, r, a)
			mustHoldItems(t, r, b, want)
			if f := b.Manifest.Failures; len(f) != 1 || !strings.Contains(f[0].Reason, test.says) || !strings.Contains(f[0].Reason, "507") && !strings.Contains(f[0].Reason, "does not find") {
				t.Errorf("failures: %v", f)
			}
			again := archivetest.Backup(t, r, a)
			mustHoldItems(t, r, again, want)
			s.OnOpen, s.OnList, s.OnRead = nil, nil, nil
			last := archivetest.Backup(t, r, a)
			mustHoldItems(t, r, last, s.State())
			if len(last.Manifest.Failures) > 0 {
				t.Errorf("failures: %v", last.Manifest.Failures)
			}
		})
	}
}

// TestSourcesAreJudgedByThemselves checks that each manifest says of each source whether it was
// read as a whole, and since when.
func TestSourcesAreJudgedByThemselves(t *testing.T) {
	a, calendar := accountWithCalendar(20)
	book := archivetest.NewItemServer()
	book.Of = collection.AddressBooks
	book.Collection("/book/").Put("jo.vcf", "x")
	a.Items = append(a.Items, book)
	store := &storetest.Memory{}
	r := archivetest.NewRepo(t, store)
	fault := errors.New("503")
	broken := func(string) error { return fault }
	var starts []time.Time
	for night, test := range []struct {
		prepare func()
		want    string // of mail, calendars and address books: the state, and the night since when
	}{
		{func() {}, "complete 0, complete 0, complete 0"},
		{func() { book.OnOpen = func() error { return fault } }, "complete 0, complete 0, inherited 1"},
		{func() { calendar.Collection("/home/").Put("0001.ics", "new"); calendar.OnRead = broken }, "complete 0, incomplete 2, inherited 1"},
		{func() { book.OnOpen, calendar.OnRead = nil, nil }, "complete 0, complete 3, complete 3"},
		{func() { a.Items = a.Items[:1] }, "complete 0, complete 3, inherited 4"},
	} {
		test.prepare()
		m := archivetest.Backup(t, r, a).Manifest
		starts = append(starts, m.Start.Truncate(time.Millisecond))
		var got []string
		for _, s := range m.Sources {
			got = append(got, fmt.Sprint(s.Found, " ", slices.IndexFunc(starts, s.Since.Equal)))
		}
		if text := strings.Join(got, ", "); text != test.want {
			t.Errorf("night %d: %s, want %s", night, text, test.want)
		}
		store.Advance(24 * time.Hour)
	}
}

// TestItemsAtAnotherURL checks that nothing of a source whose URL was changed is lost if a
// collection or an item fails there, and that ETags and tokens of the old URL say nothing about
// what is there.
func TestItemsAtAnotherURL(t *testing.T) {
	a, s := accountWithCalendar(20)
	r := archivetest.NewRepo(t, &storetest.Memory{})
	archivetest.Backup(t, r, a)
	want := s.State()
	a.Items = []collection.Source{movedServer{s}}
	s.Collection("/home/").Content["0003.ics"] = "other, with the same ETag and token"
	s.OnList = func(path string) error {
		if path == "/office/" {
			return errors.New("503")
		}
		return nil
	}
	s.OnRead = func(name string) error {
		if name == "0007.ics" {
			return errors.New("503")
		}
		return nil
	}
	want["/home/0003.ics"] = s.Collection("/home/").Content["0003.ics"]
	b := archivetest.Backup(t, r, a)
	mustHoldItems(t, r, b, want)
	if len(b.Manifest.Failures) != 2 || len(b.Manifest.Alarm) > 0 {
		t.Errorf("failures: %v, alarms: %q", b.Manifest.Failures, b.Manifest.Alarm)
	}
}

// movedServer is a server with another URL.
type movedServer struct{ *archivetest.ItemServer }

func (movedServer) URL() string { return "https://moved/" }

// TestItemsThatAreNoLongerConfiguredStay checks that a run without the source keeps what was
// archived.
func TestItemsThatAreNoLongerConfiguredStay(t *testing.T) {
	a, s := accountWithCalendar(20)
	r := archivetest.NewRepo(t, &storetest.Memory{})
	archivetest.Backup(t, r, a)
	a.Items = nil
	for range 2 {
		mustHoldItems(t, r, archivetest.Backup(t, r, a), s.State())
	}
}

func TestEmptiedCalendarIsAnAlarm(t *testing.T) {
	a, s := accountWithCalendar(20)
	r := archivetest.NewRepo(t, &storetest.Memory{})
	archivetest.Backup(t, r, a)
	delete(s.Collections, "/office/")
	b := archivetest.Backup(t, r, a)
	if len(b.Manifest.Alarm) != 1 || !strings.Contains(b.Manifest.Alarm[0], `calendar "name of /office/": 0 of 20 items are left`) {
		t.Errorf("alarms: %q", b.Manifest.Alarm)
	}
}

// TestETagsThatLie checks that a server whose ETags change each time, or that has none, ends in
// right records.
func TestETagsThatLie(t *testing.T) {
	a, s := accountWithCalendar(20)
	liar := &lyingServer{ItemServer: s}
	a.Items = []collection.Source{liar}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	for range 3 {
		mustHoldItems(t, r, archivetest.Backup(t, r, a), s.State())
		s.Collection("/home/").Put("0003.ics", fmt.Sprint(liar.n))
	}
}

// TestPruneKeepsItems forgets and prunes nights with items. What is left has all items.
func TestPruneKeepsItems(t *testing.T) {
	store := &storetest.Memory{}
	r := archivetest.NewRepo(t, store)
	a, s := accountWithCalendar(200)
	s.Collection("/home/").Put("long.ics", string(archivetest.RandomBytes(1, 1<<21)))
	var last *backup.Result
	for night := range 4 {
		last = archivetest.Backup(t, r, a)
		want := s.State()
		heads := heads(t, r)
		for _, head := range heads[1:] {
			if err := r.MarkAll(t.Context(), []statement.Marked{{Manifest: head.Name}}); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			store.Advance(25 * time.Hour)
			if _, err := archive.Prune(t.Context(), r, repo.PruneOptions{MaxUnused: 0.05}); err != nil {
				t.Fatal(err)
			}
		}
		mustHoldItems(t, archivetest.Reopen(t, store), last, want)
		for i := range 150 {
			s.Collection("/home/").Put(fmt.Sprintf("%04d.ics", i), fmt.Sprint(night, i))
		}
	}
	archivetest.MustBeSound(t, archivetest.Reopen(t, store))
}

func heads(t *testing.T, r *repo.Repo) (heads []repo.Head) {
	for s, err := range archive.Manifests(t.Context(), r) {
		if err != nil {
			t.Fatal(err)
		}
		heads = append(heads, s.Head)
	}
	return heads
}

// lyingServer gives other ETags and tokens each time, and some items none.
type lyingServer struct {
	*archivetest.ItemServer
	n int
}

func (s *lyingServer) Open(ctx context.Context) ([]collection.Field, []collection.Collection, error) {
	s.n++
	server, all, err := s.ItemServer.Open(ctx)
	for i := range all {
		all[i].SyncToken, all[i].CTag = "", fmt.Sprint(s.n)
	}
	return server, all, err
}

func (s *lyingServer) List(ctx context.Context, of collection.Collection, token string) (collection.Listing, error) {
	l, err := s.ItemServer.List(ctx, of, "")
	l.SyncToken = ""
	for i := range l.Items {
		l.Items[i].ETag = fmt.Sprintf("W/%q", fmt.Sprint(s.n))
		if i%3 == 0 {
			l.Items[i].ETag = ""
		}
	}
	return l, err
}

// doubtfulServer gives items that it may have made of what it has, until it is sure.
type doubtfulServer struct {
	*archivetest.ItemServer
	sure bool
}

func (s *doubtfulServer) Read(
	ctx context.Context, of collection.Collection, items []collection.Listed,
	got func(collection.Item, error) error,
) error {
	return s.ItemServer.Read(ctx, of, items, func(item collection.Item, err error) error {
		if item.Doubtful = !s.sure; item.Doubtful {
			item.Content = append([]byte("converted "), item.Content...)
		}
		return got(item, err)
	})
}

// TestDoubtfulItemsAreReadAgain reads items as a server made them, and as they are with the next
// list.
func TestDoubtfulItemsAreReadAgain(t *testing.T) {
	a, s := accountWithCalendar(3)
	server := &doubtfulServer{ItemServer: s}
	a.Items = []collection.Source{server}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	for name, content := range archivetest.ArchivedItems(t, r, archivetest.Backup(t, r, a).Head) {
		if content != "converted "+s.State()[name] {
			t.Errorf("%s is archived as %q", name, content)
		}
	}
	server.sure = true
	for _, path := range []string{"/home/", "/office/"} {
		s.Collection(path).Put("new.ics", "BEGIN:VEVENT\r\n")
	}
	mustHoldItems(t, r, archivetest.Backup(t, r, a), s.State())
	reads := s.Reads
	s.Collection("/home/").Put("new.ics", "BEGIN:VEVENT\r\nUID:1\r\n")
	mustHoldItems(t, r, archivetest.Backup(t, r, a), s.State())
	if s.Reads != reads+1 {
		t.Errorf("%d items were read for one that changed", s.Reads-reads)
	}
}
