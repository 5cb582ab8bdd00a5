package items_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/restore/items"
)

// two returns a server with the calendars office and home, of n events each.
func two(n int) *archivetest.ItemServer {
	s := archivetest.NewItemServer()
	for i := range n {
		s.Collection("/cal/jo/office/").Put(fmt.Sprintf("o%d.ics", i), fmt.Sprint("office ", i))
		s.Collection("/cal/jo/home/").Put(fmt.Sprintf("h%d.ics", i), fmt.Sprint("home ", i))
	}
	return s
}

// TestMirror makes servers exactly as the archive, as a whole or one calendar of them. A dry run
// shows the same and changes nothing.
func TestMirror(t *testing.T) {
	from := two(100)
	contents := archived(t, from)
	changed := func() *archivetest.ItemServer {
		to := two(100)
		office := to.Collection("/cal/jo/office/")
		office.Put("o1.ics", "") // to be added
		office.Put("o2.ics", "changed")
		office.Put("new.ics", "of the target alone")
		to.Collection("/cal/jo/home/").Put("new.ics", "of the target alone")
		to.Collection("/cal/jo/other/").Put("x.ics", "of the target alone")
		to.Collection("/cal/jo/other/").Put("y.ics", "of the target alone")
		return to
	}
	for _, test := range []struct {
		name    string
		o       items.Options
		want    items.Report
		surplus int
	}{
		{"all", items.Options{Mirror: &items.Mirror{Whole: true}}, items.Report{Added: 1, Replaced: 1, Present: 198, Removed: 4, CollectionsRemoved: 1}, 4},
		{"the calendars that are archived", items.Options{Mirror: &items.Mirror{}}, items.Report{Added: 1, Replaced: 1, Present: 198, Removed: 2}, 2},
		{"one calendar", items.Options{
			Mirror: &items.Mirror{},
			Collections: func(_ *manifest.ItemSource, c *manifest.Collection) bool {
				return strings.HasSuffix(c.Path, "/office/")
			},
		}, items.Report{Added: 1, Replaced: 1, Present: 98, Removed: 1}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			to, before := changed(), changed().State()
			want := maps.Clone(before)
			o := test.o
			o.Contents, o.DryRun = contents, true
			for path := range before {
				if o.Collections == nil && strings.Contains(path, "new.ics") || strings.Contains(path, "office/new.ics") || o.Mirror.Whole && strings.Contains(path, "/other/") {
					delete(want, path)
				}
			}
			want["/cal/jo/office/o1.ics"], want["/cal/jo/office/o2.ics"] = "office 1", "office 2"
			if report, err := items.ToServer(t.Context(), to, o); err != nil || report != test.want || !maps.Equal(to.State(), before) {
				t.Errorf("a dry run: %+v, %v", report, err)
			}
			o.DryRun = false
			refused := errors.New("no")
			var plan items.Plan
			o.Mirror.Confirm = func(_ context.Context, p items.Plan) error { plan = p; return refused }
			if report, err := items.ToServer(t.Context(), to, o); !errors.Is(err, refused) || report != (items.Report{}) || !maps.Equal(to.State(), before) {
				t.Errorf("nobody confirms: %+v, %v", report, err)
			}
			if plan.Added != 1 || plan.Replaced != 1 || len(plan.Surplus) != test.surplus || len(plan.Collections) != int(test.want.CollectionsRemoved) {
				t.Errorf("the plan is %+v", plan)
			}
			o.Mirror.Confirm = func(context.Context, items.Plan) error { return nil }
			if report, err := items.ToServer(t.Context(), to, o); err != nil || report != test.want {
				t.Errorf("%+v, %v", report, err)
			}
			if !maps.Equal(to.State(), want) {
				t.Errorf("the server has %d items, want %d", len(to.State()), len(want))
			}
			if _, there := to.Collections["/cal/jo/other/"]; there == o.Mirror.Whole {
				t.Errorf("a calendar that the archive does not have is there: %t", there)
			}
			o.Mirror.Confirm = func(context.Context, items.Plan) error { return errors.New("there is nothing to confirm") }
			writes := to.Puts
			if report, err := items.ToServer(t.Context(), to, o); err != nil || report.Added+report.Replaced+report.Removed+report.CollectionsRemoved > 0 || to.Puts != writes {
				t.Errorf("again: %+v, %v", report, err)
			}
		})
	}
}

// meddled is a server at which somebody else changes an event, and adds one, while items are
// stored.
type meddled struct {
	*archivetest.ItemServer
	done bool
}

func (s *meddled) Put(
	ctx context.Context, of collection.Collection, item collection.Item, old *collection.Listed,
) error {
	err := s.ItemServer.Put(ctx, of, item, old)
	if !s.done {
		s.done = true
		s.Collection("/cal/jo/office/").Put("surplus.ics", "changed meanwhile")
		s.Collection("/cal/jo/other/").Put("z.ics", "added meanwhile")
	}
	return err
}

