package mboxsource

import (
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mbox/mboxrestore"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A newer Thunderbird writes From lines without a sender and a date, after those of earlier
// versions in the same file. The date is that of the header then, and a restore writes it.
func TestThunderbird(t *testing.T) {
	path := t.TempDir()
	const newer = "From \r\nX-Mozilla-Status: 0001\r\nX-Mozilla-Status2: 00000000\r\nSubject: b\r\nDate: Tue, 20 Aug 2019 05:19:27 +0200\r\n\r\n>From here\r\n\r\n"
	put(t, path+"/Inbox", "From - Tue Aug 20 03:19:26 2019\r\nX-Mozilla-Status: 0005\r\nSubject: a\r\n\r\nx\r\n\r\n"+newer)
	put(t, path+"/Sent", newer+newer)
	r := archivetest.NewRepo(t, new(storetest.Memory))
	b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	second := `[\Seen] [] 20-Aug-2019 05:19:27 +0200 "Subject: b\r\nDate: Tue, 20 Aug 2019 05:19:27 +0200\r\n\r\nFrom here\r\n"`
	want := []string{`INBOX [\Flagged \Seen] [] ` + date + ` "Subject: a\r\n\r\nx\r\n"`, "INBOX " + second, "Sent " + second, "Sent " + second}
	if have := archivetest.ArchivedMail(t, r, b.Head); !slices.Equal(have, want) || len(b.Manifest.Warnings) > 0 {
		t.Errorf("%s, %v", archivetest.FirstDifference(have, want), b.Manifest.Warnings)
	}

	back := t.TempDir() + "/back"
	if report := archivetest.RestoreTo(t, r, b.Head, mboxrestore.New(back)); !report.Whole() {
		t.Errorf("%+v", report.Problems)
	}
	again := archivetest.BackupFiles(t, r, "mbox:"+back, New(back, nil))
	want = strings.Split(strings.ReplaceAll(strings.Join(want, "\n"), "05:19:27 +0200 \"", "03:19:27 +0000 \""), "\n")
	if have := archivetest.ArchivedMail(t, r, again.Head); !slices.Equal(have, want) {
		t.Errorf("restored: %s", archivetest.FirstDifference(have, want))
	}
}
