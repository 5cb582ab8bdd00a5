package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// Nights on which mail is renamed, moved, filed and rotated are good ones, on every server. Nights
// on which mail is gone are not, however little there was. What only moved is not downloaded again
// if the server shows that it did.
func TestNightsOfRenamesAndLosses(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) residence{
		"Dovecot": func(t *testing.T) residence {
			d := startDovecot(t, testbed.DovecotOptions{})
			put := func(t testing.TB, user, mailbox string, messages ...testbed.Message) {
				d.Deliver(user, mailbox, messages...)
			}
			return residence{foreign: foreign{addr: d.Addr, password: imapPassword, delimiter: "/"}, deliver: put}
		},
		"Cyrus": func(t *testing.T) residence {
			c := testbed.Cyrus(t, testbed.CyrusOptions{})
			return residence{foreign: foreign{addr: c.Addr, password: c.Password, delimiter: "/"}, deliver: c.Deliver}
		},
		"Courier": func(t *testing.T) residence {
			c := testbed.Courier(t)
			return residence{foreign: foreign{addr: c.Addr, password: c.Password, prefix: "INBOX.", delimiter: "."}, deliver: c.Deliver}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start(t).nights(t)
		})
	}
}

// residence is a server with an account.
type residence struct {
	foreign
	deliver func(t testing.TB, user, mailbox string, messages ...testbed.Message)
}

// at returns the raw name of a mailbox, given with "/" between levels.
func (p residence) at(name string) string {
	if name == "INBOX" {
		return name
	}
	return p.prefix + strings.ReplaceAll(name, "/", p.delimiter)
}

// dayAndNight is what happens on a day, and how the backup of the night ends.
type dayAndNight struct {
	name   string
	do     []string // of commands, names of mailboxes stand in <>
	came   string   // mailbox into which one message comes
	status int
	new    int // messages that are downloaded
}

var nightsOfRenames = []dayAndNight{
	{name: "a mailbox renamed, and a message came", do: []string{"RENAME <A> <A2>"}, came: "A2", new: 1},
	{name: "renamed, and ten expunged", do: []string{"RENAME <A2> <A3>", "SELECT <A3>", `STORE 1:10 +FLAGS.SILENT (\Deleted)`, "EXPUNGE", "CLOSE"}},
	{name: "a parent renamed, and a message came into a child", do: []string{"RENAME <P> <Q>"}, came: "Q/child", new: 1},
	{name: "renamed, and made again", do: []string{"RENAME <A3> <A4>", "CREATE <A3>"}},
	{name: "rotated", do: []string{"DELETE <A3>", "RENAME <A4> <A5>", "CREATE <A4>"}, came: "A4", new: 1},
	{name: "sixty of two hundred filed", do: []string{"CREATE <Filed>", "SELECT <B>", "COPY 1:60 <Filed>", `STORE 1:60 +FLAGS.SILENT (\Deleted)`, "EXPUNGE", "CLOSE"}},
	{name: "all moved into another, and deleted", do: []string{"SELECT <A5>", "COPY 1:* <B>", `STORE 1:* +FLAGS.SILENT (\Deleted)`, "EXPUNGE", "CLOSE", "DELETE <A5>"}},
	{name: "Trash emptied", do: []string{"SELECT <Trash>", `STORE 1:* +FLAGS.SILENT (\Deleted)`, "EXPUNGE", "CLOSE"}},
	{name: "a few expunged", do: []string{"SELECT <B>", `STORE 1:20 +FLAGS.SILENT (\Deleted)`, "EXPUNGE", "CLOSE"}},
	{name: "a small mailbox emptied", do: []string{"SELECT <Few>", `STORE 1:* +FLAGS.SILENT (\Deleted)`, "EXPUNGE", "CLOSE"}, status: 4},
	{name: "a small mailbox deleted", do: []string{"DELETE <One>"}, status: 4},
	{name: "as many expunged as the limit", do: []string{"SELECT <B>", `STORE 1:60 +FLAGS.SILENT (\Deleted)`, "EXPUNGE", "CLOSE"}, status: 4},
	{name: "nothing", do: []string{"NOOP"}},
}

func (p residence) nights(t *testing.T) {
	for i, name := range []string{"INBOX", "A", "B", "P", "P/child", "Few", "One", "Trash"} {
		n := map[string]int{"A": 120, "B": 200, "Few": 5, "One": 1, "Trash": 5}[name]
		if n == 0 {
			n = 30
		}
		p.deliver(t, "anna", p.at(name), lettersOf(uint64(i), n)...)
	}
	h := newHost(t)
	h.onDirectory()
	h.set("MAILSTRATA_IMAP_PASSWORD", p.password)
	url := accountURL("anna", p.addr)
	h.backUp(0, url)
	for i, night := range nightsOfRenames {
		w := login(t, p.addr, "anna", p.password)
		for _, command := range night.do {
			w.do(p.named(command), nil)
		}
		w.conn.Close()
		if night.came != "" {
			p.deliver(t, "anna", p.at(night.came), lettersOf(uint64(100+i), 1)...)
		}
		m := h.backUp(night.status, url)
		t.Logf("%s: %d messages, %d downloaded, %d by id", night.name, m.Messages, m.NewMessages, m.ByID)
		if m.NewMessages != night.new || !m.Consistent {
			t.Errorf("%s: %+v", night.name, m)
		}
	}
	// Somebody with the writer's key writes a manifest of an empty account, without an alarm, and
	// all mail is gone.
	wrong := "nothing-of-this-account"
	h.backUp(0, accountURL(wrong, p.addr), "--name", "anna@127.0.0.1", "--shrink-limit", "off")
	h.must(4, "forget", "anna@127.0.0.1", "--keep-last", "1", "--dry-run")
	h.must(0, "check")
}

// named replaces names in a command by raw names.
func (p residence) named(command string) string {
	for {
		before, rest, found := strings.Cut(command, "<")
		if !found {
			return command
		}
		name, after, _ := strings.Cut(rest, ">")
		command = before + quoted(p.at(name)) + after
	}
}

// lettersOf returns messages of some 12 KB, no two of which are equal.
func lettersOf(seed uint64, n int) (list []testbed.Message) {
	rng := rand.New(rand.NewPCG(seed, 7))
	for i := range n {
		var body strings.Builder
		fmt.Fprintf(&body, "From: a%d@mail.example\r\nMessage-ID: <%d.%d@mail.example>\r\nSubject: number %d\r\n\r\n", i, seed, i, i)
		for body.Len() < 12_000+i {
			fmt.Fprintf(&body, "line %x\r\n", rng.Uint64())
		}
		date := time.Unix(1.5e9+int64(seed)*1e6+int64(i)*60, 0).UTC()
		list = append(list, testbed.Message{Body: body.String(), Date: date})
	}
	return list
}
