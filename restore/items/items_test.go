package items_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/restore/items"
)

// archived archives servers, and returns what can be restored.
func archived(t *testing.T, servers ...*archivetest.ItemServer) *archive.Contents {
	t.Helper()
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Subject: x\r\n\r\nx")
	for _, s := range servers {
		a.Items = append(a.Items, s)
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	contents, err := archive.OpenManifest(t.Context(), r, archivetest.Backup(t, r, a).Head)
	if err != nil {
		t.Fatal(err)
	}
	return contents
}

func calendar(events map[string]string) *archivetest.ItemServer {
	s := archivetest.NewItemServer()
	for name, content := range events {
		s.Collection("/cal/jo/office/").Put(name, content)
	}
	return s
}

// TestManyOddEvents archives odd events (5,000 if MAILSTRATA_LONG is set), and restores them to
// another server and as files: every byte is the same, and a second restore adds nothing.
func TestManyOddEvents(t *testing.T) {
	n := int64(1000)
	if os.Getenv("MAILSTRATA_LONG") != "" {
		n = 5000
	}
	from := calendar(archivetest.OddEvents(int(n)))
	contents := archived(t, from)

	to := archivetest.NewItemServer()
	report, err := items.ToServer(t.Context(), to, items.Options{Contents: contents})
	if err != nil || report != (items.Report{Added: n, Collections: 1}) {
		t.Fatalf("%+v, %v", report, err)
	}
	if !maps.Equal(to.State(), from.State()) {
		t.Error("the other server has something else")
	}
	report, err = items.ToServer(t.Context(), to, items.Options{Contents: contents})
	if err != nil || report != (items.Report{Present: n}) || int64(to.Puts) != n {
		t.Errorf("again: %+v, %d items were stored, %v", report, to.Puts, err)
	}

	dir := filepath.Join(t.TempDir(), "out")
	if report, err = items.ToFiles(t.Context(), dir, items.Options{Contents: contents}); err != nil || report.Added != n {
		t.Fatalf("%+v, %v", report, err)
	}
	if report, err = items.ToFiles(t.Context(), dir, items.Options{Contents: contents}); err != nil || report.Present != n || report.Added != 0 {
		t.Errorf("again: %+v, %v", report, err)
	}
	found := int64(0)
	content := make(map[string]bool)
	for _, text := range from.State() {
		content[text] = true
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if !content[string(text)] || !strings.HasSuffix(path, ".ics") {
			t.Errorf("%s has something else", path)
		}
		delete(content, string(text))
		found++
		return err
	})
	if err != nil || found != n || len(content) > 0 {
		t.Errorf("%d files, %d events are in none, %v", found, len(content), err)
	}
}

// glancing is a server that gives many items in one answer, with the line ends of XML.
type glancing struct {
	*archivetest.ItemServer
	glances int
	fail    bool
}

func (s *glancing) Glance(
	_ context.Context, c collection.Collection, items []collection.Listed,
) (map[string][]byte, error) {
	s.glances++
	if s.fail {
		return nil, errors.New("501")
	}
	all := make(map[string][]byte)
	for _, it := range items {
		content := s.Collection(c.Path).Content[it.Name]
		all[it.Name] = []byte(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(content))
	}
	return all, nil
}

func (*glancing) WritesAtOnce() int { return 1 } // Glance reads without a lock

