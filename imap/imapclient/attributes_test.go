package imapclient

import (
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
)

// describeMessages describes messages.
func describeMessages(messages iter.Seq2[mail.Message, error]) (string, error) {
	var words []string
	for m, err := range messages {
		if err != nil {
			return strings.Join(words, "; "), err
		}
		words = append(words, fmt.Sprintf("%d %v %q %d", m.UID, m.Flags, m.Internal.String(), m.Size))
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
		"as usual":       {[]string{`* 1 FETCH (UID 4 FLAGS (\Seen) ` + date + ` RFC822.SIZE 3)`, `* 2 FETCH (` + date + ` RFC822.SIZE 2 FLAGS (\Recent) UID 5)`}, a + "; " + b},
		"in pieces":      {[]string{`* 1 FETCH (UID 4 RFC822.SIZE 3)`, `* 2 FETCH (UID 5 ` + date + ` FLAGS ())`, `* 1 FETCH (UID 4 FLAGS (\seen) ` + date + `)`, `* 2 FETCH (RFC822.SIZE 2)`}, a + "; " + b},
		"changed flags":  {[]string{`* 1 FETCH (UID 4 FLAGS (\Seen) ` + date + ` RFC822.SIZE 3)`, `* 1 FETCH (UID 4 FLAGS (\Flagged))`, `* 9 FETCH (FLAGS (\Seen))`}, a},
		"twice":          {[]string{`* 1 FETCH (UID 4 FLAGS (\Seen) ` + date + ` RFC822.SIZE 3)`, `* 1 FETCH (UID 4 FLAGS (\Seen) ` + date + ` RFC822.SIZE 3)`}, a},
		"out of range":   {[]string{`* 1 FETCH (UID 99 FLAGS () ` + date + ` RFC822.SIZE 3)`}, ""},
		"a bad date":     {[]string{`* 1 FETCH (UID 4 FLAGS () INTERNALDATE "yesterday" RFC822.SIZE 3)`}, `4 [] "yesterday" 3`},
		"things missing": {[]string{`* 1 FETCH (UID 4 INTERNALDATE NIL)`, `* 2 FETCH (UID 5 FLAGS (\Seen))`}, `4 [] "NIL" -1; 5 [\Seen] "NIL" -1`},
		"odd keywords":   {[]string{`* 1 FETCH (UID 4 FLAGS (foo[bar] NIL [x \Seen \SEEN) ` + date + ` RFC822.SIZE 3 X-NEW (a {1}` + "\r\n)))"}, `4 [NIL [x \Seen foo[bar]] "17-Jul-1996 02:44:25 -0700" 3`},
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
		`* 2 FETCH (UID 6 MODSEQ (71))`, `* 2 FETCH (UID 6 FLAGS (\Seen))`, "TAG OK done")
	for name, test := range map[string]struct {
		server script
		want   string
	}{"QRESYNC": {resync, "6 [\\Seen]; 4:5,8 true"}, "CONDSTORE": {plain, "6 [\\Seen];  false"},
		"without flags": {others, "6 [\\Seen];  false"}} {
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
