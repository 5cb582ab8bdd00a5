package jmapsource_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/jmap/internal/jmaptest"
	"github.com/mailstrata/mailstrata/jmap/jmapsource"
)

// An account that is read over IMAP, then over JMAP, and over IMAP again has in each night the
// messages of that night, although both number the messages of the same mailbox. No night has an
// alarm.
func TestFromIMAPAndBack(t *testing.T) {
	overJMAP, overIMAP, r := jmaptest.New(), archivetest.NewAccount(), newRepo(t)
	var want []string
	add := func(body string) {
		want = append(want, body)
		overJMAP.Add(body, "tr")
		overIMAP.Mailbox("Trash").Add(body)
	}
	night := func(account backup.Account) {
		t.Helper()
		results, err := backup.Run(t.Context(), r, []backup.Account{account}, backup.Options{Program: "test"})
		if err = errors.Join(err, results[0].Err); err != nil {
			t.Fatal(err)
		}
		var have []string
		for _, line := range mailOf(t, r, results[0]) {
			have = append(have, line[strings.Index(line, `"Subject`):])
		}
		quoted := make([]string, len(want))
		for i, body := range want {
			quoted[i] = fmt.Sprintf("%q", body)
		}
		slices.Sort(have)
		slices.Sort(quoted)
		if alarm := results[0].Manifest.Alarm; !slices.Equal(have, quoted) || len(alarm) > 0 {
			t.Errorf("%s: alarms %q, %s", account.URL, alarm, archivetest.FirstDifference(have, quoted))
		}
	}
	for n, jmap := range []bool{false, true, true, false, false, true} {
		for i := range 20 {
			add(fmt.Sprintf("Subject: %d %d\r\n\r\n%s", n, i, strings.Repeat("x", i)))
		}
		account := backup.Account{Name: "anna", URL: "imaps://anna@mail.example", Source: overIMAP}
		if jmap {
			from := jmapsource.New(client(t, overJMAP), jmapsource.Options{})
			account = backup.Account{Name: "anna", URL: url, Source: from, Continue: from.Continue}
		}
		night(account)
	}
}
