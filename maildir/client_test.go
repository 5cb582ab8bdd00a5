package maildir

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/mail"
)

// fetched is a message as a server returns it.
type fetched struct {
	flags mail.Flags
	date  mail.Date
	size  int
	body  string
}

var fetchLine = regexp.MustCompile(`^\* \d+ FETCH \(FLAGS \(([^)]*)\) INTERNALDATE "([^"]*)" RFC822.SIZE (\d+) BODY\[\] (?:\{(\d+)\}|"(.*)"\))`)

// fetch reads all messages of a mailbox, given by its raw name, in the order of their UIDs.
func fetch(t *testing.T, dovecot *testbed.DovecotServer, user, mailbox string) []fetched {
	t.Helper()
	conn, err := net.Dial("tcp", dovecot.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "a LOGIN %s %s\r\nb EXAMINE \"%s\"\r\nc FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])\r\nd LOGOUT\r\n",
		user, dovecot.Password, mailbox)
	var all []fetched
	for r := bufio.NewReader(conn); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return all
		}
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "b ") && !strings.HasPrefix(line, "b OK") {
			t.Errorf("%s: %s", mailbox, line)
		}
		m := fetchLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		size, _ := strconv.Atoi(m[3])
		literal, _ := strconv.Atoi(m[4])
		text := make([]byte, literal)
		if _, err := io.ReadFull(r, text); err != nil {
			t.Fatal(err)
		}
		all = append(all, fetched{mail.NewFlags(strings.Fields(m[1])...), mail.ParseDate(m[2]), size, m[5] + string(text)})
	}
}