// TestSecondRestoreReadsLittle checks that a restore of what is there asks for many items at once,
// and reads only what differs.
func TestSecondRestoreReadsLittle(t *testing.T) {
	events := archivetest.OddEvents(300)
	contents := archived(t, calendar(events))
	changed := maps.Clone(events)
	const name = "00007%20%C3%BC.ics"
	changed[name] += "x"
	to := &glancing{ItemServer: calendar(changed)}
	o := items.Options{Contents: contents, Overwrite: true}
	report, err := items.ToServer(t.Context(), to, o)
	if err != nil || report != (items.Report{Present: 299, Replaced: 1}) {
		t.Fatalf("%+v, %v", report, err)
	}
	differ := 1
	for _, content := range events { // a CR alone is a line end only in XML
		if strings.HasSuffix(content, "END:VCALENDAR\r") {
			differ++
		}
	}
	if to.glances != 5 || to.Reads > differ {
		t.Errorf("%d requests for many items, %d items were read, want 5 and at most %d", to.glances, to.Reads, differ)
	}
	to.fail, to.glances, to.Reads = true, 0, 0
	if report, err = items.ToServer(t.Context(), to, o); err != nil || report != (items.Report{Present: 300}) || to.glances != 1 || to.Reads != 300 {
		t.Errorf("if the server does not know the request: %+v, %v, %d, %d items were read", report, err, to.glances, to.Reads)
	}
}

// TestWhatIsThereStays checks that a restore leaves what differs, unless it may replace it.
func TestWhatIsThereStays(t *testing.T) {
	contents := archived(t, calendar(map[string]string{"a.ics": "BEGIN:X\r\nA:1\r\n", "b.ics": "BEGIN:X\r\nB:1\r\n", "c.ics": "BEGIN:X\r\nC:long\r\n  line\r\nD:1\r\nEND:X\r\n"}))
	to := calendar(map[string]string{"a.ics": "BEGIN:X\r\nA:2\r\n", "c.ics": "BEGIN:X\r\nPRODID:other\r\nD:1\r\nC:lo\r\n ng line\r\nEND:X\r\n", "other.ics": "x"})
	var events []string
	o := items.Options{Contents: contents, Done: func(e items.Event) { events = append(events, e.Item+" "+string(e.Outcome)) }}
	o.DryRun = true
	before := to.State()
	report, err := items.ToServer(t.Context(), to, o)
	if err != nil || report != (items.Report{Added: 1, Present: 1, Differing: 1}) || !maps.Equal(before, to.State()) {
		t.Errorf("a dry run: %+v, %v", report, err)
	}
	o.DryRun = false
	report, err = items.ToServer(t.Context(), to, o)
	if err != nil || report != (items.Report{Added: 1, Present: 1, Differing: 1}) || to.Collection("/cal/jo/office/").Content["a.ics"] != "BEGIN:X\r\nA:2\r\n" {
		t.Errorf("%+v, %v, %q", report, err, events)
	}
	o.Overwrite = true
	report, err = items.ToServer(t.Context(), to, o)
	if err != nil || report != (items.Report{Replaced: 1, Present: 2}) || to.Collection("/cal/jo/office/").Content["a.ics"] != "BEGIN:X\r\nA:1\r\n" {
		t.Errorf("with --overwrite: %+v, %v", report, err)
	}
	if to.Collection("/cal/jo/office/").Content["other.ics"] != "x" {
		t.Error("an item that is not in the archive is gone")
	}
}

// TestFailuresAreNamed checks that an item that the server refuses does not stop the others.
func TestFailuresAreNamed(t *testing.T) {
	contents := archived(t, calendar(archivetest.OddEvents(20)))
	var failed []string
	o := items.Options{Contents: contents, Done: func(e items.Event) {
		if e.Outcome == items.Failed {
			failed = append(failed, e.Item+": "+e.Err.Error())
		}
	}}
	to := &refusing{archivetest.NewItemServer()}
	report, err := items.ToServer(t.Context(), to, o)
	if err != nil || report != (items.Report{Added: 19, Failed: 1, Collections: 1}) || len(failed) != 1 || !strings.Contains(failed[0], "00007%20%C3%BC.ics: 507") {
		t.Errorf("%+v, %v, %q", report, err, failed)
	}
}

type refusing struct{ *archivetest.ItemServer }

func (s *refusing) Put(
	ctx context.Context, of collection.Collection, item collection.Item, old *collection.Listed,
) error {
	if strings.HasPrefix(item.Name, "00007") {
		return errors.New("507 Insufficient Storage")
	}
	return s.ItemServer.Put(ctx, of, item, old)
}

