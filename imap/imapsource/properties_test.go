package imapsource

import (
	"strings"
	"testing"
)

// A server that ends the connection at GETACL is asked for the rest.
func TestPropertiesLost(t *testing.T) {
	first := loggedIn("IMAP4rev1 ACL METADATA-SERVER", `< GETMETADATA …`, `< GETACL "INBOX"`, `TAG1 OK x`, "!")
	again := loggedIn("IMAP4rev1 ACL METADATA-SERVER", `< GETMETADATA …`, `TAG OK x`, `< GETACL "INBOX"`, "!")
	last := loggedIn("IMAP4rev1 ACL METADATA-SERVER", `< GETMETADATA …`, `* METADATA "" (/shared/admin "x")`, `TAG OK x`)
	opts := serve(t, first, again, last)
	s := NewSource(*opts)
	defer s.Close()
	list, notes, err := s.Properties(t.Context(), []string{"INBOX"})
	if err != nil || len(list) != 1 || len(notes) != 1 || !strings.Contains(notes[0], `GETACL "INBOX"`) {
		t.Errorf("%+v, %q, %v", list, notes, err)
	}
}
