package e2e_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// A restore to a disk that becomes full says so and stops. What it wrote is complete. With more
// room, another restore adds the rest, and nothing twice.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=2m,mode=0755"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(small, syscall.MNT_DETACH) })
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	f := place(t, dovecot, "anna")
	f.put("INBOX", generate.New(30).Messages(100)...)
	f.done()
	h := newHost(t)
	h.onDirectory()
	h.backUp(0, accountURL("anna", dovecot.Addr))
	want := readAccount(t, dovecot.Addr, "anna", imapPassword)

	back := filepath.Join(small, "back")
	for kind, name := range map[string]string{"zip": "back.zip", "tar": "back.tar", "mbox": "back.mbox"} {
		file := filepath.Join(small, name) // one sentence, with the name that the user gave
		e := h.must(1, "restore", "latest", "--to", kind+":"+file)
		want := "mailstrata: mailbox \"INBOX\": write " + file + ": no space left on device: make room there and run it again\n"
		if !strings.Contains(e.stderr, want) {
			t.Errorf("%s says\n%s, and not %q", e.call, e.stderr, want)
		}
		if left := dirEntries(t, small); len(left) > 0 {
			t.Errorf("there is left %q", left)
		}
	}
	h.fails(1, "full|no space", "make room", "restore", "latest", "--to", "maildir:"+back, "--eol", "keep")
	first := wholeOnly(t, back, want)
	if first == 0 || first >= 100 {
		t.Errorf("%d of 100 messages fitted", first)
	}
	if left := dirEntries(t, filepath.Join(back, "tmp")); len(left) > 0 {
		t.Errorf("in tmp there is left %q", left)
	}
	if err := syscall.Mount("tmpfs", small, "tmpfs", syscall.MS_REMOUNT, "size=100m"); err != nil {
		t.Fatal(err)
	}
	r := h.restore(0, "latest", "maildir:"+back, "--eol", "keep")
	if n := wholeOnly(t, back, want); n != 100 || r.Added+r.Present != 100 || r.Present != first {
		t.Errorf("after %d messages there are %d; the restore reports %+v", first, n, r)
	}
}
