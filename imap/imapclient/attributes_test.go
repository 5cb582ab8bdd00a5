package imapclient

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/mail"
)

// describeMessages describes messages.
func describeMessages(messages iter.Seq2[mail.Message, error]) (string, error) {
	var words []string
	for m, err := range messages {
		if err != nil {
			return strings.Join(words, "; "), err
		}
		words = append(words, fmt.Sprintf("%d %v %q %d%s", m.UID, m.Flags, m.Internal.String(), m.Size,
			[]string{"", " lacks flags", " lacks labels", " lacks both", " lacks date", " lacks flags, date"}[m.Lacks]))
	}
	return strings.Join(words, "; "), nil
}

// Each message is delivered once and complete, however the server divides its data.
func TestMessagesComeOnceAndWhole(t *testing.T) {
	const date = `INTERNALDATE "17-Jul-1996 02:44:25 -0700"`
	const a, b = `4 [\Seen] "17-Jul-1996 02:44:25 -0700" 3`, `5 [] "17-Jul-1996 02:44:25 -0700" 2`
	for name, test := range map[string]struct {
		says []string
		want string
	}{
		"as usual":      {[]string{`* 1 FETCH (UID 4 FLAGS (\Seen) ` + date + ` RFC822.SIZE 3)`, `* 2 FETCH (` + date + ` RFC822.SIZE 2 FLAGS (\Recent) UID 5)`}, a + "; " + b},
		"in pieces":     {[]string{`* 1 FETCH (UID 4 RFC822.SIZE 3)`, `* 2 FETCH (UID 5 ` + date + ` FLAGS ())`, `* 1 FETCH (UID 4 FLAGS (\seen) ` + date + `)`, `* 2 FETCH (RFC822.SIZE 2)`}, a + "; " + b},
		"changed flags": {[]string{`* 1 FETCH (UID 4 FLAGS (\Seen) ` + date + ` RFC822.SIZE 3)`, `* 1 FETCH (UID 4 FLAGS (\Flagged))`, `* 9 FETCH (FLAGS (\Seen))`}, a},
		"twice":         {[]string{`* 1 FETCH (UID 4 FLAGS (\Seen) ` + date + ` RFC822.SIZE 3)`, `* 1 FETCH (UID 4 FLAGS (\Seen) ` + date + ` RFC822.SIZE 3)`}, a},
		"out of range":  {[]string{`* 1 FETCH (UID 99 FLAGS () ` + date + ` RFC822.SIZE 3)`}, ""},
		"odd keywords":  {[]string{`* 1 FETCH (UID 4 FLAGS (foo[bar] NIL [x \Seen \SEEN) ` + date + ` RFC822.SIZE 3 X-NEW (a {1}` + "\r\n)))"}, `4 [NIL [x \Seen foo[bar]] "17-Jul-1996 02:44:25 -0700" 3`},
	} {
		t.Run(name, func(t *testing.T) {
			server := append(selected("", "< UID FETCH 4:9 (UID FLAGS INTERNALDATE RFC822.SIZE)"), test.says...)
			box := examine(t, serve(t, append(server, "TAG OK done")))
			have, err := describeMessages(box.Messages(t.Context(), mail.UIDRange{First: 4, Last: 9}))
			if have != test.want || err != nil {
				t.Errorf("have %s, %v", have, err)
			}
		})
	}
}

