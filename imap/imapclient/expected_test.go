package imapclient

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/mailstrata/mailstrata/mail"
)

// sizesOf returns what Messages yields for a range, as UIDs and sizes, and how it ends.
func sizesOf(t *testing.T, m *Mailbox, uids mail.UIDRange) (have string, err error) {
	t.Helper()
	for message, err := range m.Messages(t.Context(), uids) {
		if err != nil {
			return have, err
		}
		have += fmt.Sprintf(" %d:%d", message.UID, message.Size)
	}
	return have, nil
}

// What is expected after the bodies is requested with them, wherever the server answers it. If it
// does not arrive, Messages asks for it.
func TestExpectedAfterBodies(t *testing.T) {
	const (
		list    = "< UID FETCH 8:9 (UID FLAGS INTERNALDATE RFC822.SIZE)"
		of8     = `* 2 FETCH (UID 8 FLAGS () INTERNALDATE "01-Feb-2019 04:05:06 +0530" RFC822.SIZE 80)`
		of9     = `* 3 FETCH (UID 9 FLAGS () INTERNALDATE "01-Feb-2019 04:05:06 +0530" RFC822.SIZE 90)`
		flagged = `* 3 FETCH (UID 9 FLAGS (\Seen))`
		body    = "* 1 FETCH (UID 7 BODY[] {3}\r\nabc)"
		none    = "* 1 FETCH (UID 7 BODY[] NIL)"
	)
	for name, test := range map[string]struct {
		server []string // after both commands
		asked  mail.UIDRange
		bodies string
		lost   bool // the connection is, before Messages
	}{
		"in order":            {[]string{body, "TAG2 OK done", of8, of9, "TAG3 OK done"}, mail.UIDRange{First: 8, Last: 9}, "map[7:abc]", false},
		"before the bodies":   {[]string{of8, of9, "TAG3 OK done", body, "TAG2 OK done"}, mail.UIDRange{First: 8, Last: 9}, "map[7:abc]", false},
		"between":             {[]string{of8, flagged, body, of9, "TAG2 OK done", "TAG3 OK done"}, mail.UIDRange{First: 8, Last: 9}, "map[7:abc]", false},
		"without the body":    {[]string{none, "TAG2 OK done", of8, of9, "TAG3 OK done"}, mail.UIDRange{First: 8, Last: 9}, "map[]", false},
		"of two halves":       {[]string{body, "TAG2 OK done", flagged, of8, of9, "TAG3 OK done"}, mail.UIDRange{First: 8, Last: 9}, "map[7:abc]", false},
		"refused":             {[]string{body, "TAG2 OK done", "TAG3 BAD what", list, of8, of9, "TAG4 OK done"}, mail.UIDRange{First: 8, Last: 9}, "map[7:abc]", false},
		"refused for now":     {[]string{body, "TAG2 OK done", of8, "TAG3 NO [INUSE] busy", list, of8, of9, "TAG4 OK done"}, mail.UIDRange{First: 8, Last: 9}, "map[7:abc]", false},
		"of another range":    {[]string{body, "TAG2 OK done", of8, "TAG3 OK done", "< UID FETCH 8:10 …", of8, of9, "TAG4 OK done"}, mail.UIDRange{First: 8, Last: 10}, "map[7:abc]", false},
		"lost in the answer":  {[]string{body, "TAG2 OK done", of8, "!"}, mail.UIDRange{First: 8, Last: 9}, "map[7:abc]", true},
		"lost with a reason":  {[]string{body, "TAG2 OK done", "* BYE broken", "!"}, mail.UIDRange{First: 8, Last: 9}, "map[7:abc]", true},
		"lost before the end": {[]string{body, of8, "TAG2 OK done", "!"}, mail.UIDRange{First: 8, Last: 9}, "map[7:abc]", true},
	} {
		t.Run(name, func(t *testing.T) {
			server := selected("", append([]string{"< UID FETCH 7 (UID BODY.PEEK[])", list}, test.server...)...)
			box := examine(t, serve(t, server))
			box.Expect(mail.UIDRange{First: 8, Last: 9})
			bodies, err := fetched(t, box, 7)
			if err != nil || fmt.Sprint(bodies) != test.bodies {
				t.Errorf("the bodies are %v, and end with %v", bodies, err)
			}
			have, err := sizesOf(t, box, test.asked)
			switch {
			case test.lost && !errors.Is(err, mail.ErrTemporary):
				t.Errorf("the connection is lost, and Messages gives %s and %v", have, err)
			case !test.lost && (have != " 8:80 9:90" || err != nil):
				t.Errorf("it gives %s and %v", have, err)
			}
			if box.c.plain {
				t.Error("no attributes of extensions are asked for any more")
			}
		})
	}
}

// If bodies are missing because the connection was lost, Bodies reports that, whatever came of the
// expected answer.
func TestExpectedDoesNotHideALostBody(t *testing.T) {
	server := selected("", "< UID FETCH 6:7 (UID BODY.PEEK[])", "< UID FETCH 8:9 …", "* 1 FETCH (UID 6 BODY[] {3}\r\nabc)", "!")
	box := examine(t, serve(t, server))
	box.Expect(mail.UIDRange{First: 8, Last: 9})
	if bodies, err := fetched(t, box, 6, 7); !errors.Is(err, mail.ErrTemporary) || fmt.Sprint(bodies) != "map[6:abc]" {
		t.Errorf("the bodies are %v, and end with %v", bodies, err)
	}
}

