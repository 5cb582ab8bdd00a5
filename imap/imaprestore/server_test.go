package imaprestore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/imapclient"
	"github.com/mailstrata/mailstrata/imap/imapsource"
	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// at returns the options for an account of a test server.
func at(t *testing.T, address, user, password string) imap.Options {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(port)
	return imap.Options{Host: host, Port: n, Security: imap.Plain, User: user, Password: password, Journal: t.TempDir(), Version: "test"}
}

// account is the content of an account: by mailbox, the messages by UID.
type account map[string][]restore.Message

// readAccount reads everything. It checks that sizes and numbers agree.
func readAccount(t *testing.T, opts imap.Options) account {
	t.Helper()
	s := imapsource.NewSource(opts)
	defer s.Close()
	survey, err := s.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := account{}
	for _, box := range survey.Mailboxes {
		if box.Selectable() {
			all[box.Name] = readMailbox(t, s, box)
		}
	}
	return all
}

func readMailbox(t *testing.T, s *imapsource.Source, box mail.Mailbox) (list []restore.Message) {
	t.Helper()
	v, err := s.Examine(t.Context(), box, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var messages []mail.Message
	for m, err := range v.Messages(t.Context(), mail.UIDRange{First: 1, Last: math.MaxUint32}) {
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, m)
	}
	if box.Status == nil || len(messages) != int(box.Status.Messages) {
		t.Errorf("%s: %d messages under a status of %v", box.Name, len(messages), box.Status)
	}
	bodies := map[mail.UID][]byte{}
	err = v.Bodies(t.Context(), messages, func(uid mail.UID, body io.Reader) (err error) {
		bodies[uid], err = io.ReadAll(body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		body, came := bodies[m.UID]
		if !came {
			t.Errorf("%s: message %d did not come", box.Name, m.UID)
		}
		list = append(list, wanted(m, body))
	}
	slices.SortFunc(list, func(a, b restore.Message) int { return int(a.UID) - int(b.UID) })
	return list
}

// text is an archived message in memory.
type text []byte

func (b text) WriteTo(_ context.Context, w io.Writer) error {
	_, err := w.Write(b)
	return err
}

func (b text) Verify(context.Context) error { return nil }

func wanted(m mail.Message, body []byte) restore.Message {
	header := func(context.Context) ([]byte, error) {
		end := regexp.MustCompile(`\n\r?\n`).FindIndex(body)
		if end == nil {
			return body, nil
		}
		return body[:end[1]], nil
	}
	return restore.Message{UID: m.UID, Hash: chunk.ID(sha256.Sum256(body)), Size: int64(len(body)), Flags: m.Flags, Internal: m.Internal, Header: header, Body: text(body)}
}

// restoreTo writes an account to a target and returns how many messages were added, and all
// reports.
func restoreTo(t *testing.T, opts imap.Options, mailboxes []mail.Mailbox, from account) (added int, said []string) {
	t.Helper()
	target := NewTarget(opts)
	defer target.Close()
	places, notes, err := target.Prepare(t.Context(), mailboxes)
	if err != nil {
		t.Fatal(err)
	}
	said = notes
	for _, place := range places {
		if place.Skip {
			continue
		}
		folder, err := target.Open(t.Context(), place)
		if err != nil {
			t.Fatal(err)
		}
		missing, err := folder.Missing(t.Context(), from[place.Mailbox])
		if err != nil {
			t.Fatal(err)
		}
		var batch []restore.Message
		for _, i := range missing {
			batch = append(batch, from[place.Mailbox][i])
		}
		results, err := addTo(t.Context(), folder, batch)
		if err != nil {
			t.Fatal(err)
		}
		for i, result := range results {
			if result.Added {
				added++
			} else {
				said = append(said, fmt.Sprintf("%s %d refused: %v", place.Mailbox, batch[i].UID, result.Refused))
			}
			for _, change := range result.Changed {
				said = append(said, fmt.Sprintf("%s %d: %s", place.Mailbox, batch[i].UID, change))
			}
		}
		folder.Close()
	}
	return added, said
}

func mailboxes(t *testing.T, opts imap.Options) []mail.Mailbox {
	t.Helper()
	s := imapsource.NewSource(opts)
	defer s.Close()
	survey, err := s.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return survey.Mailboxes
}

// ordinary returns messages that every server should keep as they are.
func ordinary() []testbed.Message {
	when := time.Date(2019, 2, 3, 4, 5, 6, 0, time.FixedZone("", 5*3600+1800))
	return []testbed.Message{
		{Body: "Subject: one\r\n\r\nhello\r\n", Date: when, Flags: []string{`\Seen`, `\Flagged`}},
		{Body: "Subject: one\r\n\r\nhello\r\n", Date: when.Add(time.Hour), Flags: []string{"$Forwarded", "work"}},
		{Body: "Subject: one\r\n\r\nhello\r\n", Date: when, Flags: []string{`\Seen`, `\Flagged`}}, // a second copy
		{Body: "Subject: no end", Date: when},
		{Body: "Subject: lines\r\n\r\n" + strings.Repeat("x", 1<<20) + "\r\n", Date: when, Flags: []string{`\Answered`, `\Draft`}},
		{Body: "Subject: long\r\n\r\n" + strings.Repeat(strings.Repeat("0123456789", 7)+"\r\n", 10_000), Date: when},
		{Body: "Subject: 8 bit\r\n\r\n\xff\xfe caf\xe9\r\n", Date: when},
	}
}

func same(t *testing.T, what string, have, want []restore.Message) {
	t.Helper()
	describe := func(list []restore.Message) (words []string) {
		for _, w := range list {
			// mox adds a keyword to messages that its filter accepts
			words = append(words, fmt.Sprintf("%x %v %d %d", w.Hash[:4], w.Flags.Without("$NotJunk"), w.Internal.Seconds, w.Size))
		}
		slices.Sort(words)
		return words
	}
	if h, w := describe(have), describe(want); !slices.Equal(h, w) {
		t.Errorf("%s: have\n%s\nwant\n%s", what, strings.Join(h, "\n"), strings.Join(w, "\n"))
	}
}

// roundTrip requires that what is restored is equal: bytes, flags, keywords, dates, copies.
// Restoring again adds nothing, with and without the journal.
func roundTrip(t *testing.T, from, to imap.Options) {
	t.Helper()
	boxes, original := mailboxes(t, from), readAccount(t, from)
	total := 0
	for _, list := range original {
		total += len(list)
	}
	added, said := restoreTo(t, to, boxes, original)
	if added != total || len(said) > 0 {
		t.Errorf("%d of %d added; %q", added, total, said)
	}
	copied := readAccount(t, to)
	for name, list := range original {
		for other, copies := range copied {
			if strings.EqualFold(strings.ReplaceAll(other, ".", "/"), name) {
				same(t, name, copies, list)
				delete(copied, other)
			}
		}
	}
	for name, extra := range copied {
		if len(extra) > 0 {
			t.Errorf("%s is unexpected", name)
		}
	}
	if added, said := restoreTo(t, to, boxes, original); added > 0 || len(said) > 0 {
		t.Errorf("again, with the journal: %d added; %q", added, said)
	}
	to.Journal = ""
	for name, extra := range copied {
		if len(extra) > 0 {
			t.Errorf("%s is unexpected", name)
		}
	}
	if added, said := restoreTo(t, to, boxes, original); added > 0 || len(said) > 0 {
		t.Errorf("again, without the journal: %d added; %q", added, said)
	}
}

func TestDovecotRoundTrip(t *testing.T) {
	dove := testbed.Dovecot(t, testbed.DovecotOptions{})
	for _, name := range []string{"INBOX", "Sent", "deep/er/still", "Entw&APw-rfe", "R&-D", "a&-b c", "123"} {
		dove.Deliver("anna", name, ordinary()...)
	}
	dove.Deliver("anna", "INBOX", testbed.Message{Body: "Subject: large\r\n\r\n" + strings.Repeat("0123456789\r\n", 1<<20), Date: time.Unix(1e9, 0)})
	from := at(t, dove.Addr, "anna", "pw")
	roundTrip(t, from, at(t, dove.Addr, "bert", "pw"))
	t.Run("dot", func(t *testing.T) {
		other := testbed.Dovecot(t, testbed.DovecotOptions{Separator: "."})
		roundTrip(t, from, at(t, other.Addr, "carl", "pw"))
	})
	t.Run("without extensions", func(t *testing.T) {
		other := testbed.Dovecot(t, testbed.DovecotOptions{Capability: "IMAP4rev1 UIDPLUS"})
		roundTrip(t, from, at(t, other.Addr, "dora", "pw"))
	})
	t.Run("compressed", func(t *testing.T) {
		opts := from
		opts.Compress = true
		plain, packed := readAccount(t, from), readAccount(t, opts)
		for name, list := range plain {
			same(t, name, packed[name], list)
		}
	})
}

// What a server changes or refuses is reported. The journal recognizes changed messages.
func TestDovecotMailboxLost(t *testing.T) {
	dove := testbed.Dovecot(t, testbed.DovecotOptions{})
	dove.Deliver("anna", "INBOX", ordinary()...)
	list := readAccount(t, at(t, dove.Addr, "anna", "pw"))["INBOX"]
	for name, lose := range map[string]func(*imapclient.Client) error{
		"deleted": func(c *imapclient.Client) error { return c.Delete(t.Context(), "deleted") },
		"renamed": func(c *imapclient.Client) error {
			return c.Do(t.Context(), imap.NewCommand("RENAME").Mailbox("renamed").Mailbox("elsewhere"))
		},
		"replaced": func(c *imapclient.Client) error {
			return errors.Join(c.Delete(t.Context(), "replaced"), c.Create(t.Context(), "replaced", ""))
		},
	} {
		t.Run(name, func(t *testing.T) {
			opts := at(t, dove.Addr, "anna", "pw")
			target := NewTarget(opts)
			defer target.Close()
			places, _, err := target.Prepare(t.Context(), []mail.Mailbox{{Raw: name, Name: name, Delimiter: "."}})
			if err != nil {
				t.Fatal(err)
			}
			folder, err := target.Open(t.Context(), places[0])
			if err != nil {
				t.Fatal(err)
			}
			if results, err := addTo(t.Context(), folder, list[:2]); err != nil || resultsOf(results) != "added; added" {
				t.Fatal(resultsOf(results), err)
			}
			other, err := imapclient.Dial(t.Context(), &opts)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			if err := lose(other); err != nil {
				t.Fatal(err)
			}
			if _, err := addTo(t.Context(), folder, list[2:]); !errors.Is(err, restore.ErrFolderLost) {
				t.Errorf("have %v", err)
			}
			folder.Close()
		})
	}
}

func TestDovecotAlterations(t *testing.T) {
	dove := testbed.Dovecot(t, testbed.DovecotOptions{})
	opts := at(t, dove.Addr, "odo", "pw")
	date := mail.ParseDate("17-Jul-1996 02:44:25 -0700")
	var list []restore.Message
	for i, m := range []struct {
		body  string
		flags []string
		date  mail.Date
	}{
		{"Subject: LF\n\nbare\nlines\n", nil, date},
		{"Subject: NUL\r\n\r\na\x00b\r\n", nil, date},
		{"", nil, date},
		{"Subject: keyword\r\n\r\n", []string{"foo[bar]", "fine", "with space"}, date},
		{"Subject: date\r\n\r\n", nil, mail.ParseDate("yesterday")},
		{"\r\nno header\r\n", nil, date},
	} {
		list = append(list, wanted(mail.Message{UID: mail.UID(i + 1), Flags: m.flags, Internal: m.date}, []byte(m.body)))
	}
	boxes := []mail.Mailbox{{Raw: "odd", Name: "odd", Delimiter: "/"}}
	added, said := restoreTo(t, opts, boxes, account{"odd": list})
	t.Log(strings.Join(said, "\n"))
	for _, want := range []string{"odd 1: bare line feeds became CRLF", "odd 2: NUL became 0x80", "odd 3 refused", "odd 4: keyword foo[bar] was not kept", "odd 4: keyword with space left out", `odd 5: date "yesterday" left out`} {
		if !slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("nothing says %q", want)
		}
	}
	if added != len(list)-1 {
		t.Errorf("%d of %d added", added, len(list))
	}
	for _, journal := range []string{opts.Journal, ""} {
		opts.Journal = journal
		if added, _ := restoreTo(t, opts, boxes, account{"odd": list}); added != 0 {
			t.Errorf("again, with the journal %q: %d added", journal, added)
		}
	}
}

func TestMoxRoundTrip(t *testing.T) {
	mox := testbed.Mox(t)
	dove := testbed.Dovecot(t, testbed.DovecotOptions{})
	dove.Deliver("anna", "INBOX", ordinary()...)
	dove.Deliver("anna", "deep/er", ordinary()...)
	dove.Deliver("anna", "Entw&APw-rfe", ordinary()...)
	opts := at(t, mox.Addr, mox.User, mox.Password)
	opts.Insecure = true
	roundTrip(t, at(t, dove.Addr, "anna", "pw"), opts)
	s := imapsource.NewSource(opts)
	defer s.Close()
	server, err := s.Server(t.Context())
	if err != nil || len(server.Capabilities) == 0 {
		t.Errorf("have %v, %v", server, err)
	}
	t.Log(server)
}

// More folders are open than the server allows connections, and each gets its messages in order.
func TestMoreFoldersThanConnections(t *testing.T) {
	dove := testbed.Dovecot(t, testbed.DovecotOptions{Config: "mail_max_userip_connections = 2"})
	opts := at(t, dove.Addr, "anna", "pw")
	target := NewTarget(opts)
	var boxes []mail.Mailbox
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		boxes = append(boxes, mail.Mailbox{Raw: name, Name: name})
	}
	places, _, err := target.Prepare(t.Context(), boxes)
	if err != nil {
		t.Fatal(err)
	}
	var folders []restore.Folder
	for _, place := range places {
		folder, err := target.Open(t.Context(), place)
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, folder)
	}
	messages := some(6)
	for part := range slices.Chunk(messages, 2) {
		var group errgroup.Group
		for _, folder := range folders {
			group.Go(func() error {
				missing, err := folder.Missing(t.Context(), part)
				if err == nil && len(missing) != len(part) {
					err = fmt.Errorf("missing %v", missing)
				}
				if err == nil {
					_, err = addTo(t.Context(), folder, part)
				}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range folders {
		folder.Close()
	}
	target.Close()
	opts.Connections = 1
	for name, have := range readAccount(t, opts) {
		if name == "INBOX" {
			continue
		}
		same := func(a, b restore.Message) bool { return a.Hash == b.Hash }
		if !slices.EqualFunc(have, messages, same) {
			t.Errorf("%s holds %d messages, or in another order", name, len(have))
		}
	}
}

// A name that the server refuses is escaped, and found again.
func TestRefusedNameOnDovecot(t *testing.T) {
	dove := testbed.Dovecot(t, testbed.DovecotOptions{})
	opts := at(t, dove.Addr, "anna", "pw")
	boxes := []mail.Mailbox{{Raw: "v1.2/x", Name: "v1.2/x", Delimiter: "/", Subscribed: true}}
	from := account{"v1.2/x": {wanted(mail.Message{UID: 1}, []byte("Subject: x\r\n\r\n"))}}
	added, said := restoreTo(t, opts, boxes, from)
	if added != 1 || !strings.Contains(strings.Join(said, "\n"), "it is v1%2E2/x there") {
		t.Errorf("%d added; %q", added, said)
	}
	if added, _ := restoreTo(t, opts, boxes, from); added != 0 {
		t.Errorf("again: %d added", added)
	}
}

// Two mailboxes never become one.
func TestCollidingNames(t *testing.T) {
	dove := testbed.Dovecot(t, testbed.DovecotOptions{})
	target := NewTarget(at(t, dove.Addr, "anna", "pw"))
	defer target.Close()
	_, _, err := target.Prepare(t.Context(), []mail.Mailbox{{Raw: "a/b", Name: "a/b", Delimiter: "/"}, {Raw: "a.b", Name: "a.b", Delimiter: "."}})
	if err == nil || !strings.Contains(err.Error(), `"a/b" and "a.b"`) {
		t.Errorf("have %v", err)
	}
	if boxes := mailboxes(t, at(t, dove.Addr, "anna", "pw")); len(boxes) != 1 {
		t.Errorf("something was made: %v", boxes)
	}
}