// A message without flags or without a date is asked for once more, alone. What is then still
// missing is not known.
func TestIncompleteMessagesAreAskedForAgain(t *testing.T) {
	const date = `INTERNALDATE "17-Jul-1996 02:44:25 -0700"`
	const first = `* 1 FETCH (UID 4 FLAGS (\Seen) ` + date + ` RFC822.SIZE 3)`
	const a, b = `4 [\Seen] "17-Jul-1996 02:44:25 -0700" 3`, `6 [\Seen] "17-Jul-1996 02:44:25 -0700" 2`
	for name, test := range map[string]struct {
		second, third, again string
		want                 string
	}{
		"no flags":        {`UID 6 ` + date + ` RFC822.SIZE 2`, "UID 9", `FLAGS (\Seen) UID 6`, a + "; " + b + `; 9 [] "NIL" -1 lacks flags, date`},
		"no date":         {`UID 6 FLAGS (\Seen) RFC822.SIZE 2`, date + " UID 9 RFC822.SIZE 1", `UID 6 ` + date, a + "; " + b + `; 9 [] "17-Jul-1996 02:44:25 -0700" 1 lacks flags`},
		"NIL":             {`UID 6 FLAGS (\Seen) INTERNALDATE NIL RFC822.SIZE 2`, "UID 9", `UID 6 ` + date, a + "; " + b + `; 9 [] "NIL" -1 lacks flags, date`},
		"a bad date":      {`UID 6 FLAGS (\Seen) INTERNALDATE "17-Ju" RFC822.SIZE 2`, `UID 9 FLAGS () INTERNALDATE "x"`, `UID 6 ` + date, a + "; " + b + `; 9 [] "x" -1`},
		"nothing":         {`UID 6`, `UID 9`, `UID 6 FLAGS (\Seen) RFC822.SIZE 2 ` + date, a + "; " + b + `; 9 [] "NIL" -1 lacks flags, date`},
		"1970, no flags":  {`UID 6 INTERNALDATE "01-Jan-1970 00:00:00 +0000"`, `UID 9`, `UID 7`, a + `; 6 [] " 1-Jan-1970 00:00:00 +0000" -1 lacks flags; 9 [] "NIL" -1 lacks flags, date`},
		"the other order": {`UID 9`, `UID 6`, `UID 6 FLAGS (\Seen) RFC822.SIZE 2 ` + date, a + "; " + b + `; 9 [] "NIL" -1 lacks flags, date`},
	} {
		t.Run(name, func(t *testing.T) {
			answer := script{first, "* 3 FETCH (" + test.second + ")", "* 6 FETCH (" + test.third + ")", "TAG OK done",
				"< UID FETCH 6,9 (UID FLAGS INTERNALDATE RFC822.SIZE)", "* 3 FETCH (" + test.again + ")", "TAG OK done"}
			box := examine(t, serve(t, append(selected("", "< UID FETCH 4:9 (UID FLAGS INTERNALDATE RFC822.SIZE)"), answer...)))
			have, err := describeMessages(box.Messages(t.Context(), mail.UIDRange{First: 4, Last: 9}))
			if have != test.want || err != nil {
				t.Errorf("have %s, %v", have, err)
			}
		})
	}
}

// If most messages are incomplete, all are asked for again, and each is delivered once, also if a
// second question is refused.
func TestManyIncompleteMessages(t *testing.T) {
	answer := func(first, last int, form string) string {
		var b strings.Builder
		for uid := first; uid <= last; uid++ {
			fmt.Fprintf(&b, form, uid)
		}
		return strings.TrimSuffix(b.String(), "\r\n")
	}
	const again = "* %[1]d FETCH (UID %[1]d FLAGS (\\Seen))\r\n* %[1]d FETCH (INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")\r\n"
	box := examine(t, serve(t, selected("",
		"< UID FETCH 1:2500 …", answer(1, 2500, "* %[1]d FETCH (UID %[1]d RFC822.SIZE 5)\r\n"), "TAG OK done",
		"< UID FETCH 1:1000 …", answer(1, 1000, again), "TAG OK done",
		"< UID FETCH 1001:2000 …", "TAG NO not now",
		"< UID FETCH 2001:2500 …", answer(2002, 2500, again), "TAG OK done")))
	seen := map[mail.UID]int{}
	for m, err := range box.Messages(t.Context(), mail.UIDRange{First: 1, Last: 2500}) {
		unknown := m.UID > 1000 && m.UID <= 2001
		if seen[m.UID]++; err != nil || (m.Lacks != 0) != unknown || !unknown && !m.Flags.Equal(mail.NewFlags(`\Seen`)) {
			t.Fatalf("have %+v, %v", m, err)
		}
	}
	if len(seen) != 2500 || seen[1] != 1 || seen[2000] != 1 {
		t.Errorf("have %d messages", len(seen))
	}
}