// A range is expected once, by the next Bodies.
func TestExpectedOnce(t *testing.T) {
	server := selected("", "< UID FETCH 7 (UID BODY.PEEK[])", "< UID FETCH 8:9 …", "TAG2 OK done", "TAG3 OK done",
		"< UID FETCH 7 (UID BODY.PEEK[])", "TAG4 OK done", "< UID FETCH 8:9 …", "TAG5 OK done")
	box := examine(t, serve(t, server))
	box.Expect(mail.UIDRange{First: 8, Last: 9})
	for range 2 {
		if _, err := fetched(t, box, 7); err != nil {
			t.Fatal(err)
		}
		if have, err := sizesOf(t, box, mail.UIDRange{First: 8, Last: 9}); have != "" || err != nil {
			t.Errorf("it gives %s and %v", have, err)
		}
	}
}

// A range of which the answer could take much memory is not requested ahead.
func TestExpectedIsBounded(t *testing.T) {
	server := selected("", "< UID FETCH 7 (UID BODY.PEEK[])", "TAG OK done", "< UID FETCH 8:4294967295 …", "TAG OK done")
	box := examine(t, serve(t, server))
	wide := mail.UIDRange{First: 8, Last: 1<<32 - 1}
	box.Expect(wide)
	if _, err := fetched(t, box, 7); err != nil {
		t.Fatal(err)
	}
	if have, err := sizesOf(t, box, wide); have != "" || err != nil {
		t.Errorf("it gives %s and %v", have, err)
	}
}

// What is expected first is requested with the mailbox. Only the mailbox decides whether it is
// open.
func TestExpectedOnceOpen(t *testing.T) {
	const (
		list  = "< UID FETCH 1:3 (UID FLAGS INTERNALDATE RFC822.SIZE)"
		of2   = `* 2 FETCH (UID 2 FLAGS () INTERNALDATE "01-Feb-2019 04:05:06 +0530" RFC822.SIZE 20)`
		modSq = "< UID FETCH 1:3 (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ)"
	)
	opens := []string{"* 3 EXISTS", "* OK [UIDVALIDITY 7] x", "* OK [UIDNEXT 4] x"}
	for name, test := range map[string]struct {
		caps   string
		modSeq uint64
		server []string
		want   string // what Messages gives; "lost": a lost connection
		refuse bool   // the mailbox is not opened
	}{
		"in order": {"", 0, append(append([]string{list}, opens...), "TAG1 OK done", of2, "TAG2 OK done"), " 2:20", false},
		"refused":  {"", 0, append(append([]string{list}, opens...), "TAG1 OK done", "TAG2 BAD what", list, of2, "TAG3 OK done"), " 2:20", false},
		"no mailbox": {"", 0, []string{list, "TAG1 NO [NONEXISTENT] no", "TAG2 BAD nothing is open"},
			"", true},
		"another mailbox stays open": {"", 0, []string{list, "TAG1 NO [NONEXISTENT] no", of2, "TAG2 OK done"}, "", true},
		"before that, of another mailbox": {"", 0, append(append([]string{list, of2, `* 3 FETCH (UID 3 FLAGS ())`}, opens...), "TAG1 OK done",
			"TAG2 OK done"), "", false},
		"answered before the mailbox is open": {"", 0, append(append([]string{list, of2, "TAG2 OK done"}, opens...), "TAG1 OK done",
			list, "TAG3 OK done"), "", false},
		"lost in the answer": {"", 0, append(append([]string{list}, opens...), "TAG1 OK done", of2, "!"), "lost", false},
		"with mod-sequences": {"CONDSTORE", 5, append(append([]string{modSq}, opens...), "* OK [HIGHESTMODSEQ 6] x", "TAG1 OK done", of2, "TAG2 OK done"), " 2:20", false},
		"without mod-sequences all the same": {"CONDSTORE", 5, append(append([]string{modSq}, opens...), "* OK [NOMODSEQ] x", "TAG1 OK done",
			"TAG2 BAD no mod-sequences", list, of2, "TAG3 OK done"), " 2:20", false},
		"with unexpected mod-sequences": {"CONDSTORE", 0, append(append([]string{list}, opens...), "* OK [HIGHESTMODSEQ 6] x", "TAG1 OK done", of2,
			"TAG2 OK done", modSq, of2, "TAG3 OK done"), " 2:20", false},
	} {
		t.Run(name, func(t *testing.T) {
			if test.refuse {
				test.server = append(test.server, "< LOGOUT") // which is not sent while an answer is due
			}
			c := connect(t, serve(t, loggedIn(test.caps, append([]string{"< EXAMINE …"}, test.server...)...)))
			all := mail.UIDRange{First: 1, Last: 3}
			box, err := c.ExamineExpecting(t.Context(), "INBOX", Expectation{all, test.modSeq > 0})
			if test.refuse {
				if !errors.Is(err, mail.ErrNoMailbox) || !c.Alive() {
					t.Errorf("it is refused with %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			have, err := sizesOf(t, box, all)
			if test.want == "lost" && errors.Is(err, mail.ErrTemporary) {
				return
			}
			if have != test.want || err != nil {
				t.Errorf("it gives %s and %v", have, err)
			}
		})
	}
}

// A server that loses a command that was sent behind another is found out, although only that one
// is under way.
func TestLostExpectedAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, serveInBubble(t, loggedIn("", "< EXAMINE …", "< UID FETCH 1:3 …", "* 3 EXISTS", "* OK [UIDVALIDITY 7] x", "TAG1 OK done",
			"< NOOP", "TAG OK done")))
		all := mail.UIDRange{First: 1, Last: 3}
		box, err := c.ExamineExpecting(t.Context(), "INBOX", Expectation{UIDs: all})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sizesOf(t, box, all); !errors.Is(err, mail.ErrTemporary) || !c.Careful() {
			t.Errorf("it ends with %v", err)
		}
	})
}
