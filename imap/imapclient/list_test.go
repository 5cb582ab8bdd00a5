package imapclient

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
)

// described describes a survey, with a line for each mailbox.
func described(s *mail.Survey) string {
	var b strings.Builder
	for _, m := range s.Mailboxes {
		numbers := "unknown"
		if m.Status != nil {
			numbers = fmt.Sprintf("{%d %d %d %d %s}", m.Status.UIDValidity, m.Status.UIDNext, m.Status.Messages, m.Status.HighestModSeq, m.Status.MailboxID)
		}
		if m.Skip == mail.SkipForeign {
			numbers = "foreign"
		}
		fmt.Fprintf(&b, "%q %q %q %v %v %v %s\n", m.Raw, m.Name, m.Delimiter, m.Attributes, m.SpecialUse, m.Subscribed, numbers)
	}
	fmt.Fprintf(&b, "%q", s.Dangling)
	return b.String()
}

// One LIST asks for everything if the server supports it. What it leaves out is asked for each
// mailbox, and stays unknown if that fails.
func TestSurveyInOneRoundTrip(t *testing.T) {
	c := connect(t, serve(t, loggedIn("LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE NAMESPACE", "< NAMESPACE",
		`* NAMESPACE (("" "/")) (("~" "/")) (("#shared/" "/"))`, "TAG OK x",
		`< LIST "" "*" RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))`,
		`* LIST (\HasNoChildren \Marked \Subscribed) "/" inbox`, `* STATUS INBOX (MESSAGES 3 UIDNEXT 10 UIDVALIDITY 7 HIGHESTMODSEQ 12345678901 X-NEW (a b))`,
		`* STATUS "Entw&APw-rfe" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 8 HIGHESTMODSEQ 1)`, `* LIST (\Drafts \HasNoChildren) "/" "Entw&APw-rfe"`,
		`* LIST (\Noselect \HasChildren) "/" parent`, `* LIST (\HasNoChildren) "/" "caf`+"\xe9"+`"`, `* LIST () "/" {5}`+"\r\nbro\"n", `* LIST () "/" 123`, `* STATUS 123 (MESSAGES 1)`,
		`* LIST () "/" "~bob/Mail"`, `* LIST () "/" "#shared/all"`, "* NO [SERVERBUG] cannot read bro", "TAG OK x",
		`< LIST (SUBSCRIBED) "" "*"`, `* LIST (\Subscribed) "/" INBOX`, `* LIST (\Subscribed \NonExistent) "/" "gone"`, `* LIST (\Subscribed) "/" "~bob/gone"`, "TAG OK x",
		`< STATUS "123" (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)`, `< STATUS "bro\"n" (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)`, `< STATUS {4}`, "+ go", "<{4}", "< (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)",
		"* STATUS 123 (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3 HIGHESTMODSEQ 4)", "TAG4 OK x", "TAG5 NO no", "TAG6 OK but no numbers")))
	s, err := c.Survey(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`"#shared/all" "#shared/all" "/" [] [] false foreign`,
		`"123" "123" "/" [] [] false {3 2 1 4 }`,
		`"Entw&APw-rfe" "Entwürfe" "/" [\HasNoChildren] [\Drafts] false {8 1 0 1 }`,
		`"bro\"n" "bro\"n" "/" [] [] false unknown`,
		`"caf\xe9" "caf\xe9" "/" [\HasNoChildren] [] false unknown`,
		`"inbox" "inbox" "/" [\HasNoChildren] [] true {7 10 3 12345678901 }`,
		`"parent" "parent" "/" [\HasChildren \Noselect] [] false unknown`,
		`"~bob/Mail" "~bob/Mail" "/" [] [] false foreign`,
		`["gone"]`}, "\n")
	if have := described(s); have != want {
		t.Errorf("have\n%s\nwant\n%s", have, want)
	}
}

// An old server is asked with LIST, LSUB and STATUS.
func TestSurveyOfAnOldServer(t *testing.T) {
	c := connect(t, serve(t, loggedIn("", `< LIST "" "*"`, `* LIST () "." INBOX`, `* LIST (\NoInferiors) NIL Sent`, "TAG OK x",
		`< LSUB "" "*"`, `* LSUB () "." Sent`, `* LSUB (\Noselect) "." above`, `* LSUB () "." above.gone`, "TAG OK x",
		`< STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)`, `< STATUS "Sent" (MESSAGES UIDNEXT UIDVALIDITY)`,
		"* STATUS Sent (UIDNEXT 2 MESSAGES 1 UIDVALIDITY 3)", "* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 4)", "TAG3 OK x", "TAG4 OK x")))
	s, err := c.Survey(t.Context(), nil)
	want := `"INBOX" "INBOX" "." [] [] false {4 2 1 0 }` + "\n" + `"Sent" "Sent" "" [\NoInferiors] [] true {3 2 1 0 }` + "\n" + `["above.gone"]`
	if err != nil || described(s) != want {
		t.Errorf("have\n%s\n%v", described(s), err)
	}
}

// A selected mailbox reports old numbers, so a survey selects none.
func TestSurveyUnselects(t *testing.T) {
	box := examine(t, serve(t, selected("UNSELECT", "< UNSELECT", "TAG OK x", "< LIST …", `* LIST () "/" a`, "TAG OK x",
		"< LSUB …", "TAG NO x", "< STATUS …", "TAG NO [NONEXISTENT] x", "< STATUS …", "TAG NO x")))
	if _, err := box.c.Survey(t.Context(), nil); err != nil {
		t.Error(err)
	}
	box = examine(t, serve(t, selected("", "< EXAMINE …", "TAG OK x", "< CLOSE", "TAG OK x", "< LIST …", `* LIST () "/" INBOX`, "TAG OK x",
		"< LSUB …", "TAG OK x", "< STATUS …", "TAG NO x")))
	if _, err := box.c.Survey(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// The longest prefix decides which namespace a mailbox is in.
func TestNamespaces(t *testing.T) {
	spaces := []mail.Namespace{{Kind: mail.Personal, Prefix: "INBOX.", Delimiter: "."}, {Kind: mail.OtherUsers, Prefix: "user.", Delimiter: "."}, {Kind: mail.Shared, Prefix: "", Delimiter: "."}}
	for raw, want := range map[string]bool{"INBOX": true, "inbox": true, "INBOX.Sent": true, "user.bob": false, "user": false, "news": false} {
		if (scope{spaces: spaces}).isRead(raw) != want {
			t.Errorf("%s: personal %v", raw, !want)
		}
	}
	if !(scope{}).isRead("anything") {
		t.Error("without namespaces everything is one's own")
	}
	boxes := []mail.Mailbox{{Raw: "INBOX"}, {Raw: "INBOX.Sent"}, {Raw: "user.bob"}}
	s := scope{spaces: spaces[:2], named: []string{"other", "shared", "user.bob", "user.", "user.eve", "none."}}
	if have, want := s.unmatched(boxes), []string{"user.eve", "none."}; !slices.Equal(have, want) {
		t.Errorf("namespaces without mailboxes: %q, want %q", have, want)
	}
}
