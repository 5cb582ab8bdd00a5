package testbed

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// Message is a message to put into a mailbox.
type Message struct {
	Body  string // every byte of it; servers refuse some: bodies for these can be put there as files (Dovecot.PutMaildir)
	Flags []string
	Date  time.Time // INTERNALDATE; the zero Time leaves it to the server
}

// deliver appends messages to a mailbox over IMAP, and makes the mailbox if it does not exist. Its
// name is raw, as the server gets it. This is no client: it sends a few fixed lines to known
// servers, over loopback.
func deliver(t testing.TB, address, user, password, mailbox string, messages []Message) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := &dialogue{t: t, w: bufio.NewWriter(conn), r: bufio.NewReader(conn)}
	greeting, _ := c.r.ReadString('\n')
	unasked := "" // what marks a literal that the server need not ask for
	if strings.Contains(greeting, "LITERAL+") {
		unasked = "+"
	}
	c.say(fmt.Sprintf("LOGIN %s %s", quote(user), quote(password)))
	c.must()
	if !strings.EqualFold(mailbox, "INBOX") {
		c.say("CREATE " + quote(mailbox))
		c.answer() // NO where it is there
	}
	for _, m := range messages {
		date := ""
		if !m.Date.IsZero() {
			date = quote(m.Date.Format("_2-Jan-2006 15:04:05 -0700")) + " "
		}
		c.send(fmt.Sprintf("x APPEND %s (%s) %s{%d%s}\r\n",
			quote(mailbox), strings.Join(m.Flags, " "), date, len(m.Body), unasked))
		if unasked == "" {
			c.waitForLeave()
		}
		c.send(m.Body + "\r\n")
		c.must()
	}
	c.say("LOGOUT")
	c.must()
}

// dialogue sends one command at a time.
type dialogue struct {
	t testing.TB
	w *bufio.Writer
	r *bufio.Reader
}

func (c *dialogue) say(command string) { c.send("x " + command + "\r\n") }

func (c *dialogue) send(text string) {
	_, _ = c.w.WriteString(text)
	if err := c.w.Flush(); err != nil {
		c.t.Helper()
		c.t.Fatal(err)
	}
}

// waitForLeave waits until the server asks for a literal.
func (c *dialogue) waitForLeave() {
	c.t.Helper()
	for {
		line, err := c.r.ReadString('\n')
		if err != nil || strings.HasPrefix(line, "x ") {
			c.t.Fatalf("the server says: %s (%v)", line, err)
		}
		if strings.HasPrefix(line, "+") {
			return
		}
	}
}

// answer returns the tagged response, and reports whether it is OK.
func (c *dialogue) answer() (string, bool) {
	c.t.Helper()
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatal(err)
		}
		if rest, tagged := strings.CutPrefix(line, "x "); tagged {
			return line, strings.HasPrefix(rest, "OK")
		}
	}
}

func (c *dialogue) must() {
	c.t.Helper()
	if line, ok := c.answer(); !ok {
		c.t.Fatalf("the server says: %s", line)
	}
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// greets reports whether an IMAP server answers at an address.
func greets(address string) error { return answers(address, "* OK") }

// answers reports whether a server's first line begins with these words.
func answers(address, words string) error {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, words) {
		return fmt.Errorf("it greets with %q", line)
	}
	return nil
}
