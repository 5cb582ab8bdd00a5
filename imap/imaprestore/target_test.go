package imaprestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// opened opens an empty folder on a scripted server, with no pause between attempts.
func opened(t *testing.T, scripts ...script) restore.Folder {
	t.Helper()
	opts := serve(t, scripts...)
	opts.Journal = t.TempDir()
	return openedOn(t, opts)
}

// openedOn opens the folder as another restore of the same host does.
func openedOn(t *testing.T, opts *imap.Options) restore.Folder {
	t.Helper()
	target := NewTarget(*opts)
	target.pause = func(context.Context, time.Duration) error { return nil }
	f, err := target.Open(t.Context(), restore.Place{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Close()
		target.Close()
	})
	return f
}

// writable begins a script with an empty mailbox open for writing.
func writable(caps string, rest ...string) script {
	return append(loggedIn(caps, "< SELECT …", "* 0 EXISTS", "* OK [UIDVALIDITY 7] x", "* OK [UIDNEXT 10] x",
		`* OK [PERMANENTFLAGS (\Seen \Flagged $Known)] x`, "TAG OK done"), rest...)
}

func some(n int, flags ...string) (list []restore.Message) {
	for i := range n {
		m := mail.Message{UID: mail.UID(i + 1), Flags: flags, Internal: mail.ParseDate("17-Jul-1996 02:44:25 -0700")}
		list = append(list, wanted(m, fmt.Appendf(nil, "Subject: %d\r\n\r\n", i)))
	}
	return list
}

// addTo adds messages to a folder and compares them.
func addTo(ctx context.Context, f restore.Folder, list []restore.Message) ([]restore.AppendResult, error) {
	results, err := f.Append(ctx, list)
	if err != nil {
		return results, err
	}
	settled, err := f.(*folder).Settle(ctx)
	for i := range results {
		if results[i].Pending && len(settled) > 0 {
			results[i], settled = settled[0], settled[1:]
		}
	}
	return results, err
}

func resultsOf(results []restore.AppendResult) string {
	var words []string
	for _, f := range results {
		word := "added"
		if !f.Added {
			word = fmt.Sprintf("refused (%v)", f.Refused)
		}
		words = append(words, strings.Join(append([]string{word}, f.Changed...), ", "))
	}
	return strings.Join(words, "; ")
}

const appended = ` "17-Jul-1996 02:44:25 -0700" {14+}`

func overview(uids ...int) (lines []string) {
	for _, uid := range uids {
		lines = append(lines, fmt.Sprintf(`* %d FETCH (UID %d FLAGS (\Seen) INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 14)`, uid, uid))
	}
	return append(lines, "TAG OK done")
}

// A refused batch is divided until the refused message is found. That one is tried without
// keywords, then without the system flags that PERMANENTFLAGS lacks, and then without any. Those
// system flags are sent at first, because some servers keep them; what is not kept is reported.
func TestRefusedBatchIsBisected(t *testing.T) {
	const last = "<"
	f := opened(t, writable("MULTIAPPEND LITERAL+ UIDPLUS",
		`< APPEND "x" (\Answered \Seen $Known)`+appended, "<{14}", `< (\Answered \Seen $Known)`+appended, "<{14}", last, "TAG NO not those",
		"< NOOP", "TAG OK x", "< UID FETCH 10:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE)", "TAG OK none of them is there",
		`< APPEND "x" (\Answered \Seen $Known)`+appended, "<{14}", last, "TAG OK [APPENDUID 7 10] done",
		`< APPEND "x" (\Answered \Seen $Known)`+appended, "<{14}", last, "TAG NO not that",
		`< APPEND "x" (\Answered \Seen)`+appended, "<{14}", last, "TAG NO still not",
		`< APPEND "x" (\Seen)`+appended, "<{14}", last, "TAG NO still not",
		`< APPEND "x"`+appended, "<{14}", last, "TAG NO [TOOBIG] never",
		"< UID FETCH 10 (UID FLAGS INTERNALDATE RFC822.SIZE)",
		`* 1 FETCH (UID 10 FLAGS (\Seen) INTERNALDATE "17-Jul-1996 02:44:26 -0700" RFC822.SIZE 14)`, "TAG OK done"))
	results, err := addTo(t.Context(), f, some(2, `\Answered`, `\Seen`, "$Known"))
	const want = `added, flag \Answered was not kept, keyword $Known was not kept, ` +
		`the date 17-Jul-1996 02:44:25 -0700 became 17-Jul-1996 02:44:26 -0700; ` +
		`refused (APPEND "x": the server answered NO [TOOBIG] never)`
	if !results[0].FlagsLost {
		t.Error("the flag that is lost is not said to be")
	}
	if err != nil || resultsOf(results) != want {
		t.Errorf("have %s, %v\nwant %s", resultsOf(results), err, want)
	}
}

