package e2e_test

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// wire speaks IMAP with known servers, and trusts them: an independent reader of an account.
type wire struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// letter is a message as a server reports it.
type letter struct {
	uid      uint32
	flags    string // in order, without \Recent
	date     string // INTERNALDATE as it is reported, the day padded with a blank
	reported int64  // RFC822.SIZE
	size     int64  // of the bytes
	sum      [32]byte
	noBody   bool   // BODY[] NIL
	contents []byte // of the small ones
}

func (l *letter) String() string {
	return fmt.Sprintf("%d bytes %.8x, %s, flags %s, size reported %d", l.size, l.sum, l.date, l.flags, l.reported)
}

// box is a mailbox.
type box struct {
	selectable, subscribed bool
	letters                []*letter
}

// account is the content of an account, by the raw names of its mailboxes.
type account map[string]*box

// login begins a session.
func login(t testing.TB, address, user, password string) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c := &wire{t, conn, bufio.NewReaderSize(conn, 1<<16)}
	if _, err := c.r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	c.do(fmt.Sprintf("LOGIN %s %s", quoted(user), quoted(password)), nil)
	return c
}

// readAccount reads everything.
func readAccount(t testing.TB, address, user, password string) account {
	t.Helper()
	c := login(t, address, user, password)
	defer c.conn.Close()
	all := account{}
	c.do(`LIST "" "*"`, func(line string, literals []literal) {
		name, attributes := listed(line, literals)
		all[name] = &box{selectable: !strings.Contains(attributes, `\Noselect`) && !strings.Contains(attributes, `\NonExistent`)}
	})
	c.do(`LSUB "" "*"`, func(line string, literals []literal) {
		if name, attributes := listed(line, literals); all[name] != nil && !strings.Contains(attributes, `\Noselect`) {
			all[name].subscribed = true
		}
	})
	for name, b := range all {
		if b.selectable {
			if b.letters = c.mailbox(name); b.letters == nil {
				b.selectable = c.exists(name)
			}
		}
	}
	return all
}

// exists reports whether a mailbox can be examined.
func (c *wire) exists(name string) bool {
	_, ok := c.try("EXAMINE "+quoted(name), nil)
	return ok
}

// mailbox reads all messages of a mailbox.
func (c *wire) mailbox(name string) (letters []*letter) {
	c.t.Helper()
	if answer, ok := c.try("EXAMINE "+quoted(name), nil); !ok {
		if !strings.Contains(answer, "doesn't exist") {
			c.t.Fatalf("EXAMINE %q: the server says %s", name, answer)
		}
		return nil // Dovecot 2.3 lists a deleted mailbox that has others below it
	}
	c.do("UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])", func(line string, literals []literal) {
		if _, items, ok := strings.Cut(line, " FETCH ("); ok {
			letters = append(letters, c.fetched(items, literals))
		}
	})
	slices.SortFunc(letters, func(a, b *letter) int { return int(a.uid) - int(b.uid) })
	return letters
}

// literal is a string of octets. A large one is not kept.
type literal struct {
	size int64
	sum  [32]byte
	text string
}

// keptBelow is the size up to which a literal is kept.
const keptBelow = 64 << 10

// do sends a command and takes its answers, which must end in OK. In an answer a literal is its
// number between NULs.
func (c *wire) do(command string, untagged func(line string, literals []literal)) {
	c.t.Helper()
	if line, ok := c.try(command, untagged); !ok {
		c.t.Fatalf("%s: the server says %s", strings.ReplaceAll(command, imapPassword, "…"), line)
	}
}

func (c *wire) try(command string, untagged func(line string, literals []literal)) (string, bool) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, "x "+command+"\r\n"); err != nil {
		c.t.Fatal(err)
	}
	for {
		line, literals := c.response()
		if rest, tagged := strings.CutPrefix(line, "x "); tagged {
			return line, strings.HasPrefix(rest, "OK")
		}
		if untagged != nil {
			untagged(line, literals)
		}
	}
}

func (c *wire) response() (line string, literals []literal) {
	c.t.Helper()
	for {
		text, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatalf("the connection ends after %q: %v", line+text, err)
		}
		text = strings.TrimSuffix(text, "\r\n")
		open := strings.LastIndexByte(text, '{')
		if open < 0 || !strings.HasSuffix(text, "}") {
			return line + text, literals
		}
		size, err := strconv.ParseInt(strings.TrimPrefix(text[open+1:len(text)-1], "~"), 10, 64)
		if err != nil {
			return line + text, literals
		}
		line += fmt.Sprintf("%s\x00%d\x00", text[:open], len(literals))
		literals = append(literals, c.literal(size))
	}
}

func (c *wire) literal(size int64) literal {
	c.t.Helper()
	sum := sha256.New()
	var text strings.Builder
	to := io.Writer(sum)
	if size < keptBelow {
		to = io.MultiWriter(sum, &text)
	}
	if _, err := io.CopyN(to, c.r, size); err != nil {
		c.t.Fatal(err)
	}
	return literal{size, [32]byte(sum.Sum(nil)), text.String()}
}

// fetched reads what follows "FETCH (".
func (c *wire) fetched(items string, literals []literal) *letter {
	l := &letter{}
	for items != "" && items != ")" {
		key, rest, _ := strings.Cut(items, " ")
		var value string
		switch {
		case strings.HasPrefix(rest, "("):
			value, rest, _ = strings.Cut(rest[1:], ")")
		case strings.HasPrefix(rest, `"`):
			value, rest, _ = strings.Cut(rest[1:], `"`)
		default:
			end := strings.IndexAny(rest, " )")
			value, rest = rest[:end], rest[end:]
		}
		items = strings.TrimPrefix(rest, " ")
		switch key {
		case "UID":
			n, _ := strconv.ParseUint(value, 10, 32)
			l.uid = uint32(n)
		case "FLAGS":
			flags := slices.DeleteFunc(strings.Fields(value), func(flag string) bool { return flag == `\Recent` })
			slices.Sort(flags)
			l.flags = strings.Join(flags, " ")
		case "INTERNALDATE":
			l.date = value
			if strings.HasPrefix(value, "0") { // Dovecot pads the day so; it means the same
				l.date = " " + value[1:]
			}
		case "RFC822.SIZE":
			l.reported, _ = strconv.ParseInt(value, 10, 64)
		case "BODY[]":
			l.noBody = value == "NIL"
			body := literal{size: int64(len(value)), sum: sha256.Sum256([]byte(value)), text: value}
			if strings.HasPrefix(value, "\x00") {
				n, _ := strconv.Atoi(strings.Trim(value, "\x00"))
				body = literals[n]
			}
			l.size, l.sum, l.contents = body.size, body.sum, []byte(body.text)
		default:
			c.t.Fatalf("the server reports %s, which was not asked", key)
		}
	}
	return l
}

// listed reads an answer to LIST: a name, and attributes.
func listed(line string, literals []literal) (name, attributes string) {
	_, rest, _ := strings.Cut(line, "(")
	attributes, rest, _ = strings.Cut(rest, ") ")
	_, name, _ = strings.Cut(rest, " ") // the separator
	switch {
	case strings.HasPrefix(name, "\x00"):
		name = literals[0].text
	case strings.HasPrefix(name, `"`):
		name = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(name[1 : len(name)-1])
	}
	return name, attributes
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
