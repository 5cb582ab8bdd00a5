package restore_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/dir"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// contrib/restore.py restores manifests whose mailboxes are in tables and whose pages are in lists
// and groups of lists.
func TestLargeManifestsComeBackWithoutTheProgram(t *testing.T) {
	for _, tool := range []string{"python3", "zstd"} {
		need.Program(t, tool, "apt-get install "+tool)
	}
	a := archivetest.NewAccount()
	large := a.Mailbox("large")
	for range 9 { // a full page, and an adjacent one that cannot be merged with it: 18 pages of few messages
		for range 257 {
			large.Add("Subject: x\r\n\r\nx")
		}
		large.Next += 255
	}
	medium := a.Mailbox("medium")
	for range 100 {
		medium.Add("Subject: x\r\n\r\ny")
	}
	last := large.Add("Subject: last\r\n\r\n")
	for i := range 1500 {
		a.Mailbox(fmt.Sprintf("a mailbox with a name that is not short %04d", i))
	}
	path := filepath.Join(t.TempDir(), "repository")
	store, err := dir.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	r := archivetest.NewRepo(t, store)
	defer r.Close()
	b := archivetest.Backup(t, r, a)
	contents, err := archive.OpenManifest(t.Context(), r, b.Head)
	if err != nil {
		t.Fatal(err)
	}
	listed, err := contents.Mailbox(t.Context(), "medium")
	if err != nil || len(listed.Lists) == 0 || len(b.Manifest.Tables) == 0 {
		t.Fatalf("%d lists of pages, %d tables of mailboxes: %v", len(listed.Lists), len(b.Manifest.Tables), err)
	}
	if grouped, err := contents.Mailbox(t.Context(), "large"); err != nil || len(grouped.Groups) == 0 {
		t.Fatalf("%d groups of page lists: %v", len(grouped.Groups), err)
	}
	out := filepath.Join(t.TempDir(), "out")
	var stderr bytes.Buffer
	script := exec.Command("python3", filepath.Join("..", "contrib", "restore.py"), path, out)
	script.Stderr = &stderr
	if err := script.Run(); err != nil {
		t.Fatalf("restore.py: %v\n%s", err, stderr.String())
	}
	for _, box := range []*archivetest.Mailbox{medium, large} {
		found, err := os.ReadDir(filepath.Join(out, box.Name))
		if err != nil || len(found) != len(box.Messages) {
			t.Errorf("%s: %d of %d messages, %v", box.Name, len(found), len(box.Messages), err)
		}
	}
	body, err := os.ReadFile(filepath.Join(out, "large", fmt.Sprintf("%d.eml", last.UID)))
	if err != nil || !bytes.Equal(body, last.Body) {
		t.Errorf("the last message is %q, %v", body, err)
	}
	if boxes, err := os.ReadDir(out); err != nil || len(boxes) != len(a.Mailboxes)+1 { // and messages.jsonl
		t.Errorf("%d of %d mailboxes, %v", len(boxes)-1, len(a.Mailboxes), err)
	}
}

// contrib/restore.py restores scripts, events and contacts byte for byte.
func TestItemsComeBackWithoutTheProgram(t *testing.T) {
	for _, tool := range []string{"python3", "zstd"} {
		need.Program(t, tool, "apt-get install "+tool)
	}
	a, calendars, scripts := archivetest.NewAccount(), archivetest.NewItemServer(), archivetest.NewItemServer()
	a.Mailbox("INBOX").Add("Subject: x\r\n\r\nx")
	scripts.Of = collection.Sieve
	for _, name := range []string{"../vacation", "ä.sieve", "%C3%A4.sieve"} {
		scripts.Collection("").Put(name, "keep; # "+name)
	}
	for i := range 100 {
		calendars.Collection("/cal/jo/../office/").Put(fmt.Sprintf("a%%2Fb %d.ics", i), fmt.Sprintf("BEGIN:VCALENDAR\r\n%d", i))
	}
	calendars.Collection("/cal/jo/").Put("long.ics", string(archivetest.RandomBytes(1, 1<<21)))
	calendars.Collection("/cal/jo/").Put("..", "dots")
	a.Items = []collection.Source{calendars, scripts}
	path := filepath.Join(t.TempDir(), "repository")
	store, err := dir.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	r := archivetest.NewRepo(t, store)
	defer r.Close()
	archivetest.Backup(t, r, a)
	out := filepath.Join(t.TempDir(), "out")
	script := exec.Command("python3", filepath.Join("..", "contrib", "restore.py"), path, out)
	if output, err := script.CombinedOutput(); err != nil || !bytes.Contains(output, []byte("1 messages and 105 items restored, 0 not")) {
		t.Fatalf("restore.py: %v\n%s", err, output)
	}
	lines, err := os.ReadFile(filepath.Join(out, "items.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	want := calendars.State()
	maps.Copy(want, scripts.State())
	for line := range bytes.Lines(lines) {
		var item struct{ File, Path, Name string }
		if err := json.Unmarshal(line, &item); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(out, item.File))
		if err != nil || string(content) != want[item.Path+item.Name] {
			t.Errorf("%s%s has %d bytes, %v", item.Path, item.Name, len(content), err)
		}
		if !filepath.IsLocal(item.File) {
			t.Errorf("%s is outside of the directory", item.File)
		}
		delete(want, item.Path+item.Name)
	}
	if len(want) > 0 {
		t.Errorf("%d items were not restored", len(want))
	}
}
