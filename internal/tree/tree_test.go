package tree

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
)

// On file systems that ignore case and on others, no two mailboxes share a directory.
func TestCheckApart(t *testing.T) {
	at := filepath.Join(t.TempDir(), "not there yet")
	ignored, err := ignoresCase(at)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		dirs []string
		ok   bool
	}{
		{[]string{"a", "b", "a/b", "."}, true},
		{[]string{"a", "b", "a"}, false},
		{[]string{"a", "A"}, !ignored},
		{[]string{"a/x", "A/y"}, !ignored},
	} {
		if err := CheckApart(at, make([]mail.Mailbox, len(test.dirs)), test.dirs); (err == nil) != test.ok {
			t.Errorf("%q: %v", test.dirs, err)
		}
	}
	if _, err := os.Stat(at); err == nil {
		t.Error("something was made")
	}
}

func TestNothingIsMadeOutside(t *testing.T) {
	at, outside := t.TempDir(), t.TempDir()
	tree, err := Open(at)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	for link, to := range map[string]string{"out": outside, "up": "..", "in": ".", "far": filepath.Join(outside, "x")} {
		if err := os.Symlink(to, filepath.Join(at, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"..", "../x", "out", "out/x", "up/x", "in", "in/x", "far"} {
		if err := tree.Mkdir(dir); err == nil {
			t.Errorf("%s was made", dir)
		}
		if _, _, err := tree.Files(dir, ".", "."); err == nil {
			t.Errorf("%s was opened", dir)
		}
	}
	if err := tree.Mkdir("a/b"); err != nil {
		t.Error(err)
	}
	if err := tree.Sync(); err != nil {
		t.Error(err)
	}
	if _, err := tree.Rel(outside); err == nil || !strings.Contains(err.Error(), outside) {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(outside); len(entries) > 0 {
		t.Errorf("there are %v", entries)
	}
}
