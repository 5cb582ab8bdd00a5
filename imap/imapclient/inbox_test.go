package imapclient

import (
	"strings"
	"testing"
)

// INBOX always exists. If LIST leaves it out, the client asks for it, and the answer decides.
func TestUnlistedInbox(t *testing.T) {
	numbers := "(MESSAGES UIDNEXT UIDVALIDITY)"
	for name, test := range map[string]struct {
		listed, answers []string
		want, note      string
	}{
		"it is there": {[]string{`* LIST () "/" a`}, []string{`* STATUS INBOX (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7)`, "TAG OK x"},
			`"INBOX" "INBOX" "/" [] [] false {7 3 2 0 }`, ""},
		"nothing is listed": {nil, []string{`* STATUS INBOX (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7)`, "TAG OK x"},
			`"INBOX" "INBOX" "" [] [] false {7 3 2 0 }`, "lists no mailbox at all"},
		"it is refused":     {nil, []string{"TAG NO try another day"}, `"INBOX" "INBOX" "" [] [] false unknown`, "lists no mailbox at all"},
		"it does not exist": {nil, []string{"TAG NO [NONEXISTENT] none"}, "", "lists no mailbox at all"},
		"it is listed as what cannot be opened": {[]string{`* LIST (\Noselect) "/" Inbox`},
			[]string{`* STATUS INBOX (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7)`, "TAG OK x"}, `"Inbox" "Inbox" "/" [] [] false {7 3 2 0 }`, ""},
		"and it cannot": {[]string{`* LIST (\Noselect) "/" Inbox`}, []string{"TAG NO x"}, `"Inbox" "Inbox" "/" [\Noselect] [] false unknown`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := append(append([]string{`< LIST "" "*"`}, test.listed...), "TAG OK x", "< LSUB …", "TAG NO x", `< STATUS "INBOX" `+numbers)
			s = append(s, test.answers...)
			if len(test.listed) > 0 && strings.Contains(test.listed[0], " a") {
				s = append(s, `< STATUS "a" `+numbers, "TAG NO x")
			}
			if strings.HasSuffix(test.want, "unknown") && !strings.Contains(test.want, "Noselect") {
				s = append(s, `< STATUS "INBOX" `+numbers, "TAG NO x")
			}
			survey, err := connect(t, serve(t, loggedIn("", s...))).Survey(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if have := described(survey); !strings.HasPrefix(have, test.want) || test.want == "" && len(survey.Mailboxes) > 0 {
				t.Errorf("have %s, want %s", have, test.want)
			}
			if have := strings.Join(survey.Notes, " / "); !strings.Contains(have, test.note) || (have == "") != (test.note == "") {
				t.Errorf("notes: %s, want %q", have, test.note)
			}
		})
	}
}

// Some servers do not quote names. A name with blanks is read whole, in LIST, LSUB and STATUS. A
// line without a name is reported.
func TestUnquotedNames(t *testing.T) {
	survey, err := connect(t, serve(t, loggedIn("", `< LIST "" "*"`, `* LIST () "/" INBOX`, `* LIST (\Sent) "/" Sent Items`, `* LIST () "/" `, "TAG OK x",
		"< LSUB …", `* LSUB () "/" Sent Items`, "TAG OK x",
		"< STATUS …", `< STATUS "Sent Items" …`, "* STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 3)",
		"* STATUS Sent Items (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7)", "TAG3 OK x", "TAG4 OK x"))).Survey(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if have, want := described(survey), `"Sent Items" "Sent Items" "/" [] [\Sent] true {7 3 2 0 }`; !strings.Contains(have, want) {
		t.Errorf("have %s, want %s", have, want)
	}
	if len(survey.Notes) != 1 || !strings.Contains(survey.Notes[0], "cannot be read: 1") {
		t.Errorf("notes: %q", survey.Notes)
	}
}
