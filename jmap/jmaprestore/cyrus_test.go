package jmaprestore_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/imapclient"
	"github.com/mailstrata/mailstrata/imap/imaprestore"
	"github.com/mailstrata/mailstrata/imap/imapsource"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/jmap/jmaprestore"
	"github.com/mailstrata/mailstrata/jmap/jmapsource"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/restore"
)

// counter counts requests.
type counter struct {
	base      http.RoundTripper
	mu        sync.Mutex
	requests  int
	downloads int
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.requests++
	if strings.Contains(r.URL.Path, "/download/") {
		c.downloads++
	}
	c.mu.Unlock()
	return c.base.RoundTrip(r)
}

// take returns the counts, and begins again.
func (c *counter) take() (requests, downloads int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	requests, downloads, c.requests, c.downloads = c.requests, c.downloads, 0, 0
	return requests, downloads
}

// account is an account on a Cyrus.
type account struct {
	t       *testing.T
	server  testbed.CyrusServer
	user    string
	of      string // whose account; "": the user's
	counter *counter
}

func newAccount(t *testing.T, server testbed.CyrusServer, user string) *account {
	server.Deliver(t, user, "INBOX") // it makes the account
	return &account{t, server, user, "", &counter{base: new(http.Transport)}}
}

func (a *account) url() string {
	of := ""
	if a.of != "" {
		of = "#" + a.of
	}
	return "jmap:" + strings.Replace(a.server.URL, "http://", "http://"+a.user+"@", 1) + "/jmap/" + of
}

func (a *account) client() *jmap.Client {
	a.t.Helper()
	u, err := jmap.ParseURL(a.url())
	if err != nil {
		a.t.Fatal(err)
	}
	return jmap.NewClient(jmap.Options{URL: u, Password: a.server.Password, Transport: a.counter})
}

// backup archives the account over JMAP.
func (a *account) backup(r *repo.Repo, opts jmapsource.Options) *backup.Result {
	a.t.Helper()
	from := jmapsource.New(a.client(), opts)
	return run(a.t, r, backup.Account{Name: "jmap " + a.user + a.of, URL: a.url(), Source: from, Continue: from.Continue})
}

// backupIMAP archives the account over IMAP.
func (a *account) backupIMAP(r *repo.Repo) *backup.Result {
	a.t.Helper()
	return run(a.t, r, backup.Account{Name: "imap " + a.user, URL: "imap://" + a.user + "@" + a.server.Addr, Source: imapsource.NewSource(a.imap())})
}

func (a *account) imap() imap.Options {
	a.t.Helper()
	o, err := imap.ParseURL("imap://" + a.user + "@" + a.server.Addr)
	if err != nil {
		a.t.Fatal(err)
	}
	o.Password = a.server.Password
	return o
}