// TestFileNames restores items with names that must not lead out of the directory, or hide each
// other.
func TestFileNames(t *testing.T) {
	s := archivetest.NewItemServer()
	names := []string{"..", "..%2F..%2Fx.ics", ".hidden.ics", "A.ics", "a.ics", "con.ics", "%00.ics", strings.Repeat("x", 1000) + ".ics", "no end", "%zz"}
	for i, name := range names {
		s.Collection("/cal/../..").Put(name, fmt.Sprint(i))
		s.Collection("/cal/..").Put(name, fmt.Sprint(i))
	}
	scripts := archivetest.NewItemServer()
	scripts.Of = collection.Sieve
	scripts.Collection("").Put("../vacation", "keep;")
	contents := archived(t, s, scripts)
	parent := t.TempDir()
	dir := filepath.Join(parent, "out")
	for range 2 {
		if report, err := items.ToFiles(t.Context(), dir, items.Options{Contents: contents}); err != nil || report.Added+report.Present != int64(2*len(names)+1) {
			t.Fatalf("%+v, %v", report, err)
		}
	}
	all, err := os.ReadDir(parent)
	if err != nil || len(all) != 1 {
		t.Errorf("beside the directory: %v, %v", all, err)
	}
	files := 0
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files++
			if strings.HasPrefix(e.Name(), ".") {
				t.Errorf("%s is hidden", path)
			}
		}
		return err
	})
	if err != nil || files != 2*len(names)+1 {
		t.Errorf("%d files, %v", files, err)
	}
}