func (*meddled) WritesAtOnce() int { return 1 }

// TestMirrorRemovesOnlyWhatItShowed checks that an event that is changed or added after the plan
// was made stays, and its calendar too.
func TestMirrorRemovesOnlyWhatItShowed(t *testing.T) {
	contents := archived(t, two(10))
	s := two(9)
	s.Collection("/cal/jo/office/").Put("surplus.ics", "of the target")
	s.Collection("/cal/jo/other/").Put("x.ics", "of the target")
	to := &meddled{ItemServer: s}
	report, err := items.ToServer(t.Context(), to, items.Options{Contents: contents, Mirror: &items.Mirror{Whole: true}})
	if err != nil || report != (items.Report{Added: 2, Present: 18, Removed: 1, Left: 2}) {
		t.Errorf("%+v, %v", report, err)
	}
	for _, path := range []string{"/cal/jo/office/surplus.ics", "/cal/jo/other/z.ics"} {
		if to.State()[path] == "" {
			t.Errorf("%s is gone", path)
		}
	}
}

// TestMirrorOfWhatIsIncomplete checks that nothing is removed if the archive or the restore may
// lack items, unless asked for.
func TestMirrorOfWhatIsIncomplete(t *testing.T) {
	fault := errors.New("507")
	incomplete := func(prepare func(*archivetest.ItemServer)) *archive.Contents {
		a, s := archivetest.NewAccount(), two(10)
		a.Mailbox("INBOX").Add("Subject: x\r\n\r\nx")
		a.Items = []collection.Source{s}
		r := archivetest.NewRepo(t, &storetest.Memory{})
		archivetest.Backup(t, r, a)
		prepare(s)
		contents, err := archive.OpenManifest(t.Context(), r, archivetest.Backup(t, r, a).Head)
		if err != nil {
			t.Fatal(err)
		}
		return contents
	}
	for name, prepare := range map[string]func(*archivetest.ItemServer){
		"a source that did not answer": func(s *archivetest.ItemServer) { s.OnOpen = func() error { return fault } },
		"an item that was not read": func(s *archivetest.ItemServer) {
			s.Collection("/cal/jo/home/").Put("h3.ics", "changed")
			s.OnRead = func(string) error { return fault }
		},
		"an alarm": func(s *archivetest.ItemServer) { delete(s.Collections, "/cal/jo/home/") },
	} {
		contents := incomplete(prepare)
		to := two(10)
		to.Collection("/cal/jo/home/").Put("new.ics", "x")
		o := items.Options{Contents: contents, Mirror: &items.Mirror{Whole: true}}
		before := to.State()
		if report, err := items.ToServer(t.Context(), to, o); err == nil || !strings.Contains(err.Error(), "nothing is pruned") || !maps.Equal(to.State(), before) {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
		o.Mirror.EvenIncomplete = true
		if report, err := items.ToServer(t.Context(), to, o); err != nil || report.Removed == 0 {
			t.Errorf("%s, although: %+v, %v", name, report, err)
		}
	}
	refuses := &refusing{archivetest.NewItemServer()}
	refuses.Collection("/cal/jo/office/").Put("new.ics", "x")
	o := items.Options{Contents: archived(t, calendar(archivetest.OddEvents(20))), Mirror: &items.Mirror{}}
	report, err := items.ToServer(t.Context(), refuses, o)
	if err == nil || report.Removed > 0 || report.Added != 19 || refuses.State()["/cal/jo/office/new.ics"] == "" {
		t.Errorf("a target that refuses an item: %+v, %v", report, err)
	}
	if names := slices.Sorted(maps.Keys(refuses.Collection("/cal/jo/office/").Content)); len(names) != 20 {
		t.Errorf("%q", names)
	}
}

// Nothing is pruned to a manifest with an alarm, or after one, until somebody has acknowledged it.
func TestMirrorAfterAlarms(t *testing.T) {
	alarming, good := archived(t, two(3)), archived(t, two(3))
	alarming.Manifest.Alarm = []string{"calendar \"home\": 3 of 300 items are left"}
	for _, test := range []struct {
		name   string
		from   *archive.Contents
		mirror items.Mirror
		want   string
	}{
		{"its alarm", alarming, items.Mirror{}, "had shrunk suspiciously"},
		{"acknowledged", alarming, items.Mirror{Acknowledged: true}, ""},
		{"an earlier alarm", good, items.Mirror{Alarm: "calendar \"home\" is gone"}, "lost before: calendar \"home\" is gone"},
		{"both, by name", alarming, items.Mirror{Alarm: "gone", EvenIncomplete: true}, ""},
	} {
		_, err := items.ToServer(t.Context(), two(3), items.Options{Contents: test.from, Mirror: &test.mirror})
		if got := fmt.Sprint(err); (err == nil) != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