// A message is added without its date if the server refuses that. A date in an impossible zone is
// sent in UTC.
func TestRefusedDate(t *testing.T) {
	append1 := func(date string) []string { return []string{`< APPEND "x" ` + date + `{14+}`, "<{14}", "<"} }
	lines := append(append1(`" 1-Jan-1601 00:00:00 +0000" `), "TAG BAD invalid date")
	lines = append(append(lines, append1("")...), "TAG OK [APPENDUID 7 10] x", "< UID FETCH 10 (UID FLAGS INTERNALDATE RFC822.SIZE)",
		`* 1 FETCH (UID 10 FLAGS () INTERNALDATE "17-Jul-2026 02:44:26 -0700" RFC822.SIZE 14)`, "TAG OK done")
	lines = append(append(lines, append1(`"12-Dec-2019 10:00:00 +1500" `)...), "TAG NO no such zone")
	lines = append(append(lines, append1(`"11-Dec-2019 19:00:00 +0000" `)...), "TAG OK [APPENDUID 7 11] x")
	lines = append(lines, "< UID FETCH 11 (UID FLAGS INTERNALDATE RFC822.SIZE)",
		`* 2 FETCH (UID 11 FLAGS () INTERNALDATE "11-Dec-2019 19:00:00 +0000" RFC822.SIZE 14)`, "TAG OK done")
	f := opened(t, writable("UIDPLUS LITERAL+", lines...))
	list := some(2)
	list[0].Internal, list[1].Internal = mail.ParseDate(" 1-Jan-1601 00:00:00 +0000"), mail.ParseDate("12-Dec-2019 10:00:00 +1500")
	var results []restore.AppendResult
	for i := range list {
		some, err := addTo(t.Context(), f, list[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, some...)
	}
	if want := "added, the date  1-Jan-1601 00:00:00 +0000 is left out, because the server refuses it; added"; resultsOf(results) != want {
		t.Errorf("have %s\nwant %s", resultsOf(results), want)
	}
}

// A server may refuse flags that it announces, and dates without saying so. STORE sets what it can
// when the message is there.
func TestRefusedAnnouncedFlag(t *testing.T) {
	f := opened(t, writable("UIDPLUS LITERAL+",
		`< APPEND "x" (\Flagged \Seen)`+appended, "<{14}", "<", "TAG NO refused",
		`< APPEND "x"`+appended, "<{14}", "<", "TAG NO refused",
		`< APPEND "x" {14+}`, "<{14}", "<", "TAG OK [APPENDUID 7 10] x",
		"< UID STORE 10 …", "TAG OK x", "< UID STORE 10 …", "TAG NO not this one",
		"< UID FETCH 10 (UID FLAGS INTERNALDATE RFC822.SIZE)",
		`* 1 FETCH (UID 10 FLAGS (\Seen) INTERNALDATE "17-Jul-2026 02:44:26 -0700" RFC822.SIZE 14)`, "TAG OK done"))
	results, err := addTo(t.Context(), f, some(1, `\Flagged`, `\Seen`))
	const want = `added, the date 17-Jul-1996 02:44:25 -0700 is left out, because the server refuses it, flag \Flagged was not kept`
	if err != nil || resultsOf(results) != want || !results[0].FlagsLost {
		t.Errorf("have %s, %v\nwant %s", resultsOf(results), err, want)
	}
}

// A mailbox that was made and is not listed is there if it can be opened.
func TestUnlistedMailbox(t *testing.T) {
	const list, inbox = `< LIST "" "*"`, `* LIST () "/" INBOX`
	opts := serve(t, loggedIn("", list, inbox, "TAG OK x", `< CREATE "a"`, "TAG OK x", `< CREATE "b"`, "TAG OK x", list, inbox, "TAG OK x",
		"< EXAMINE …", "* 0 EXISTS", "* OK [UIDVALIDITY 7] x", "TAG OK x", "< EXAMINE …", "TAG NO [NONEXISTENT] none"))
	opts.Connections = 1
	target := NewTarget(*opts)
	t.Cleanup(func() { target.Close() })
	places, notes, err := target.Prepare(t.Context(), []mail.Mailbox{{Raw: "a", Name: "a", Delimiter: "/"}, {Raw: "b", Name: "b", Delimiter: "/"}})
	if err != nil || places[0].Skip || !places[1].Skip || len(notes) != 2 {
		t.Errorf("have %+v, %q, %v", places, notes, err)
	}
}

// After a lost answer, the server is asked what it has before anything is sent again: nothing is
// doubled, nothing lost.
func TestLostAnswer(t *testing.T) {
	send := []string{`< APPEND "x" (\Seen)` + appended, "<{14}", `< (\Seen)` + appended, "<{14}", "<"}
	lost := append(writable("MULTIAPPEND LITERAL+ UIDPLUS", send...), "!")
	again := func(rest ...string) script {
		s := writable("MULTIAPPEND LITERAL+ UIDPLUS", "< UID FETCH 10:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE)")
		return append(s, rest...)
	}
	bodies := []string{"< UID FETCH 10:11 (UID BODY.PEEK[])", "* 1 FETCH (UID 10 BODY[] {14}\r\nSubject: 0\r\n\r\n)", "* 2 FETCH (UID 11 BODY[] {14}\r\nSubject: 1\r\n\r\n)", "TAG OK x"}
	committed := append(again(overview(10, 11)...), bodies...)
	committed = append(append(committed, "< UID FETCH 10:11 (UID FLAGS INTERNALDATE RFC822.SIZE)"), overview(10, 11)...)
	f := opened(t, lost, committed)
	if results, err := addTo(t.Context(), f, some(2, `\Seen`)); err != nil || resultsOf(results) != "added; added" {
		t.Errorf("committed: have %s, %v", resultsOf(results), err)
	}

	not := append(again("TAG OK nothing"), send...)
	not = append(append(not, "TAG OK [APPENDUID 7 10:11] done", "< UID FETCH 10:11 (UID FLAGS INTERNALDATE RFC822.SIZE)"), overview(10, 11)...)
	f = opened(t, lost, not)
	if results, err := addTo(t.Context(), f, some(2, `\Seen`)); err != nil || resultsOf(results) != "added; added" {
		t.Errorf("not committed: have %s, %v", resultsOf(results), err)
	}
}

// If the connection is lost again while the restore looks, or the server has no time, it looks
// again from the beginning: at a message that it found before, too, and at those before that one.
func TestLostAnswerLooksAgain(t *testing.T) {
	const caps, list = "MULTIAPPEND LITERAL+ UIDPLUS", "< UID FETCH 10:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE)"
	messages := some(2, `\Seen`)
	messages[0] = wanted(mail.Message{UID: 1, Flags: messages[0].Flags, Internal: messages[0].Internal}, []byte("Message-ID:1\r\n\r\n"))
	lost := append(writable(caps, `< APPEND "x" (\Seen) "17-Jul-1996 02:44:25 -0700" {16+}`, "<{16}", `< (\Seen)`+appended, "<{14}", "<"), "!")
	const altered = "* 1 FETCH (UID 10 BODY[] {22}\r\nX: y\r\nMessage-ID:1\r\n\r\n)"
	read := []string{"< UID FETCH 10:11 (UID BODY.PEEK[])", altered, "* 2 FETCH (UID 11 BODY[] {14}\r\nSubject: 1\r\n\r\n)", "TAG OK x"}
	looks := append(append([]string{list}, overview(10, 11)...), read...)
	looks = append(looks, "< UID FETCH 10 (UID BODY.PEEK[])")
	busy := append(writable(caps, looks...), "TAG NO [UNAVAILABLE] later", list, "!")
	there := append(append(writable(caps, looks...), altered, "TAG OK x", "< UID FETCH 10:11 (UID FLAGS INTERNALDATE RFC822.SIZE)"), overview(10, 11)...)
	there = append(there, "< UID FETCH 10 (UID BODY.PEEK[])", altered, "TAG OK x")
	f := opened(t, lost, busy, loggedIn(caps, "< SELECT …", "!"), there)
	results, err := addTo(t.Context(), f, messages)
	if err != nil || resultsOf(results) != "added, the server altered its bytes; added" {
		t.Errorf("have %s, %v", resultsOf(results), err)
	}
}

// If the server refuses to say what it added, nothing is sent again: all of it may be there. The
// next restore finds out.
func TestLostAnswerIsNotFound(t *testing.T) {
	const caps, add = "LITERAL+ UIDPLUS MULTIAPPEND", `(\Seen)` + appended
	f := opened(t, append(writable(caps, `< APPEND "x" `+add, "<{14}", "< "+add, "<{14}", "<"), "!"),
		writable(caps, "< UID FETCH 10:4294967295 …", "TAG NO not now",
			"< SELECT …", "* 0 EXISTS", "* OK [UIDVALIDITY 7] x", "TAG OK the mailbox is there"))
	results, err := addTo(t.Context(), f, some(2, `\Seen`))
	if !errors.Is(err, mail.ErrRefused) || results[0].Refused != nil || results[1].Refused != nil {
		t.Errorf("have %+v, %v", results, err)
	}
}

// A message that the server accepted must be there. A server that shows it only after a NOOP, such
// as Courier, is not blamed, and the message is checked anyway.
func TestAcceptedButMissing(t *testing.T) {
	f := opened(t, writable("MULTIAPPEND LITERAL+ UIDPLUS", `< APPEND "x" (\Seen)`+appended, "<{14}", `< (\Seen)`+appended, "<{14}", `< (\Seen)`+appended, "<{14}", "<",
		"TAG OK [APPENDUID 7 10:12] done", "< UID FETCH 10:12 (UID FLAGS INTERNALDATE RFC822.SIZE)",
		`* 1 FETCH (UID 10 FLAGS (\Seen) INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 14)`, "TAG OK done",
		"< NOOP", "* 2 EXISTS", "TAG OK x", "< UID FETCH 11:12 (UID FLAGS INTERNALDATE RFC822.SIZE)",
		`* 2 FETCH (UID 12 FLAGS () INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 14)`, "TAG OK x"))
	results, err := addTo(t.Context(), f, some(3, `\Seen`))
	if want := "added; refused (" + errMissing.Error() + "); added, flag \\Seen was not kept"; err != nil || resultsOf(results) != want {
		t.Errorf("have %s, %v", resultsOf(results), err)
	}
}

// Without UIDPLUS, an appended message is found by size and date, and checked like any other. If
// that fails, its bytes are compared: here the server ended the last line. The journal has all
// messages.
func TestFoundWithoutUIDPLUS(t *testing.T) {
	const dated = `INTERNALDATE "17-Jul-1996 02:44:25 -0700"`
	f := opened(t, writable("LITERAL+",
		`< APPEND "x" (\Seen)`+appended, "<{14}", "<", `< APPEND "x" (\Seen) "17-Jul-1996 02:44:25 -0700" {15+}`, "<{15}", "<", "TAG2 OK x", "TAG3 OK x",
		"< NOOP", "TAG OK x", "< UID FETCH 10:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE)",
		`* 1 FETCH (UID 10 FLAGS () `+dated+` RFC822.SIZE 14)`, `* 2 FETCH (UID 11 FLAGS (\Seen) `+dated+` RFC822.SIZE 17)`, "TAG OK x",
		"< UID FETCH 11 (UID BODY.PEEK[])", "* 2 FETCH (UID 11 BODY[] {17}\r\nSubject: 1\r\n\r\n!\r\n)", "TAG OK x",
		"< UID FETCH 10:11 (UID FLAGS INTERNALDATE RFC822.SIZE)",
		`* 1 FETCH (UID 10 FLAGS () `+dated+` RFC822.SIZE 14)`, `* 2 FETCH (UID 11 FLAGS (\Seen) `+dated+` RFC822.SIZE 17)`, "TAG OK x",
		"< UID FETCH 11 (UID BODY.PEEK[])", "* 2 FETCH (UID 11 BODY[] {17}\r\nSubject: 1\r\n\r\n!\r\n)", "TAG OK x"))
	list := some(2, `\Seen`)
	list[1] = wanted(mail.Message{UID: 2, Flags: mail.NewFlags(`\Seen`), Internal: list[0].Internal}, []byte("Subject: 1\r\n\r\n!"))
	results, err := addTo(t.Context(), f, list)
	if want := `added, flag \Seen was not kept; added, its last line was ended`; err != nil || resultsOf(results) != want {
		t.Errorf("have %s, %v\nwant %s", resultsOf(results), err, want)
	}
	if !results[1].Altered {
		t.Error("the altered message is not said to be")
	}
}

// Of two equal messages the first was added without a UID, and the answer for the second is lost:
// the first is not taken for the second.
func TestLostAnswerToSecondCopy(t *testing.T) {
	one := []string{`< APPEND "x"` + appended, "<{14}", "<"}
	const there = `INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 14)`
	look := []string{"< NOOP", "TAG OK x", "< UID FETCH 10:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE)", "* 1 FETCH (UID 10 FLAGS () " + there, "TAG OK x"}
	lost := append(writable("LITERAL+", one...), one...)
	lost = append(lost, "TAG2 OK x", "!")
	again := append(writable("LITERAL+", look...), "< UID FETCH 11:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE)", "TAG OK x")
	again = append(append(again, one...), "TAG OK x", "< NOOP", "TAG OK x", "< UID FETCH 11:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE)", "* 2 FETCH (UID 11 FLAGS () "+there, "TAG OK x",
		"< UID FETCH 10:11 (UID FLAGS INTERNALDATE RFC822.SIZE)", "* 1 FETCH (UID 10 FLAGS () "+there, "* 2 FETCH (UID 11 FLAGS () "+there, "TAG OK x")
	f := opened(t, lost, again)
	list := some(1)
	if results, err := addTo(t.Context(), f, append(list, list[0])); err != nil || resultsOf(results) != "added; added" {
		t.Errorf("have %s, %v", resultsOf(results), err)
	}
}

// A full account ends the restore; what was added before is reported.
func TestOverQuota(t *testing.T) {
	f := opened(t, writable("LITERAL+ UIDPLUS", `< APPEND "x"`+appended, "<{14}", "<", `< APPEND "x"`+appended, "<{14}", "<",
		"TAG1 OK x", "TAG2 OK [APPENDUID 7 10] done", "TAG3 NO [OVERQUOTA] full"))
	results, err := addTo(t.Context(), f, some(2))
	if !errors.Is(err, imap.ErrOverQuota) || !results[0].Added || results[1].Added {
		t.Errorf("have %s, %v", resultsOf(results), err)
	}
}

// A message that is too large for the server is not sent, and neither is a damaged one.
func TestNotSent(t *testing.T) {
	f := opened(t, writable("LITERAL+ UIDPLUS APPENDLIMIT=10"))
	list := some(2)
	list[0].Size, list[1].Size = 11, 9
	list[1].Body = damaged{}
	results, err := addTo(t.Context(), f, list)
	if err != nil || resultsOf(results) != "refused (it has 11 bytes, and 127.0.0.1 takes no more than 10); refused (hash mismatch)" {
		t.Errorf("have %s, %v", resultsOf(results), err)
	}
}

type damaged struct{ text }

func (damaged) WriteTo(context.Context, io.Writer) error {
	return errors.New("hash mismatch")
}

// A server that takes no "%" in a name, such as Cyrus, gets "=" for it. The mailbox is found again
// by that name.
func TestRefusedName(t *testing.T) {
	const list = `< LIST "" "*"`
	boxes := []mail.Mailbox{{Raw: "a%", Name: "a%", Delimiter: "/"}, {Raw: "a=25", Name: "a=25", Delimiter: "/"}, {Raw: "b*", Name: "b*", Delimiter: "/"}}
	inbox := `* LIST () "/" INBOX`
	opts := serve(t, loggedIn("", list, inbox, `* LIST () "/" a=25`, "TAG OK x",
		`< CREATE "a%"`, "TAG NO Invalid mailbox name", `< CREATE "a%25"`, "TAG NO Invalid mailbox name",
		`< CREATE "b*"`, "TAG NO Invalid mailbox name", `< CREATE "b%2A"`, "TAG NO Invalid mailbox name", `< CREATE "b=2A"`, "TAG OK x",
		list, inbox, `* LIST () "/" a=25`, `* LIST () "/" b=2A`, "TAG OK x",
		list, inbox, `* LIST () "/" a=25`, `* LIST () "/" b=2A`, "TAG OK x"))
	opts.Connections = 1
	target := NewTarget(*opts)
	t.Cleanup(func() { target.Close() })
	places, notes, err := target.Prepare(t.Context(), boxes)
	if err != nil || !places[0].Skip || places[1].Name != "a=25" || places[2].Name != "b=2A" {
		t.Errorf("have %+v, %q, %v", places, notes, err)
	}
	places, err = target.Preview(t.Context(), boxes)
	if err != nil || places[2].Name != "b=2A" {
		t.Errorf("the next restore: have %+v, %v", places, err)
	}
}

// A server may refuse to subscribe to what is subscribed to already. Only what is not is noted.
func TestRefusedSubscription(t *testing.T) {
	list := []string{`< LIST "" "*"`, `* LIST () "/" INBOX`, `* LIST () "/" a`, `* LIST () "/" b`, `* LIST () "/" c`, "TAG OK x"}
	subscribe := []string{`< SUBSCRIBE "a"`, "TAG NO already there", `< SUBSCRIBE "b"`, "TAG NO not yours", `< SUBSCRIBE "c"`, "TAG OK x",
		`< LSUB "" "*"`, `* LSUB () "/" a`, `* LSUB () "/" c`, "TAG OK x"}
	opts := serve(t, loggedIn("", slices.Concat(list, subscribe, list)...))
	opts.Connections = 1
	target := NewTarget(*opts)
	t.Cleanup(func() { target.Close() })
	boxes := []mail.Mailbox{{Raw: "a", Name: "a"}, {Raw: "b", Name: "b"}, {Raw: "c", Name: "c"}}
	for i := range boxes {
		boxes[i].Delimiter, boxes[i].Subscribed = "/", true
	}
	_, notes, err := target.Prepare(t.Context(), boxes)
	const want = `["mailbox b: not subscribed to: SUBSCRIBE \"b\": the server answered NO not yours"]`
	if have := fmt.Sprintf("%q", notes); err != nil || have != want {
		t.Errorf("have %s, %v", have, err)
	}
}

// A mailbox that cannot be made for a reason that may pass is tried again, and then left out: the
// others are restored.
func TestNameWithAnInternalError(t *testing.T) {
	const list = `< LIST "" "*"`
	boxes := []mail.Mailbox{{Raw: "a", Name: "a"}, {Raw: "b", Name: "b"}, {Raw: "c", Name: "c"}, {Raw: "d", Name: "d"}}
	inbox := `* LIST () "/" INBOX`
	opts := serve(t, loggedIn("", list, inbox, "TAG OK x",
		`< CREATE "a"`, "TAG NO [INUSE] not now", `< CREATE "a"`, "TAG OK x",
		`< CREATE "b"`, "TAG NO [SERVERBUG] x", `< CREATE "b"`, "TAG NO [SERVERBUG] x", `< CREATE "b"`, "TAG NO [SERVERBUG] x",
		`< CREATE "c"`, "TAG NO [SERVERBUG] x", `< CREATE "d"`, "TAG OK x",
		list, inbox, `* LIST () "/" a`, `* LIST () "/" d`, "TAG OK x"))
	opts.Connections = 1
	target := NewTarget(*opts)
	target.pause = func(context.Context, time.Duration) error { return nil }
	t.Cleanup(func() { target.Close() })
	places, notes, err := target.Prepare(t.Context(), boxes)
	if err != nil || places[0].Skip || !places[1].Skip || !places[2].Skip || places[3].Skip || len(notes) != 2 {
		t.Errorf("have %+v, %q, %v", places, notes, err)
	}
}

// A mailbox that cannot be opened does not keep a connection.
func TestOpenRefused(t *testing.T) {
	opts := serve(t, loggedIn("", "< SELECT …", "TAG NO [NOPERM] not yours", "< SELECT …", "TAG NO [NONEXISTENT] none"))
	opts.Connections = 1
	target := NewTarget(*opts)
	t.Cleanup(func() { target.Close() })
	for _, want := range []error{mail.ErrRefused, mail.ErrNoMailbox} {
		if _, err := target.Open(t.Context(), restore.Place{Name: "x"}); !errors.Is(err, want) {
			t.Errorf("have %v, want %v", err, want)
		}
	}
}

// Folders share connections. If the server has ended one meanwhile, another is made.
func TestConnectionLostBetweenFolders(t *testing.T) {
	other := "< SELECT \"y\""
	opts := serve(t,
		writable("LITERAL+ UIDPLUS", other, "* 0 EXISTS", "* OK [UIDVALIDITY 8] x", "* OK [UIDNEXT 1] x", "TAG OK done", "!"),
		append(writable("LITERAL+ UIDPLUS", `< APPEND "x" (\Seen)`+appended, "<{14}", "<", "TAG OK [APPENDUID 7 10] done",
			"< UID FETCH 10 (UID FLAGS INTERNALDATE RFC822.SIZE)"), overview(10)...))
	opts.Connections = 1
	target := NewTarget(*opts)
	target.pause = func(context.Context, time.Duration) error { return nil }
	t.Cleanup(func() { target.Close() })
	var folders []restore.Folder
	for _, name := range []string{"x", "y"} {
		f, err := target.Open(t.Context(), restore.Place{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, f)
	}
	if results, err := addTo(t.Context(), folders[0], some(1, `\Seen`)); err != nil || resultsOf(results) != "added" {
		t.Errorf("have %s, %v", resultsOf(results), err)
	}
}

// A mailbox that is deleted, renamed or replaced meanwhile is lost, however the server shows it,
// and nothing is added to another mailbox of its name after that is known.
func TestMailboxLost(t *testing.T) {
	const add = `< APPEND "x" (\Seen)` + appended
	again := func(answer ...string) script { return append(loggedIn("UIDPLUS LITERAL+", "< SELECT …"), answer...) }
	const none = "TAG NO [NONEXISTENT] no such mailbox"
	other := []string{"* 0 EXISTS", "* OK [UIDVALIDITY 8] x", "* OK [UIDNEXT 1] x", "TAG OK done"}
	for name, test := range map[string]struct {
		servers []script
		want    string
	}{
		"a refusal": {[]script{writable("UIDPLUS LITERAL+", add, "<{14}", "<", "TAG NO [TRYCREATE] no such mailbox", "< SELECT …", none)},
			`SELECT "x": the server answered NO [NONEXISTENT] no such mailbox`},
		"an internal error each time": {[]script{writable("UIDPLUS LITERAL+", add, "<{14}", "<", "TAG NO [SERVERBUG] x",
			"< NOOP", "TAG OK x", "< UID FETCH 10:4294967295 …", "TAG OK done", add, "<{14}", "<", "TAG NO [SERVERBUG] x"), again(other...)},
			"its UIDVALIDITY was 7 and is 8"},
		"BYE": {[]script{writable("UIDPLUS LITERAL+", add, "<{14}", "<", "* BYE it is gone", "!"), again(none)},
			`SELECT "x": the server answered NO [NONEXISTENT] no such mailbox`},
		"BYE, and another mailbox": {[]script{writable("UIDPLUS LITERAL+", add, "<{14}", "<", "* BYE it is gone", "!"), again(other...)},
			"its UIDVALIDITY was 7 and is 8"},
		"another mailbox": {[]script{writable("UIDPLUS LITERAL+", append(script{add, "<{14}", "<", "TAG OK [APPENDUID 8 1] done", "< SELECT …"}, other...)...)},
			"its UIDVALIDITY was 7 and is 8"},
		"a refusal afterwards": {[]script{writable("UIDPLUS LITERAL+", add, "<{14}", "<", "TAG OK [APPENDUID 7 10] done",
			"< UID FETCH 10 …", "TAG NO it is gone", "< SELECT …", none)},
			`SELECT "x": the server answered NO [NONEXISTENT] no such mailbox`},
	} {
		t.Run(name, func(t *testing.T) {
			f := opened(t, test.servers...)
			_, err := addTo(t.Context(), f, some(1, `\Seen`))
			if !errors.Is(err, restore.ErrFolderLost) || err.Error() != restore.ErrFolderLost.Error()+": "+test.want {
				t.Errorf("have %v", err)
			}
		})
	}
}

// unreadableLater is a body that can be read once.
type unreadableLater struct {
	text
	reads *int
}

var errArchive = errors.New("the archive cannot be read")

func (u unreadableLater) WriteTo(ctx context.Context, w io.Writer) error {
	if *u.reads++; *u.reads > 1 {
		return errArchive
	}
	return u.text.WriteTo(ctx, w)
}

// If the archive cannot be read when a message is compared, the error is that of the archive. The
// server is not said to deliver the message not.
func TestArchiveFailsWhileComparing(t *testing.T) {
	f := opened(t, writable("LITERAL+ UIDPLUS", `< APPEND "x" (\Seen)`+appended, "<{14}", "<", "TAG OK [APPENDUID 7 10] x",
		"< UID FETCH 10 (UID FLAGS INTERNALDATE RFC822.SIZE)",
		`* 1 FETCH (UID 10 FLAGS (\Seen) INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 17)`, "TAG OK x",
		"< UID FETCH 10 (UID BODY.PEEK[])", "* 1 FETCH (UID 10 BODY[] {17}\r\nX: y\r\nSubject:0\r\n)", "TAG OK x"))
	list := some(1, `\Seen`)
	list[0].Body = unreadableLater{list[0].Body.(text), new(int)}
	results, err := f.Append(t.Context(), list)
	if err != nil || !results[0].Pending {
		t.Fatalf("have %+v, %v", results, err)
	}
	results, err = f.(*folder).Settle(t.Context())
	if !errors.Is(err, errArchive) || resultsOf(results) != "added" {
		t.Errorf("have %s, %v", resultsOf(results), err)
	}
}
