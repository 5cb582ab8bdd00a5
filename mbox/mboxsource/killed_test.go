package mboxsource

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A run is killed after it read messages, and the mbox has others then, of the same size and date:
// those are archived.
func TestKilledRun(t *testing.T) {
	var dead atomic.Bool
	store := &storetest.Faulty{Store: &storetest.Memory{}, Fail: func(op storetest.Op) storetest.Fault {
		if dead.Load() && op.Kind == "put" {
			return storetest.Refuse
		}
		return storetest.None
	}}
	r, err := repo.Init(t.Context(), store, repo.InitOptions{NoSeal: true, Options: repo.Options{CacheDir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/INBOX"
	text := func(word string) string {
		var b strings.Builder
		for i := range 200 {
			fmt.Fprintf(&b, "%sSubject: %s %03d\n\n%s\n\n", fromA, word, i, strings.Repeat(word, 1000))
		}
		return b.String()
	}
	put(t, path, first)
	archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	put(t, path, first+text("one"))
	dead.Store(true)
	if b := archivetest.TryBackupFiles(t.Context(), r, "mbox:"+path, New(path, nil)); b.Err == nil || b.Kept {
		t.Fatal(b.Err, b.Kept)
	}
	dead.Store(false)
	put(t, path, first+text("two"))
	b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	have := archivetest.ArchivedMail(t, r, b.Head)
	if len(have) != 201 || strings.Contains(strings.Join(have, ""), "one") {
		t.Errorf("%d messages, and not those of the file", len(have))
	}
}
