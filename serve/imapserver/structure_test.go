package imapserver_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/serve/imapserver"
)

// The sections of a message are those of the message, whatever it is, and make up the message.
func TestSectionsOfOddMessages(t *testing.T) {
	a := archivetest.NewAccount()
	var bodies []string
	for _, m := range archivetest.OddMessages() {
		bodies = append(bodies, string(m.Body))
	}
	bodies = append(bodies, message(), "\x00", "From: x", "From: x\r\n", "no field\r\n\r\nbody", "A: b\nC\n\nd", "A: b\rC: d\r\re",
		"A: "+strings.Repeat("long ", 100_000)+"\r\n\r\nbody")
	for _, body := range bodies {
		a.Mailbox("INBOX").Add(body)
	}
	r := archivetest.NewRepo(t, new(storetest.Memory))
	archivetest.Backup(t, r, a)
	c := login(t, serve(t, r, imapserver.Limits{}), account)
	c.want("SELECT INBOX", fmt.Sprintf("* %d EXISTS", len(bodies)), "x OK")
	c.want("FETCH 1:* (ENVELOPE BODY BODYSTRUCTURE)", fmt.Sprintf("* %d FETCH", len(bodies)), "x OK")
	for n, body := range bodies {
		var sections []string
		lines := c.do(fmt.Sprintf("FETCH %d (BODY[HEADER] BODY[TEXT] BODY[])", n+1))
		rest := strings.TrimPrefix(lines[0], fmt.Sprintf("* %d FETCH (", n+1))
		for _, name := range []string{"BODY[HEADER] ", " BODY[TEXT] ", " BODY[] "} {
			var size int
			rest = strings.TrimPrefix(rest, name)
			if _, err := fmt.Sscanf(rest, "{%d}", &size); err != nil {
				t.Fatalf("%.500q: %v", lines, err)
			}
			rest = rest[strings.IndexByte(rest, '\n')+1:]
			sections = append(sections, rest[:size])
			rest = rest[size:]
		}
		if sections[2] != body || sections[0]+sections[1] != body {
			t.Errorf("%.200q has the sections %.200q", body, sections)
		}
	}
}