// A server that gives messages without flags and does not end is asked for some of them again. The
// others are delivered as they come, so the caller can end it.
func TestEndlessIncompleteMessages(t *testing.T) {
	const all = 3 * maxDeferred
	var b strings.Builder
	for uid := 1; uid <= all; uid++ {
		fmt.Fprintf(&b, "* %[1]d FETCH (UID %[1]d RFC822.SIZE 5)\r\n", uid)
	}
	box := examine(t, serve(t, selected("", fmt.Sprintf("< UID FETCH 1:%d …", all), strings.TrimSuffix(b.String(), "\r\n"), "TAG OK done")))
	n := 0
	for m, err := range box.Messages(t.Context(), mail.UIDRange{First: 1, Last: all}) {
		if err != nil || m.Lacks == 0 {
			t.Fatalf("have %+v, %v", m, err)
		}
		if n++; n == maxDeferred {
			break
		}
	}
	if n != maxDeferred {
		t.Errorf("have %d messages", n)
	}
}

// The client asks for attributes of extensions if they are offered, keeps them as they are, and
// does without them if the server answers BAD.
func TestExtensionAttributes(t *testing.T) {
	box := examine(t, serve(t, selected("OBJECTID CONDSTORE X-GM-EXT-1 SAVEDATE",
		"< UID FETCH 4:9 (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ EMAILID THREADID SAVEDATE X-GM-MSGID X-GM-THRID X-GM-LABELS)",
		`* 1 FETCH (UID 4 FLAGS () INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 3 MODSEQ (77) EMAILID (M1) THREADID NIL SAVEDATE NIL `+
			`X-GM-MSGID 1278455344230334865 X-GM-THRID 12 X-GM-LABELS (\Inbox "two words" &AOk-t&AOk-))`, "TAG OK done")))
	box.status.HighestModSeq = 77
	for m, err := range box.Messages(t.Context(), mail.UIDRange{First: 4, Last: 9}) {
		want := mail.IDs{Email: "M1", GMMsg: "1278455344230334865", GMThread: "12"}
		if err != nil || m.ModSeq != 77 || m.IDs != want || fmt.Sprint(m.Labels) != `[&AOk-t&AOk- \Inbox two words]` || !m.Saved.IsZero() {
			t.Errorf("have %+v, %v", m, err)
		}
	}
	box = examine(t, serve(t, selected("OBJECTID", "< UID FETCH 4:9 (UID FLAGS INTERNALDATE RFC822.SIZE EMAILID THREADID)", "TAG BAD what",
		"< UID FETCH 4:9 (UID FLAGS INTERNALDATE RFC822.SIZE)", "TAG OK done")))
	if _, err := describeMessages(box.Messages(t.Context(), mail.UIDRange{First: 4, Last: 9})); err != nil {
		t.Error(err)
	}
}