// share lets another user read INBOX.
func (a *account) share(with string) {
	a.t.Helper()
	opts := a.imap()
	c, err := imapclient.Dial(a.t.Context(), &opts)
	if err != nil {
		a.t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetRights(a.t.Context(), "INBOX", with, "lrs"); err != nil {
		a.t.Fatal(err)
	}
}

func run(t *testing.T, r *repo.Repo, account backup.Account) *backup.Result {
	t.Helper()
	results, err := backup.Run(t.Context(), r, []backup.Account{account}, backup.Options{Program: "test"})
	if err != nil || len(results) != 1 || results[0].Err != nil {
		t.Fatal(err, results[0].Err)
	}
	if m := results[0].Manifest; len(m.Failures) > 0 || !m.Consistent {
		t.Fatalf("failures %v, warnings %q", m.Failures, m.Warnings)
	}
	return results[0]
}

func (a *account) restore(r *repo.Repo, from *backup.Result) (added int64) {
	a.t.Helper()
	report := archivetest.RestoreTo(a.t, r, from.Head, jmaprestore.New(a.client(), nil))
	if len(report.Problems) > 0 {
		a.t.Errorf("problems: %+v", report.Problems)
	}
	for _, note := range report.Notes {
		a.t.Log(note)
	}
	return report.Added
}

// message returns a message with many lines.
func message(n int) string {
	return fmt.Sprintf("Message-ID: <%d@mail.example>\r\nFrom: anna@mail.example\r\nSubject: message %d\r\n\r\n%s", n, n, strings.Repeat(fmt.Sprintf("line %d\r\n", n), 10*n))
}

var day = time.Date(2026, 3, 8, 14, 30, 0, 0, time.FixedZone("", 3600))

// fill puts messages into the account: of several mailboxes, with flags and keywords, one in two
// mailboxes.
func (a *account) fill() {
	a.t.Helper()
	for name, role := range map[string]string{"Trash": "trash", "Junk": "junk"} {
		object := map[string]any{"name": name, "role": role, "isSubscribed": true}
		var made jmap.SetResult
		err := a.client().One(a.t.Context(), "Mailbox/set", map[string]any{"create": map[string]any{"m": object}}, &made)
		if err != nil || made.Created["m"].ID == "" {
			a.t.Fatal(err, made.NotCreated["m"])
		}
	}
	for i, box := range []string{"INBOX", "INBOX", "Projects", "Projects/2023", "Trash", "Junk", "Größe"} {
		if box == "Größe" {
			box = "Gr&APYA3w-e"
		}
		m := testbed.Message{Body: message(i), Date: day.Add(time.Duration(i) * time.Hour)}
		m.Flags = [][]string{nil, {`\Seen`, `\Flagged`}, {`\Answered`, "work", "$Forwarded"}}[i%3]
		a.server.Deliver(a.t, a.user, box, m)
	}
	both := testbed.Message{Body: message(20), Date: day, Flags: []string{`\Seen`}}
	a.server.Deliver(a.t, a.user, "INBOX", both)
	a.server.Deliver(a.t, a.user, "Projects", both)
}

func newRepo(t *testing.T) *repo.Repo { return archivetest.NewRepo(t, new(storetest.Memory)) }

// sameMail compares two archives, without the case of keywords, which JMAP has not.
func sameMail(t *testing.T, what string, have, want []string) {
	t.Helper()
	for _, lines := range [][]string{have, want} {
		for i := range lines {
			lines[i] = strings.Replace(lines[i], "$Forwarded", "$forwarded", 1)
		}
		slices.Sort(lines)
	}
	if !slices.Equal(have, want) {
		t.Errorf("%s: %s", what, archivetest.FirstDifference(have, want))
	}
}

// What an account has comes back over JMAP and over IMAP: bytes, flags, keywords, mailboxes, dates.
// A second restore adds nothing, and both protocols give the same messages.
func TestRoundTrip(t *testing.T) {
	server := testbed.Cyrus(t, testbed.CyrusOptions{HTTP: true})
	r := newRepo(t)
	anna, bert, carl := newAccount(t, server, "anna"), newAccount(t, server, "bert"), newAccount(t, server, "carl")
	anna.fill()
	first := anna.backup(r, jmapsource.Options{})
	if requests, downloads := anna.counter.take(); downloads != 8 {
		t.Errorf("%d downloads of 8 messages, %d requests", downloads, requests)
	}
	want := archivetest.ArchivedMail(t, r, first.Head)
	if !slices.ContainsFunc(want, func(line string) bool { return strings.HasPrefix(line, `All Mail [\Seen] [Projects \Inbox]`) }) {
		t.Errorf("no message is in two mailboxes: %q", want)
	}
	if added := bert.restore(r, first); added != 9 {
		t.Errorf("%d messages were added", added)
	}
	sameMail(t, "over JMAP", archivetest.ArchivedMail(t, r, bert.backup(r, jmapsource.Options{}).Head), want)
	if n := bert.restore(r, first); n != 0 {
		t.Errorf("the second restore added %d messages", n)
	}

	overIMAP := anna.backupIMAP(r)
	if have, want := archivetest.ArchivedHashes(t, r, first.Head), archivetest.ArchivedHashes(t, r, overIMAP.Head); !slices.Equal(have, slices.Compact(want)) {
		t.Errorf("JMAP gives %d messages, IMAP %d, and not the same", len(have), len(want))
	}
	report := archivetest.RestoreTo(t, r, first.Head, imaprestore.NewTarget(carl.imap()))
	if len(report.Problems) > 0 || report.Added != 9 {
		t.Errorf("%d messages were added over IMAP, problems %+v", report.Added, report.Problems)
	}
	sameMail(t, "over IMAP", archivetest.ArchivedMail(t, r, carl.backupIMAP(r).Head), archivetest.ArchivedMail(t, r, overIMAP.Head))
}

// An account that another user shares is archived as one of its own, and a backup of one's own
// names it.
func TestSharedAccount(t *testing.T) {
	server := testbed.Cyrus(t, testbed.CyrusOptions{HTTP: true})
	r := newRepo(t)
	anna, bert := newAccount(t, server, "anna"), newAccount(t, server, "bert")
	server.Deliver(t, "bert", "INBOX", testbed.Message{Body: message(1), Date: day})
	bert.share("anna")
	own := anna.backup(r, jmapsource.Options{})
	if warnings := strings.Join(own.Manifest.Warnings, "\n"); !strings.Contains(warnings, `1 other accounts, such as "bert"`) {
		t.Errorf("warnings: %s", warnings)
	}
	anna.of = "bert"
	shared := anna.backup(r, jmapsource.Options{})
	if have := archivetest.ArchivedMail(t, r, shared.Head); len(have) != 1 || !strings.Contains(have[0], "Subject: message 1") || len(shared.Manifest.Warnings) > 0 {
		t.Errorf("of bert: %q, %q", have, shared.Manifest.Warnings)
	}
	if len(archivetest.ArchivedMail(t, r, own.Head)) != 0 {
		t.Error("bert's mail is in anna's account")
	}
	anna.of = "carl"
	if _, err := anna.client().Session(t.Context()); err == nil || !strings.Contains(err.Error(), `no account with mail of the name or id "carl"; it has ["anna" "bert"]`) {
		t.Error(err)
	}
}

// After a restore with removal, the account is the archive.
func TestPruneOnCyrus(t *testing.T) {
	server := testbed.Cyrus(t, testbed.CyrusOptions{HTTP: true})
	r := newRepo(t)
	anna, bert := newAccount(t, server, "anna"), newAccount(t, server, "bert")
	anna.fill()
	first := anna.backup(r, jmapsource.Options{Mailboxes: true})
	bert.fill()
	bert.change()
	server.Deliver(t, "bert", "Old/Older", testbed.Message{Body: message(40), Date: day})
	for round := range 2 {
		c, err := archive.OpenManifest(t.Context(), r, first.Head)
		if err != nil {
			t.Fatal(err)
		}
		target := jmaprestore.New(bert.client(), nil)
		report, err := restore.Run(t.Context(), restore.Options{Contents: c, Target: target, ReportDir: t.TempDir(), Mirror: &restore.MirrorOptions{}})
		if err := errors.Join(err, target.Close()); err != nil || len(report.Problems) > 0 {
			t.Fatalf("%v, %+v", err, report)
		}
		if done := report.Mirror; round == 1 && (done.Removed+done.FlagsSet+done.MailboxesRemoved > 0 || report.Added > 0) {
			t.Errorf("the second run: %+v, %+v", done, report)
		}
		have := archivetest.ArchivedMail(t, r, bert.backup(r, jmapsource.Options{Mailboxes: true}).Head)
		sameMail(t, "pruned", have, archivetest.ArchivedMail(t, r, first.Head))
	}
}

// A night without changes costs two requests. After changes, the archive is what a new listing
// gives, and what was archived is not downloaded again.
func TestNights(t *testing.T) {
	server := testbed.Cyrus(t, testbed.CyrusOptions{HTTP: true})
	for name, opts := range map[string]jmapsource.Options{"labels": {}, "mailboxes": {Mailboxes: true}} {
		r := newRepo(t)
		anna := newAccount(t, server, name)
		anna.fill()
		first := anna.backup(r, opts)
		anna.counter.take()
		again := anna.backup(r, opts)
		if requests, downloads := anna.counter.take(); requests != 2 || downloads != 0 {
			t.Errorf("%s: nothing changed: %d requests, %d downloads", name, requests, downloads)
		}
		sameMail(t, name+", unchanged", archivetest.ArchivedMail(t, r, again.Head), archivetest.ArchivedMail(t, r, first.Head))
		anna.change()
		uids := archivetest.ArchivedUIDs(t, r, first.Head)
		changed := anna.backup(r, opts)
		requests, downloads := anna.counter.take()
		t.Logf("%s: after changes: %d requests, %d downloads", name, requests, downloads)
		if most := map[bool]int{false: 2, true: 3}[opts.Mailboxes]; downloads > most || requests > downloads+8 {
			t.Errorf("%s: after changes: %d requests, %d downloads", name, requests, downloads)
		}
		other := newRepo(t)
		sameMail(t, name, archivetest.ArchivedMail(t, r, changed.Head), archivetest.ArchivedMail(t, other, anna.backup(other, opts).Head))
		for line, uid := range archivetest.ArchivedUIDs(t, r, changed.Head) {
			if was, there := uids[line]; there && was != uid {
				t.Errorf("%s: a message had UID %s and has %s", name, was, uid)
			}
		}
	}
}

// change adds a message, deletes one, changes flags, and moves messages.
func (a *account) change() {
	a.t.Helper()
	a.server.Deliver(a.t, a.user, "INBOX", testbed.Message{Body: message(30), Date: day})
	c := a.client()
	boxes := make(map[string]string)
	var got jmap.Got[jmap.Mailbox]
	var list jmap.Queried
	var emails struct {
		List []struct{ ID, Subject string }
	}
	must := func(err error) {
		a.t.Helper()
		if err != nil {
			a.t.Fatal(err)
		}
	}
	must(c.One(a.t.Context(), "Mailbox/get", map[string]any{"ids": nil}, &got))
	for _, m := range got.List {
		boxes[m.Name] = m.ID
	}
	must(c.One(a.t.Context(), "Email/query", nil, &list))
	must(c.One(a.t.Context(), "Email/get", map[string]any{"ids": list.IDs, "properties": []string{"id", "subject"}}, &emails))
	update, destroy := make(map[string]any), []string(nil)
	for _, e := range emails.List {
		switch e.Subject {
		case "message 0":
			destroy = append(destroy, e.ID)
		case "message 1":
			update[e.ID] = map[string]any{"keywords/$seen": nil, "keywords/new": true}
		case "message 2":
			update[e.ID] = map[string]any{"mailboxIds": jmap.Set{boxes["Trash"]}}
		case "message 3":
			update[e.ID] = map[string]any{"mailboxIds/" + boxes["Projects"]: true}
		}
	}
	var result jmap.SetResult
	must(c.One(a.t.Context(), "Email/set", map[string]any{"update": update, "destroy": destroy}, &result))
	if len(result.Updated) != 3 || len(result.NotUpdated) > 0 {
		a.t.Fatalf("%+v", result)
	}
	a.counter.take()
}
