package disk_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/eml/emlsource"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// failing is a Store in which folders cannot be listed, or are Unreadable.
type failing struct {
	disk.Store
	list       map[string]error // by name; the errors of List
	unreadable string           // the name of an unreadable folder; those below it are not listed
}

func (s failing) Folders(ctx context.Context) (list []disk.Folder, _ []string, err error) {
	folders, notes, err := s.Store.Folders(ctx)
	for _, f := range folders {
		name := f.Mailbox().Raw
		switch {
		case name == s.unreadable:
			list = append(list, &disk.Unreadable{Box: f.Mailbox(), Above: name, Err: &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}})
		case s.unreadable != "" && strings.HasPrefix(name, s.unreadable+"/"):
		case s.list[name] != nil:
			list = append(list, failingFolder{f, s.list[name]})
		default:
			list = append(list, f)
		}
	}
	return list, notes, err
}

type failingFolder struct {
	disk.Folder
	err error
}

func (failingFolder) Version() uint64                                { return 0 }
func (f failingFolder) List(context.Context) (*disk.Contents, error) { return nil, f.err }

func write(t *testing.T, path, text string) {
	t.Helper()
	old := time.Unix(1_000_000_000, 0)
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, old, old)); err != nil {
		t.Fatal(err)
	}
}

// A folder that cannot be read keeps what is archived of it and of those below it, and is a
// failure. The others go on. The clock is that of a bubble, because a run waits before it reads a
// mailbox again.
func TestUnreadable(t *testing.T) { synctest.Test(t, testUnreadable) }

func testUnreadable(t *testing.T) {
	path := t.TempDir()
	if err := os.MkdirAll(path+"/a/b", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x", "a/x", "a/b/x"} {
		write(t, path+"/"+name+".eml", "Subject: "+name+"\n\n")
	}
	for name, store := range map[string]failing{
		"unreadable": {emlsource.New(path), nil, "a"},
		"refused":    {emlsource.New(path), map[string]error{"a": &fs.PathError{Op: "open", Path: "a", Err: fs.ErrPermission}}, ""},
		"shrinks":    {emlsource.New(path), map[string]error{"a/b": io.ErrUnexpectedEOF}, ""},
		"gone":       {emlsource.New(path), map[string]error{"a/b": &fs.PathError{Op: "open", Path: "a/b", Err: fs.ErrNotExist}}, ""},
	} {
		r := archivetest.NewRepo(t, new(storetest.Memory))
		first := archivetest.BackupFiles(t, r, "eml:"+path, emlsource.New(path))
		want := archivetest.ArchivedMail(t, r, first.Head)
		again := archivetest.BackupFiles(t, r, "eml:"+path, store)
		if have := archivetest.ArchivedMail(t, r, again.Head); !slices.Equal(have, want) || len(have) != 3 {
			t.Errorf("%s: difference: %s", name, archivetest.FirstDifference(have, want))
		}
		failed := func(f mail.Mailbox) bool { return strings.HasPrefix(f.Raw, "a") }
		if len(again.Manifest.Failures) == 0 || !failed(mail.Mailbox{Raw: again.Manifest.Failures[0].Mailbox}) {
			t.Errorf("%s: failures: %v", name, again.Manifest.Failures)
		}
		// Without anything archived, the others are archived.
		r = archivetest.NewRepo(t, new(storetest.Memory))
		alone := archivetest.BackupFiles(t, r, "eml:"+path, store)
		if have := archivetest.ArchivedMail(t, r, alone.Head); len(have) == 0 || len(alone.Manifest.Failures) == 0 {
			t.Errorf("%s: %q, failures %v", name, have, alone.Manifest.Failures)
		}
	}
}
