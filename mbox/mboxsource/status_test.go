package mboxsource

import (
	"os"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mbox/mboxrestore"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A message that was read in a mail program is the same message: nothing is gone, and a restore has
// the fields of each program.
func TestReadMessages(t *testing.T) {
	for name, states := range map[string][2]string{
		"mutt":        {"", "Status: RO\nContent-Length: 2\nLines: 1\n"},
		"Dovecot":     {"X-UID: 1\nStatus: O\n", "X-UID: 1\nStatus: RO\nX-Keywords: a                \n"},
		"Thunderbird": {"X-Mozilla-Status: 0000\nX-Mozilla-Status2: 00000000\n", "X-Mozilla-Status: 0001\nX-Mozilla-Status2: 00000000\n"},
	} {
		path := t.TempDir() + "/INBOX.mbox"
		file := func(fields string) string {
			return strings.Repeat(fromA+fields+"Subject: a\n\nx\n\n", 100)
		}
		put(t, path, file(states[0]))
		r := archivetest.NewRepo(t, new(storetest.Memory))
		archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
		put(t, path, file(states[1])+other)
		b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
		if b.Manifest.Totals.NewMessages != 1 || b.Manifest.Totals.Messages != 101 || len(b.Manifest.Alarm) > 0 {
			t.Errorf("%s: %+v, %v", name, b.Manifest.Totals, b.Manifest.Warnings)
		}
	}
	path := t.TempDir() + "/INBOX.mbox"
	text := fromA + "X-Mozilla-Status: 0001\nSubject: a\nSTATUS:R\nTo: b\nContent-Length: 2\n\nx\n\n"
	put(t, path, text)
	r := archivetest.NewRepo(t, new(storetest.Memory))
	b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	back := t.TempDir() + "/back.mbox"
	archivetest.RestoreTo(t, r, b.Head, mboxrestore.New(back))
	if have, err := os.ReadFile(back); err != nil || string(have) != text {
		t.Errorf("have %q, want %q, %v", have, text, err)
	}
}
