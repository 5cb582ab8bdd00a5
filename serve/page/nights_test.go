package page_test

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/serve/view"
)

var chosenOption = regexp.MustCompile(`<option value="([0-9a-f]+)" selected>`)

// chosen returns the ids that the lists of a page have chosen.
func chosen(text string) (ids []string) {
	for _, m := range chosenOption.FindAllStringSubmatch(text, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

// nightIDs returns the ids of the nights of an account, the newest first.
func (b *browser) nightIDs() (ids []string) {
	text := b.get(address("account", "a", account))
	for _, link := range links(text[strings.Index(text, "<tbody"):strings.Index(text, "</tbody>")]) {
		if values, err := url.ParseQuery(strings.TrimPrefix(link, "night?")); err == nil && values.Get("n") != "" {
			ids = append(ids, values.Get("n"))
		}
	}
	return ids
}

// A comparison since a day is never that of a backup with itself, also if there are several on the
// day. The form shows what is compared, and to send it again shows the same.
func TestCompareOnOneDay(t *testing.T) {
	a := archivetest.NewAccount()
	inbox := a.Mailbox("INBOX")
	store := new(storetest.Memory)
	noon := time.Now().Truncate(24 * time.Hour).Add(36 * time.Hour)
	store.Advance(time.Until(noon))
	r := archivetest.NewRepo(t, store)
	for i := range 3 {
		inbox.Add(fmt.Sprintf("Subject: number %d\r\n\r\nx\r\n", i))
		archivetest.Backup(t, r, a)
		store.Advance(time.Minute)
	}
	b := open(t, view.Archives{view.NewArchive(archivetest.Reopen(t, store))})
	ids := b.nightIDs()
	if len(ids) != 3 {
		t.Fatalf("%d nights", len(ids))
	}
	must(t, b.get(address("account", "a", account)), ids[0][:8]+"</code>", ids[2][:8]+"</code>")
	text := b.get(address("changes", "a", account, "since", noon.Local().Format(time.DateOnly)))
	if got := chosen(text); len(got) != 2 || got[0] != ids[2] || got[1] != ids[0] {
		t.Errorf("since the day, the pair is %v of %v", got, ids)
	}
	must(t, text, " · "+ids[1][:8])
	again := b.get(address("changes", "a", account, "n", ids[2], "b", ids[0]))
	if again != text {
		t.Errorf("the same pair has another page:\n%s\n%s", text, again)
	}
	store.Advance(24 * time.Hour)
	archivetest.Backup(t, r, a)
	b = open(t, view.Archives{view.NewArchive(archivetest.Reopen(t, store))})
	text = b.get(address("changes", "a", account, "since", noon.Local().Format(time.DateOnly)))
	if got := chosen(text); len(got) != 2 || got[0] != ids[0] || got[1] != b.nightIDs()[0] {
		t.Errorf("since the day before, the pair is %v of %v", got, ids)
	}
}

// Beside an alarm is what the night before had, and the command that brings it back.
func TestAlarmOffersTheNightBefore(t *testing.T) {
	a := archivetest.NewAccount()
	projects := a.Mailbox("Projects")
	archives := archived(t, a,
		func() {
			a.Mailbox("INBOX").Add("Subject: kept\r\n\r\nx\r\n")
			for i := range 60 {
				projects.Add(fmt.Sprintf("Subject: plan %d\r\n\r\nx\r\n", i))
			}
		},
		func() {
			for i := len(projects.Messages) - 1; i >= 0; i-- {
				projects.Expunge(projects.Messages[i].UID)
			}
		},
	)
	archives[0].Place, archives[0].KeyFile = "/srv/my mail", "/etc/key"
	b := open(t, archives)
	ids := b.nightIDs()
	text := html.UnescapeString(b.get(address("night", "a", account, "n", ids[0])))
	must(t, text, "Alarms", "mailstrata --repo '/srv/my mail' --key-file /etc/key restore "+ids[1][:8]+" --missing-from "+ids[0][:8]+" --to ",
		"changes?a=account-0&b="+ids[0]+"&n="+ids[1])
	mustNot(t, html.UnescapeString(b.get(address("night", "a", account, "n", ids[1]))), "--missing-from")
}

// Commands restore into the URL that the account was read from, with its scheme and its port.
func TestRestoreNamesTheSource(t *testing.T) {
	a := archivetest.NewAccount()
	b := open(t, archived(t, a, func() { a.Mailbox("INBOX").Add(mixed) }))
	for at, text := range b.walk(50) {
		if path, _, _ := strings.Cut(at, "?"); path == "night" || path == "mailbox" || path == "message" {
			must(t, text, "--to imap://test<")
		}
	}
}

// An account that is files is restored into a directory: its files are in use.
func TestRestoreOfFilesNamesADirectory(t *testing.T) {
	store := new(storetest.Memory)
	r := archivetest.NewRepo(t, store)
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add(mixed)
	_, err := backup.Run(t.Context(), r, []backup.Account{{Name: account, URL: "maildir:/var/mail/anna", Source: a}}, backup.Options{Program: "test"})
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, view.Archives{view.NewArchive(archivetest.Reopen(t, store))})
	must(t, b.get(address("night", "a", account)), "--to maildir:DIR<", "less than a second")
}
