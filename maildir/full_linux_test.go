package maildir

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// A full disk ends the restore with a clear error. Complete files stay, there are no partial ones,
// and with more room the next restore adds the rest.
func TestFullDisk(t *testing.T) {
	path := t.TempDir()
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("only root may mount a small file system:", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(path, syscall.MNT_DETACH) })
	var wanted []restore.Message
	for uid := range mail.UID(30) {
		wanted = append(wanted, message(uid+1, text("a")+strings.Repeat("x", 99_000+int(uid)), someDate))
	}
	target := New(path, Options{})
	places, _, err := target.Prepare(t.Context(), []mail.Mailbox{box("INBOX")})
	if err != nil {
		t.Fatal(err)
	}
	f, err := target.Open(t.Context(), places[0])
	if err != nil {
		t.Fatal(err)
	}
	fates, err := f.Append(t.Context(), wanted)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "make room") {
		t.Errorf("a full disk: %v", err)
	}
	if err := errors.Join(f.Close(), target.Close()); err != nil {
		t.Error(err)
	}
	checkWhole(t, path, len(fates))
	if err := syscall.Mount("tmpfs", path, "tmpfs", syscall.MS_REMOUNT, "size=10m"); err != nil {
		t.Fatal(err)
	}
	added, _, _ := restoreTo(t, New(path, Options{}), []mail.Mailbox{box("INBOX")}, map[string][]restore.Message{"INBOX": wanted})
	if added != len(wanted)-len(fates) {
		t.Errorf("%d messages added later, want %d", added, len(wanted)-len(fates))
	}
	checkWhole(t, path, len(wanted))
}

// checkWhole checks the number of messages and that each is complete.
func checkWhole(t *testing.T, path string, n int) {
	t.Helper()
	files := messageFiles(t, path)
	if len(files) != n || n == 0 {
		t.Errorf("there are %d files, want %d", len(files), n)
	}
	for _, file := range files {
		info, err := os.Stat(path + "/" + file)
		if err != nil || info.Size() < 99_000 || !strings.HasPrefix(file, "cur/") {
			t.Error(file, err)
		}
	}
}

func TestReadOnly(t *testing.T) {
	path := t.TempDir()
	if err := syscall.Mount("tmpfs", path, "tmpfs", syscall.MS_RDONLY, ""); err != nil {
		t.Skip("only root may mount a file system:", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(path, syscall.MNT_DETACH) })
	_, _, err := New(path, Options{}).Prepare(t.Context(), []mail.Mailbox{box("INBOX")})
	if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
}
