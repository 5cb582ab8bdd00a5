package search_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mail/entity"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// contains finds a text in messages, and counts those that it reads.
type contains struct {
	text  string
	reads atomic.Int32
	err   error
}

func (*contains) Wants(e *entity.Entity) bool { return e.Type == "text" }

func (c *contains) Match(_ context.Context, raw []byte) (bool, error) {
	c.reads.Add(1)
	return bytes.Contains(raw, []byte(c.text)), c.err
}

// Of the messages whose records and headers match, Find reads each, and yields those that the
// matcher accepts, in order.
func TestFindReadsMessages(t *testing.T) {
	s := archivetest.NewMemReader(t)
	var letters []archivetest.Message
	var want []mail.UID
	for uid := mail.UID(1); uid <= 900; uid++ {
		letters = append(letters, archivetest.Message{
			UID: uid, Date: archivetest.SomeDate,
			Body: fmt.Appendf(nil, "Subject: %s\r\n\r\nbody %d.\r\n%d\r\n", []string{"even", "odd"}[uid%2], uid%7, uid),
		})
		if uid%2 == 1 && uid%7 == 3 && uid != 17 {
			want = append(want, uid)
		}
	}
	contents := s.Contents(t, s.Mailbox(t, "INBOX", letters...))
	inbox, err := contents.Mailbox(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	lost, err := contents.Entry(t.Context(), inbox, 17)
	if err != nil {
		t.Fatal(err)
	}
	s.Lose(lost.Parts[1].Chunks[0])
	find := func(m *contains) (got []mail.UID, errs []error) {
		for found, err := range search.Find(t.Context(), contents, search.Query{Subject: "odd", Message: m}, nil) {
			if err != nil {
				errs = append(errs, err)
			} else {
				got = append(got, found.Entry.UID)
			}
		}
		return got, errs
	}
	m := &contains{text: "body 3."}
	got, errs := find(m)
	if fmt.Sprint(got) != fmt.Sprint(want) || len(errs) != 1 || !strings.Contains(errs[0].Error(), "UID 17") {
		t.Errorf("found %v, want %v; %v", got, want, errs)
	}
	if n := m.reads.Load(); n != 449 {
		t.Errorf("%d messages read, want those with an odd UID, but one", n)
	}
	failed := errors.New("no memory")
	if _, errs := find(&contains{err: failed}); len(errs) != 1 || !errors.Is(errs[0], failed) {
		t.Errorf("%v", errs)
	}
}

// FindAll reads a message once, in however many manifests it is.
func TestFindAllReadsMessagesOnce(t *testing.T) {
	r := archivetest.NewRepo(t, &storetest.Memory{})
	a := archivetest.NewAccount()
	for night := range 5 {
		for i := range 700 {
			a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: x\r\n\r\nnight %d, message %d\r\n", night, i))
		}
		if night == 2 {
			a.Mailbox("INBOX").Expunge(2)
		}
		archivetest.Backup(t, r, a)
	}
	m := &contains{text: "night 0, message 1\r"}
	n := 0
	for found, err := range search.FindAll(t.Context(), r, "", search.Query{Message: m}, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; found.First.Name == found.Last.Name || found.Entry.UID != 2 {
			t.Errorf("UID %d from %s to %s", found.Entry.UID, found.First.Name, found.Last.Name)
		}
	}
	if n != 1 || m.reads.Load() != 3500 {
		t.Errorf("%d found, %d messages read", n, m.reads.Load())
	}
}

// NotFlags and NotLabels exclude messages that have any of them.
func TestFindWithoutFlags(t *testing.T) {
	s := archivetest.NewMemReader(t)
	var letters []archivetest.Message
	for i, flags := range [][]string{{`\Seen`}, {`\Seen`, "Junk"}, nil} {
		letters = append(letters, archivetest.Message{UID: mail.UID(i + 1), Body: []byte("x"), Date: archivetest.SomeDate, Flags: mail.NewFlags(flags...)})
	}
	contents := s.Contents(t, s.Mailbox(t, "INBOX", letters...))
	for want, not := range map[string][]string{"[3]": {`\seen`}, "[1 3]": {"junk"}, "[1 2 3]": {"other"}} {
		var got []mail.UID
		for found, err := range search.Find(t.Context(), contents, search.Query{NotFlags: not}, nil) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, found.Entry.UID)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("without %v: %v, want %s", not, got, want)
		}
	}
}

// A message that is in several mailboxes, or in pages of several nights, is read once, although
// many pages are under way at the same time.
func TestFindAllReadsCopiesOnce(t *testing.T) {
	r := archivetest.NewRepo(t, new(storetest.Memory))
	a := archivetest.NewAccount()
	const messages, nights = 40, 3
	for i := range messages {
		for _, mailbox := range []string{"INBOX", "Archive"} {
			a.Mailbox(mailbox).Add(fmt.Sprintf("Subject: %d\r\n\r\nbody %d\r\n", i, i))
		}
	}
	for night := range nights {
		a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: night %d\r\n\r\nbody 7\r\n", night))
		archivetest.Backup(t, r, a)
	}
	m, found := &contains{text: "body 7\r\n"}, 0
	for _, err := range search.FindAll(t.Context(), r, "", search.Query{Message: m}, nil) {
		if err != nil {
			t.Fatal(err)
		}
		found++
	}
	if n := m.reads.Load(); n != messages+nights || found != 1+nights {
		t.Errorf("%d messages read, %d found", n, found)
	}
}
