package e2e_test

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// gmailServer is a mail server that is to IMAP what Gmail is (X-GM-EXT-1), as far as an archiver
// meets it: a message lies in All Mail, Spam or Trash, and is shown again, under another UID, in
// each mailbox that is one of its labels. What those three are called is up to the language of the
// user.
type gmailServer struct {
	Addr string

	mu       sync.Mutex
	boxes    []*gmailBox // in no order
	messages []*gmailMessage
	modSeq   uint64
	commands map[string]int // how often each was given
	bodies   int            // how many were asked for
	unasked  bool           // send unsolicited flags within each FETCH
}

// gmailMessage is a message, wherever it is shown.
type gmailMessage struct {
	Body   string
	Flags  []string
	Labels []string // as on the wire: \Inbox, or the name of a mailbox in modified UTF-7
	Date   time.Time
	Home   string // special use of the mailbox that it lies in; "": \All

	id     uint64
	modSeq uint64
}

type gmailBox struct {
	raw    string
	use    string // special use
	label  string // "": it is a home
	hidden bool   // not shown in IMAP
	none   bool   // \Noselect
	next   int
	modSeq uint64
	uids   map[*gmailMessage]int
	subs   bool
}

// startGmail starts an account whose All Mail has the given name below [Gmail].
func startGmail(t testing.TB, allMail string) *gmailServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gmailServer{Addr: listener.Addr().String(), modSeq: 100, commands: map[string]int{}}
	for _, b := range []*gmailBox{
		{raw: "INBOX", label: `\Inbox`}, {raw: "[Gmail]", none: true}, {raw: "[Gmail]/" + allMail, use: `\All`},
		{raw: "[Gmail]/Drafts", use: `\Drafts`, label: `\Draft`}, {raw: "[Gmail]/Important", use: `\Important`, label: `\Important`},
		{raw: "[Gmail]/Sent Mail", use: `\Sent`, label: `\Sent`}, {raw: "[Gmail]/Spam", use: `\Junk`},
		{raw: "[Gmail]/Starred", use: `\Flagged`, label: `\Starred`}, {raw: "[Gmail]/Trash", use: `\Trash`},
	} {
		g.add(b)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go (&gmailSession{g: g, conn: conn, r: bufio.NewReader(conn)}).serve()
		}
	}()
	return g
}

func (g *gmailServer) add(b *gmailBox) {
	b.next, b.modSeq, b.uids, b.subs = 1, g.modSeq, map[*gmailMessage]int{}, true
	g.boxes = append(g.boxes, b)
}

// Label makes a label of the user.
func (g *gmailServer) Label(raw string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.add(&gmailBox{raw: raw, label: raw})
}

// Deliver puts messages into the account.
func (g *gmailServer) Deliver(messages ...*gmailMessage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range messages {
		m.id = uint64(len(g.messages)) + 1_700_000_000_000_000_000
		g.messages = append(g.messages, m)
		g.touch(m)
	}
}

// Change changes a message as another client would, in a way that moves its mod-sequence.
func (g *gmailServer) Change(m *gmailMessage, change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
	g.touch(m)
}

// Hide hides a mailbox from IMAP, or shows it again.
func (g *gmailServer) Hide(raw string, hidden bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.box(raw).hidden = hidden
}

// Interrupt makes the server send unsolicited flags in every FETCH.
func (g *gmailServer) Interrupt() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unasked = true
}

// Bodies returns how many bodies were downloaded until now.
func (g *gmailServer) Bodies() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.bodies
}

// Count returns how often a command was sent until now.
func (g *gmailServer) Count(command string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.commands[command]
}

// Messages returns the messages of the account.
func (g *gmailServer) Messages() []*gmailMessage {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.messages)
}

// Mailboxes returns the raw names of the visible mailboxes.
func (g *gmailServer) Mailboxes() (names []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range g.boxes {
		if !b.hidden {
			names = append(names, b.raw)
		}
	}
	return names
}