// TestReadableNames restores items with letters beyond ASCII: the names of files and directories
// are as people write them, but for those that an earlier program wrote.
func TestReadableNames(t *testing.T) {
	s := archivetest.NewItemServer()
	s.Collection("/cal/Büro/").Put("T%C3%BCr%20&%20Tor.ics", "1")
	scripts := archivetest.NewItemServer()
	scripts.Of = collection.Sieve
	scripts.Collection("").Put("Ürlaub", "keep;")
	contents := archived(t, s, scripts)
	for _, earlier := range []bool{false, true} {
		dir := t.TempDir()
		event, script := "calendars/name of %2Fcal%2FBüro%2F/Tür & Tor.ics", "sieve/Ürlaub.sieve"
		if earlier {
			event, script = "calendars/name of %2Fcal%2FB&APw-ro%2F/T&APw-r &- Tor.ics", "sieve/&ANw-rlaub.sieve"
			for name, content := range map[string]string{event: "1", script: "keep;"} {
				name = filepath.Join(dir, filepath.FromSlash(name))
				if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(content), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
		}
		report, err := items.ToFiles(t.Context(), dir, items.Options{Contents: contents})
		if present := report.Present == 2; err != nil || report.Added+report.Present != 2 || present != earlier {
			t.Errorf("%+v, %v", report, err)
		}
		for _, name := range []string{event, script} {
			if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestCalendarsOfOneName restores a calendar that is gone beside one of the same name: its events
// do not get into that one.
func TestCalendarsOfOneName(t *testing.T) {
	from, to := archivetest.NewItemServer(), archivetest.NewItemServer()
	from.Collection("/cal/jo/a/").Put("1.ics", "of the calendar that is gone")
	from.Collection("/cal/jo/b/").Put("2.ics", "of the other")
	to.Collection("/cal/jo/b/").Put("2.ics", "of the other")
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Subject: x\r\n\r\nx")
	a.Items = []collection.Source{work{from}}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	contents, err := archive.OpenManifest(t.Context(), r, archivetest.Backup(t, r, a).Head)
	if err != nil {
		t.Fatal(err)
	}
	report, err := items.ToServer(t.Context(), work{to}, items.Options{Contents: contents})
	if err != nil || report != (items.Report{Added: 1, Present: 1, Collections: 1}) || !maps.Equal(to.State(), from.State()) {
		t.Errorf("%+v, %v: the server has %q", report, err, to.State())
	}
}

// work is a server that calls each calendar Work.
type work struct{ *archivetest.ItemServer }

func (s work) Open(ctx context.Context) (server []collection.Field, all []collection.Collection, err error) {
	server, all, err = s.ItemServer.Open(ctx)
	for i := range all {
		all[i].Name = "Work"
	}
	return server, all, err
}

// TestEquivalent compares an event and its exception with what a server may make of them, and with
// what is another content.
func TestEquivalent(t *testing.T) {
	event := "BEGIN:VCALENDAR\r\nPRODID:x\r\n" +
		"BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:all\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:one\r\nRECURRENCE-ID:2\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	for other, want := range map[string]bool{
		event: true,
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\nRECURRENCE-ID:2\nSUMMARY:on\n e\nUID:1\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nSUMMARY:all\nEND:VEVENT\nPRODID:y\nEND:VCALENDAR": true,
		strings.NewReplacer("SUMMARY:all", "SUMMARY:one", "SUMMARY:one", "SUMMARY:all").Replace(event):                                                             false,
		strings.Replace(event, "UID:1\r\n", "", 1): false,
	} {
		if items.Equivalent(collection.Calendars, []byte(event), []byte(other)) != want {
			t.Errorf("%q: want %t", other, want)
		}
	}
	card := "BEGIN:VCARD\r\nitem1.EMAIL:a@x.example\r\nitem1.X-ABLabel:Work\r\nEND:VCARD\r\n"
	for other, want := range map[string]bool{
		"BEGIN:VCARD\r\nITEM1.X-ABLABEL:Work\r\nITEM1.EMAIL:a@x.example\r\nREV:20260101T000000Z\r\nEND:VCARD\r\n": true, // DAViCal
		"begin:vcard\r\nITEM1.X-ABLABEL:Work\r\nITEM1.EMAIL:a@x.example\r\nend:vcard\r\n":                         true,
		strings.ReplaceAll(card, "Work", "WORK"):                                                                  false,
		strings.Replace(card, "item1", "item2", 1):                                                                false,
	} {
		if items.Equivalent(collection.AddressBooks, []byte(card), []byte(other)) != want {
			t.Errorf("%q: want %t", other, want)
		}
	}
	attached := `ATTACH;ENCODING=BASE64;X-A="b;c:d";VALUE=BINARY:AA;B:C`
	for other, want := range map[string]bool{
		`ATTACH;VALUE=BINARY;ENCODING=BASE64;X-A="b;c:d":AA;B:C`: true,
		`ATTACH;VALUE=BINARY;ENCODING=BASE64;X-A="c:d;b":AA;B:C`: false,
		`ATTACH;VALUE=BINARY;ENCODING=BASE64;X-A="b;c:d":B;AA:C`: false,
		`ATTACH;VALUE=BINARY;ENCODING=BASE64:AA;B:C`:             false,
		`attach;encoding=BASE64;x-a="b;c:d";value=BINARY:AA;B:C`: true,
		`ATTACH;ENCODING=base64;X-A="b;c:d";VALUE=BINARY:AA;B:C`: false,
		`ATTACH;ENCODING=BASE64;X-A="b;c:d";VALUE=BINARY:aa;B:C`: false,
	} {
		if items.Equivalent(collection.Calendars, []byte(attached), []byte(other)) != want {
			t.Errorf("%q: want %t", other, want)
		}
	}
}

// FuzzEquivalent checks that comparisons take any bytes.
func FuzzEquivalent(f *testing.F) {
	f.Add([]byte("BEGIN:VEVENT\r\nSUMMARY;X=\"a:b\":c\r\n d\r\n"), []byte("x"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		for _, kind := range []collection.Kind{collection.Sieve, collection.Calendars, collection.AddressBooks} {
			if !items.Equivalent(kind, a, a) || items.Equivalent(kind, a, b) != items.Equivalent(kind, b, a) {
				t.Error("a comparison depends on the order")
			}
		}
	})
}