// VANISHED reports removals if the server supports it; otherwise they are unknown.
func TestChanges(t *testing.T) {
	resync := script{"* PREAUTH [CAPABILITY IMAP4rev1 ENABLE QRESYNC] ready", "< ENABLE QRESYNC", "* ENABLED QRESYNC", "TAG OK x",
		"< EXAMINE …", "TAG OK done",
		"< UID FETCH 4:9 (UID FLAGS MODSEQ) (CHANGEDSINCE 70 VANISHED)", "* VANISHED (EARLIER) 1:5,8,20", `* 2 FETCH (UID 6 FLAGS (\Seen) MODSEQ (71))`, "TAG OK done"}
	plain := selected("CONDSTORE", "< UID FETCH 4:9 (UID FLAGS MODSEQ) (CHANGEDSINCE 70)", `* 2 FETCH (UID 6 FLAGS (\Seen) MODSEQ (71))`, "TAG OK done")
	others := selected("CONDSTORE", "< UID FETCH 4:9 (UID FLAGS MODSEQ) (CHANGEDSINCE 70)", "* 1 FETCH (UID 4 MODSEQ (72))",
		`* 2 FETCH (UID 6 MODSEQ (71))`, `* 2 FETCH (UID 6 FLAGS (\Seen))`, "TAG OK done",
		"< UID FETCH 4 (UID FLAGS MODSEQ)", `* 1 FETCH (UID 4 FLAGS (\Deleted) MODSEQ (72))`, "TAG OK done")
	for name, test := range map[string]struct {
		server script
		want   string
	}{"QRESYNC": {resync, "6 [\\Seen]; 4:5,8 true"}, "CONDSTORE": {plain, "6 [\\Seen];  false"},
		"without flags": {others, "6 [\\Seen]; 4 [\\Deleted];  false"}} {
		box := examine(t, serve(t, test.server))
		have := ""
		gone, known, err := box.Changes(t.Context(), mail.UIDRange{First: 4, Last: 9}, 70, func(m mail.Message) error {
			have += fmt.Sprintf("%d %v; ", m.UID, m.Flags)
			return nil
		})
		have += fmt.Sprint(gone, " ", known)
		if err != nil || have != test.want {
			t.Errorf("%s: have %q, %v", name, have, err)
		}
	}
}

// UIDs asks by ESEARCH or SEARCH, and by FETCH if the answer is empty and the mailbox is not.
func TestUIDs(t *testing.T) {
	for name, test := range map[string]struct {
		server script
		want   string
	}{
		"esearch": {selected("ESEARCH", "< UID SEARCH RETURN (ALL) UID 4:9", `* ESEARCH (TAG "TAG") UID ALL 9,4:5`, "TAG OK x"), "4:5,9"},
		"another": {selected("ESEARCH", "< UID SEARCH RETURN (ALL) UID 4:9", `* ESEARCH (tag "Q9") UID ALL 6`, `* ESEARCH (tag "TAG") UID ALL 9`, "TAG OK x"), "9"},
		"search":  {selected("", "< UID SEARCH UID 4:9", `* SEARCH 5 4 9 100`, "TAG OK x"), "4:5,9"},
		"empty":   {selected("", "< UID SEARCH UID 4:9", "* SEARCH", "TAG OK x", "< UID FETCH 4:9 (UID)", "* 3 FETCH (UID 9)", "TAG OK x"), "9"},
		"refused": {selected("", "< UID SEARCH UID 4:9", "TAG BAD x", "< UID FETCH 4:9 (UID)", "* 3 FETCH (UID 9)", "TAG OK x"), "9"},
	} {
		box := examine(t, serve(t, test.server))
		if have, err := box.UIDs(t.Context(), mail.UIDRange{First: 4, Last: 9}); err != nil || have.String() != test.want {
			t.Errorf("%s: have %v, %v", name, have, err)
		}
	}
}

// An answer to a search that is no set of UIDs is shown.
func TestSearchOutOfStep(t *testing.T) {
	m := examine(t, serve(t, selected("ESEARCH", "< UID SEARCH …", `* ESEARCH (TAG "TAG") UID ALL 1:x`, "TAG OK x")))
	_, err := m.search(t.Context(), mail.UIDRange{First: 1, Last: 9})
	if !errors.Is(err, imap.ErrOutOfStep) || !strings.HasSuffix(err.Error(), `UID SEARCH: the server's answer cannot be read: it is not a set of UIDs: "1:x"`) {
		t.Error(err)
	}
}