func (g *gmailServer) touch(m *gmailMessage) {
	g.modSeq++
	m.modSeq = g.modSeq
	for _, b := range g.boxes {
		in := b.use == cmp.Or(m.Home, `\All`) && b.label == "" || b.label != "" && m.Home == "" && slices.Contains(m.Labels, b.label)
		_, there := b.uids[m]
		if in || there {
			b.modSeq = g.modSeq
		}
		if in && !there {
			b.uids[m], b.next = b.next, b.next+1
		} else if !in {
			delete(b.uids, m)
		}
	}
}

func (g *gmailServer) box(raw string) *gmailBox {
	for _, b := range g.boxes {
		if b.raw == raw && !b.hidden || raw == "INBOX" && b.raw == raw {
			return b
		}
	}
	for _, b := range g.boxes {
		if b.raw == raw {
			return b
		}
	}
	return nil
}

// shown are the messages of a mailbox, ascending by UID.
func (b *gmailBox) shown() []*gmailMessage {
	var list []*gmailMessage
	for m := range b.uids {
		list = append(list, m)
	}
	slices.SortFunc(list, func(x, y *gmailMessage) int { return b.uids[x] - b.uids[y] })
	return list
}

func (g *gmailServer) numbers(b *gmailBox) string {
	return fmt.Sprintf("(MESSAGES %d UIDNEXT %d UIDVALIDITY %d HIGHESTMODSEQ %d)", len(b.uids), b.next, 600+slices.Index(g.boxes, b), b.modSeq)
}

type gmailSession struct {
	g    *gmailServer
	conn net.Conn
	r    *bufio.Reader
	w    strings.Builder
	box  *gmailBox
}

const gmailCapabilities = "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS ENABLE MOVE CONDSTORE ESEARCH LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584"

func (s *gmailSession) say(format string, args ...any) { fmt.Fprintf(&s.w, format+"\r\n", args...) }

func (s *gmailSession) serve() {
	defer s.conn.Close()
	s.say("* OK [CAPABILITY %s] Gimap ready", gmailCapabilities)
	for {
		if _, err := io.WriteString(s.conn, s.w.String()); err != nil {
			return
		}
		s.w.Reset()
		words, err := s.command()
		if err != nil || len(words) < 2 {
			return
		}
		s.g.mu.Lock()
		end := s.answer(words[0], words[1:])
		s.g.mu.Unlock()
		if end {
			return
		}
	}
}

// command reads a command: its words, with lists as they are, and strings and literals unwrapped.
func (s *gmailSession) command() (words []string, err error) {
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		line = strings.TrimRight(line, "\r\n")
		literal := -1
		if at := strings.LastIndexByte(line, '{'); at >= 0 && strings.HasSuffix(line, "}") {
			size := strings.TrimSuffix(line[at+1:], "}")
			waits := !strings.HasSuffix(size, "+") && !strings.HasSuffix(size, "-")
			if literal, err = strconv.Atoi(strings.TrimRight(size, "+-")); err != nil {
				return nil, err
			}
			line = line[:at]
			if waits {
				if _, err := io.WriteString(s.conn, "+ go on\r\n"); err != nil {
					return nil, err
				}
			}
		}
		words = append(words, gmailWords(line)...)
		if literal < 0 {
			return words, nil
		}
		data := make([]byte, literal)
		if _, err := io.ReadFull(s.r, data); err != nil {
			return nil, err
		}
		words = append(words, string(data))
	}
}

// gmailWords divides a line: words, "quoted strings", and (lists) as one word each.
func gmailWords(line string) (words []string) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		var b strings.Builder
		depth, quoted, i := 0, false, 0
		for ; i < len(line) && (quoted || depth > 0 || line[i] != ' '); i++ {
			switch c := line[i]; {
			case c == '\\' && quoted && i+1 < len(line):
				if depth > 0 {
					b.WriteByte(c)
				}
				i++
				b.WriteByte(line[i])
				continue
			case c == '"':
				if quoted = !quoted; depth == 0 {
					continue
				}
			case c == '(' && !quoted:
				depth++
			case c == ')' && !quoted:
				depth--
			}
			b.WriteByte(line[i])
		}
		words = append(words, b.String())
		line = line[min(i, len(line)):]
	}
	return words
}
