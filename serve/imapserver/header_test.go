package imapserver_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/serve/imapserver"
	"github.com/mailstrata/mailstrata/serve/view"
)

// A header of more than 1 MiB is served as a whole, and the text begins after it. A character set
// that is empty is as the message says, and not added once more.
func TestLongHeader(t *testing.T) {
	header := "Content-Type: text/plain; charset=\"\"\r\n" + strings.Repeat("X-Line: "+strings.Repeat("x", 90)+"\r\n", 15_000) + "\r\n"
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add(header + "text\r\n")
	r := archivetest.NewRepo(t, new(storetest.Memory))
	archivetest.Backup(t, r, a)
	c := login(t, serveArchive(t, view.NewArchive(r), imapserver.Limits{}), account)
	c.do("SELECT INBOX")
	c.want("FETCH 1 BODY[HEADER]", fmt.Sprintf("* 1 FETCH (BODY[HEADER] {%d}", len(header)))
	c.want("FETCH 1 BODY[TEXT]", "* 1 FETCH (BODY[TEXT] {6}")
	c.want("FETCH 1 BODYSTRUCTURE", `* 1 FETCH (BODYSTRUCTURE ("text" "plain" ("charset" "") NIL`)
}
