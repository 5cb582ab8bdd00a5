package imaprestore

import (
	"fmt"
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// holding begins a script with a mailbox that has n messages, of which message i is some(n)[i-1].
func holding(n int, rest ...string) script {
	return append(loggedIn("UIDPLUS", "< SELECT …", fmt.Sprintf("* %d EXISTS", n), "* OK [UIDVALIDITY 7] x",
		fmt.Sprintf("* OK [UIDNEXT %d] x", n+1), "TAG OK done"), rest...)
}

// listed is holding, with the list of the messages and their headers.
func listed(n int, rest ...string) script {
	s := holding(n, "< UID FETCH 1:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE)")
	headers := []string{fmt.Sprintf("< UID FETCH 1:%d (UID BODY.PEEK[HEADER])", n)}
	uids := make([]int, n)
	for i := range uids {
		uids[i] = i + 1
		header := fmt.Sprintf("Subject: %d\r\n\r\n", i)
		headers = append(headers, fmt.Sprintf("* %d FETCH (UID %d BODY[HEADER] {%d}\r\n%s)", i+1, i+1, len(header), header))
	}
	return slices.Concat(s, overview(uids...), headers, []string{"TAG OK done"}, rest)
}

// bodyOf is the response with the message of a UID.
func bodyOf(uid int) string {
	return fmt.Sprintf("* %d FETCH (UID %d BODY[] {14}\r\nSubject: %d\r\n\r\n)", uid, uid, uid-1)
}

// A message that the server cannot deliver is no copy of one to restore, and the others are
// compared: Dovecot closes the connection at a file that is shorter than its name says, and other
// servers refuse.
func TestUndelivered(t *testing.T) {
	for name, scripts := range map[string][]script{
		"lost connections": {
			listed(3, "< UID FETCH 1:3 (UID BODY.PEEK[])", bodyOf(1), "* 2 FETCH (UID 2 BODY[] {14}\r\nSub", "!"),
			holding(3, "< UID FETCH 3 (UID BODY.PEEK[])", bodyOf(3), "TAG OK done", "< UID FETCH 2 (UID BODY.PEEK[])", "!"),
			holding(3, "< UID FETCH 2 (UID BODY.PEEK[])", "!"),
			holding(3),
		},
		"refused": {
			listed(3, "< UID FETCH 1:3 (UID BODY.PEEK[])", bodyOf(1), "TAG NO some are damaged",
				"< UID FETCH 2 (UID BODY.PEEK[])", "TAG NO it is damaged",
				"< UID FETCH 3 (UID BODY.PEEK[])", bodyOf(3), "TAG OK done"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := opened(t, scripts...)
			missing, err := f.Missing(t.Context(), some(3))
			if err != nil || !slices.Equal(missing, []int{1}) {
				t.Errorf("missing are %v, %v, want 1", missing, err)
			}
		})
	}
}

// Nor does a message matter that the server cannot even list: Dovecot has to read a file whose name
// does not have its size.
func TestUnlisted(t *testing.T) {
	one := func(uid int) string { return overview(uid)[0] }
	f := opened(t,
		holding(4, "< UID FETCH 1:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE)", one(1), "!"),
		holding(4, "< UID SEARCH …", "* SEARCH 1 2 3 4", "TAG OK done", "< UID FETCH 2:4 (UID FLAGS INTERNALDATE RFC822.SIZE)", "!"),
		holding(4, "< UID FETCH 2 (UID FLAGS INTERNALDATE RFC822.SIZE)", one(2), "TAG OK done",
			"< UID FETCH 3:4 (UID FLAGS INTERNALDATE RFC822.SIZE)", "!"),
		holding(4, "< UID FETCH 3 (UID FLAGS INTERNALDATE RFC822.SIZE)", "!"),
		holding(4, "< UID FETCH 4 (UID FLAGS INTERNALDATE RFC822.SIZE)", one(4), "TAG OK done",
			"< UID FETCH 1:2,4 (UID BODY.PEEK[HEADER])", "TAG OK none", "< UID FETCH 1:2,4 (UID BODY.PEEK[])",
			bodyOf(1), bodyOf(2), bodyOf(4), "TAG OK done"))
	if missing, err := f.Missing(t.Context(), some(4)); err != nil || !slices.Equal(missing, []int{2}) {
		t.Errorf("missing are %v, %v, want 2", missing, err)
	}
}

// A connection that was lost once says nothing of a message.
func TestDeliveredAtLast(t *testing.T) {
	f := opened(t,
		listed(2, "< UID FETCH 1:2 (UID BODY.PEEK[])", bodyOf(1), "!"),
		holding(2, "< UID FETCH 2 (UID BODY.PEEK[])", bodyOf(2), "TAG OK done"))
	if missing, err := f.Missing(t.Context(), some(2)); err != nil || len(missing) != 0 {
		t.Errorf("missing are %v, %v, want none", missing, err)
	}
}

// If many messages in a row are not delivered, the server is at fault, and they must not be added
// again.
func TestNothingDelivered(t *testing.T) {
	const n = maxInARow + 1
	s := listed(n, fmt.Sprintf("< UID FETCH 1:%d (UID BODY.PEEK[])", n), "TAG NO not now")
	for i := range n {
		s = append(s, fmt.Sprintf("< UID FETCH %d (UID BODY.PEEK[])", i+1), "TAG NO not now")
	}
	f := opened(t, s)
	if missing, err := f.Missing(t.Context(), some(n)); err == nil {
		t.Errorf("missing are %v, want an error", missing)
	}
}

// What was added and is not delivered is not proven to be what was sent.
func TestAddedAndUndelivered(t *testing.T) {
	const size = 15
	f := opened(t, writable("LITERAL+ UIDPLUS", `< APPEND "x" "17-Jul-1996 02:44:25 -0700" {15+}`, "<{15}", "<",
		"TAG OK [APPENDUID 7 10] done", "< UID FETCH 10 (UID FLAGS INTERNALDATE RFC822.SIZE)",
		`* 1 FETCH (UID 10 FLAGS () INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 17)`, "TAG OK done",
		"< UID FETCH 10 (UID BODY.PEEK[])", "TAG NO no",
		"< UID FETCH 10 (UID BODY.PEEK[])", "TAG NO no"))
	m := wanted(mail.Message{UID: 1, Internal: mail.ParseDate("17-Jul-1996 02:44:25 -0700")}, []byte("Subject: 1\r\n\r\n!"))
	if m.Size != size {
		t.Fatal(m.Size)
	}
	results, err := addTo(t.Context(), f, append(some(0), m))
	if want := "added, the server does not deliver it"; err != nil || resultsOf(results) != want || !results[0].Altered {
		t.Errorf("have %s, altered %t, %v", resultsOf(results), results[0].Altered, err)
	}
}

// A prune does not remove what it could not compare.
func TestUndeliveredIsNoSurplus(t *testing.T) {
	s := listed(2, "< UID FETCH 1:2 (UID BODY.PEEK[])", bodyOf(1), "TAG NO some are damaged",
		"< UID FETCH 2 (UID BODY.PEEK[])", "TAG NO it is damaged")
	s[1] = "< EXAMINE …"
	opts := serve(t, s)
	target := NewTarget(*opts)
	t.Cleanup(func() { target.Close() })
	mirror, err := target.OpenMirror(t.Context(), restore.Place{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer mirror.Close()
	missing, err := mirror.Require(t.Context(), some(2))
	if surplus, _ := mirror.Surplus(); err != nil || missing != 1 || surplus != 0 {
		t.Errorf("%d are missing and %d surplus, %v; want 1 and 0", missing, surplus, err)
	}
}
