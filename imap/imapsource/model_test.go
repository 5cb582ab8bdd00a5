package imapsource_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/mail"
)

// model is an IMAP server in memory with one account. It behaves correctly, except in the ways of
// odd.
type model struct {
	announces bool // its capabilities in the answer to LOGIN
	mu        sync.Mutex
	boxes     map[string]*modelBox // by raw name
	odd       misbehavior
	lines     int // said, over all connections
	octets    int
}

// modelBox is one of its mailboxes.
type modelBox struct {
	validity, next, modseq uint64
	mails                  []*modelMail
	gone                   map[uint64]uint64 // mod-sequences of what was removed, by UID
}

type modelMail struct {
	uid, modseq       uint64
	flags, date, body string
}

// allCaps are the capabilities of the server.
const allCaps = "IMAP4rev1 ENABLE CONDSTORE QRESYNC LIST-EXTENDED LIST-STATUS ESEARCH UNSELECT NAMESPACE ID SPECIAL-USE"

// misbehavior is how a server misbehaves. A zero field means correct behavior.
type misbehavior struct {
	caps string                                      // what it offers
	deaf bool                                        // it drops what comes before it has answered
	hear func(s *session, tag, command string) bool  // it has answered the command in its own way
	say  func(s *session, response string) []string  // what it says instead
	cut  func(lines, octets int, text string) ending // how it ends, if it does, instead of saying the text, after which it had said so much
}

// ending is how a connection ends.
type ending struct {
	ends, stalls bool
	says         string // before it hangs up
}

func newModel() *model { return &model{boxes: map[string]*modelBox{}} }

func (m *model) box(name string) *modelBox {
	b := m.boxes[name]
	if b == nil {
		b = &modelBox{validity: uint64(1000 + len(m.boxes)), next: 1, modseq: 1, gone: map[uint64]uint64{}}
		m.boxes[name] = b
	}
	return b
}

func (b *modelBox) add(body, flags string) *modelMail {
	b.modseq++
	msg := &modelMail{uid: b.next, modseq: b.modseq, flags: flags, body: body, date: fmt.Sprintf("%02d-Feb-2019 04:05:06 +0530", 1+b.next%28)}
	b.next++
	b.mails = append(b.mails, msg)
	return msg
}

func (b *modelBox) flag(uid uint64, flags string) {
	b.modseq++
	for _, msg := range b.mails {
		if msg.uid == uid {
			msg.flags, msg.modseq = flags, b.modseq
		}
	}
}

func (b *modelBox) expunge(uid uint64) {
	b.modseq++
	b.gone[uid] = b.modseq
	b.mails = slices.DeleteFunc(b.mails, func(msg *modelMail) bool { return msg.uid == uid })
}

func (b *modelBox) renumber() {
	b.validity += 100
	for i, msg := range b.mails {
		msg.uid = uint64(i + 1)
	}
	b.next = uint64(len(b.mails) + 1)
}

// options connect to the server without a network.
func (m *model) options() imap.Options {
	return imap.Options{Host: "localhost", Security: imap.Plain, User: "anna", Password: "secret", Connections: 1,
		Dial: func(context.Context, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			s := &session{model: m, conn: theirs, heard: newBacklog()}
			go func() {
				_, _ = io.Copy(s.heard, theirs)
				s.heard.close()
			}()
			go s.serve()
			return ours, nil
		}}
}

// session is a connection to the server.
type session struct {
	*model
	conn  net.Conn
	heard *backlog
	r     *bufio.Reader
	box   *modelBox
	view  []*modelMail // the mailbox as this session numbers it
}

// serve answers until either side closes the connection.
func (s *session) serve() {
	defer s.conn.Close()
	s.r = bufio.NewReader(s.heard)
	s.say("* OK [CAPABILITY " + s.caps() + "] ready")
	for {
		line, err := s.command()
		if err != nil {
			return
		}
		if s.odd.deaf {
			select {
			case <-time.After(20 * time.Millisecond):
			case <-s.heard.ended:
				return
			}
			s.heard.drop()
			s.r.Reset(s.heard)
		}
		tag, command, _ := strings.Cut(line, " ")
		if s.odd.hear == nil || !s.odd.hear(s, tag, command) {
			s.answer(tag, command)
		}
	}
}

// command reads one command, with its literals as quoted strings.
func (s *session) command() (string, error) {
	var b strings.Builder
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return "", err
		}
		line = strings.TrimRight(line, "\r\n")
		open := strings.LastIndexByte(line, '{')
		if open < 0 || !strings.HasSuffix(line, "}") {
			b.WriteString(line)
			return b.String(), nil
		}
		n, pushed := strings.CutSuffix(line[open+1:len(line)-1], "+")
		if size, err := strconv.Atoi(n); err == nil {
			if !pushed {
				s.put("+ go\r\n")
			}
			text := make([]byte, size)
			if _, err := io.ReadFull(s.r, text); err != nil {
				return "", err
			}
			b.WriteString(line[:open] + strconv.Quote(string(text)))
		}
	}
}

// say sends a response, or what is sent instead.
func (s *session) say(response string) {
	said := []string{response}
	if s.odd.say != nil {
		said = s.odd.say(s, response)
	}
	for _, line := range said {
		s.put(line + "\r\n")
	}
}

// put sends bytes, and ends where the connection should end.
func (s *session) put(text string) {
	s.mu.Lock()
	s.lines++
	s.octets += len(text)
	lines, octets, cut := s.lines, s.octets, s.odd.cut
	s.mu.Unlock()
	if cut != nil {
		switch e := cut(lines, octets, text); {
		case e.ends:
			_, _ = io.WriteString(s.conn, e.says)
			s.conn.Close()
			return
		case e.stalls:
			s.stall()
			return
		}
	}
	_, _ = io.WriteString(s.conn, text)
}

// stall sends nothing until the other side closes the connection.
func (s *session) stall() { <-s.heard.ended }

func (s *session) caps() string {
	if s.odd.caps != "" {
		return s.odd.caps
	}
	return allCaps
}

func (s *session) can(capability string) bool {
	return slices.Contains(strings.Fields(s.caps()), capability)
}

// answer answers a command correctly.
func (s *session) answer(tag, command string) {
	verb, rest, _ := strings.Cut(command, " ")
	if verb == "UID" {
		next, more, _ := strings.Cut(rest, " ")
		verb, rest = "UID "+next, more
	}
	done := "OK done"
	switch verb {
	case "CAPABILITY":
		s.say("* CAPABILITY " + s.caps())
	case "LOGIN":
		if s.announces {
			done = "OK [CAPABILITY " + s.caps() + "] done"
		}
	case "ENABLE":
		s.say("* ENABLED " + rest)
	case "NAMESPACE":
		s.say(`* NAMESPACE (("" "/")) NIL NIL`)
	case "ID":
		s.say(`* ID ("name" "model")`)
	case "LIST", "LSUB":
		s.list(verb, rest)
	case "STATUS":
		name, items := firstWord(rest)
		if s.boxes[name] == nil {
			done = "NO [NONEXISTENT] no such mailbox"
		} else {
			s.status(name, items)
		}
	case "EXAMINE":
		done = s.examine(rest)
	case "UID FETCH":
		s.fetch(rest)
	case "UID SEARCH":
		s.search(tag, rest)
	case "UNSELECT", "CLOSE":
		s.box, s.view = nil, nil
	case "LOGOUT":
		s.say("* BYE bye")
	}
	s.say(tag + " " + done)
}

// firstWord splits off a quoted string, or an atom.
func firstWord(text string) (word, rest string) {
	if prefix, err := strconv.QuotedPrefix(text); err == nil {
		word, _ = strconv.Unquote(prefix)
		return word, strings.TrimPrefix(text[len(prefix):], " ")
	}
	word, rest, _ = strings.Cut(text, " ")
	return word, rest
}

// quote returns a quoted string, with any bytes.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

func (s *session) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.boxes))
}

func (s *session) list(verb, rest string) {
	for _, name := range s.names() {
		if (verb == "LSUB" || strings.HasPrefix(rest, "(SUBSCRIBED)")) && name != "INBOX" {
			continue
		}
		s.say(fmt.Sprintf(`* %s (\HasNoChildren) "/" %s`, verb, quote(name)))
		if _, items, asked := strings.Cut(rest, "STATUS "); asked {
			s.status(name, items)
		}
	}
}

func (s *session) status(name, items string) {
	s.mu.Lock()
	b := s.boxes[name]
	var answers []string
	for _, item := range strings.Fields(strings.Trim(items, "() ")) {
		value := map[string]uint64{"MESSAGES": uint64(len(b.mails)), "UIDNEXT": b.next, "UIDVALIDITY": b.validity, "HIGHESTMODSEQ": b.modseq}[item]
		if item == "MAILBOXID" {
			item = fmt.Sprintf("MAILBOXID (F%d)", b.validity)
			answers = append(answers, item)
			continue
		}
		answers = append(answers, fmt.Sprintf("%s %d", item, value))
	}
	s.mu.Unlock()
	s.say(fmt.Sprintf("* STATUS %s (%s)", quote(name), strings.Join(answers, " ")))
}

func (s *session) examine(rest string) string {
	name, _ := firstWord(rest)
	s.mu.Lock()
	b := s.boxes[name]
	if b == nil {
		s.mu.Unlock()
		return "NO [NONEXISTENT] no such mailbox"
	}
	s.box, s.view = b, slices.Clone(b.mails)
	lines := []string{`* FLAGS (\Seen work)`, "* OK [PERMANENTFLAGS ()] none", fmt.Sprintf("* %d EXISTS", len(b.mails)), "* 0 RECENT",
		fmt.Sprintf("* OK [UIDVALIDITY %d] x", b.validity), fmt.Sprintf("* OK [UIDNEXT %d] x", b.next)}
	if s.can("CONDSTORE") {
		lines = append(lines, fmt.Sprintf("* OK [HIGHESTMODSEQ %d] x", b.modseq))
	}
	s.mu.Unlock()
	for _, line := range lines {
		s.say(line)
	}
	return "OK [READ-ONLY] open"
}

// fetch answers "1:5,7 (UID FLAGS) (CHANGEDSINCE 7 VANISHED)".
func (s *session) fetch(rest string) {
	set, rest, _ := strings.Cut(rest, " ")
	uids, err := mail.ParseUIDSet(set)
	if err != nil {
		return
	}
	items, modifier, _ := strings.Cut(strings.TrimPrefix(rest, "("), ")")
	var since uint64
	_, _ = fmt.Sscanf(modifier, " (CHANGEDSINCE %d", &since)
	if strings.Contains(modifier, "VANISHED") {
		s.vanished(uids, since)
	}
	for i, msg := range s.view {
		if uids.Contains(mail.UID(msg.uid)) {
			if response, there := s.message(i+1, msg, since, items); there {
				s.say(response)
			}
		}
	}
}

func (s *session) vanished(uids mail.UIDSet, since uint64) {
	s.mu.Lock()
	var gone mail.UIDSet
	for uid, modseq := range s.box.gone {
		if modseq > since && uids.Contains(mail.UID(uid)) {
			gone.Add(mail.UID(uid))
		}
	}
	s.mu.Unlock()
	if gone.Len() > 0 {
		s.say("* VANISHED (EARLIER) " + gone.String())
	}
}

// message returns the FETCH response for a message.
func (s *session) message(number int, msg *modelMail, since uint64, items string) (response string, there bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if msg.modseq <= since || !slices.Contains(s.box.mails, msg) {
		return "", false
	}
	var answers []string
	for _, item := range strings.Fields(items) {
		switch item {
		case "UID":
			answers = append(answers, fmt.Sprintf("UID %d", msg.uid))
		case "FLAGS":
			answers = append(answers, "FLAGS ("+msg.flags+")")
		case "INTERNALDATE":
			answers = append(answers, `INTERNALDATE "`+msg.date+`"`)
		case "RFC822.SIZE":
			answers = append(answers, fmt.Sprintf("RFC822.SIZE %d", len(msg.body)))
		case "MODSEQ":
			answers = append(answers, fmt.Sprintf("MODSEQ (%d)", msg.modseq))
		case "BODY.PEEK[]":
			answers = append(answers, fmt.Sprintf("BODY[] {%d}\r\n%s", len(msg.body), msg.body))
		}
	}
	return fmt.Sprintf("* %d FETCH (%s)", number, strings.Join(answers, " ")), true
}

// search answers "RETURN (ALL) UID 1:5".
func (s *session) search(tag, rest string) {
	_, set, _ := strings.Cut(rest, "UID ")
	uids, err := mail.ParseUIDSet(set)
	if err != nil {
		return
	}
	s.mu.Lock()
	var found mail.UIDSet
	for _, msg := range s.box.mails {
		if uids.Contains(mail.UID(msg.uid)) {
			found.Add(mail.UID(msg.uid))
		}
	}
	s.mu.Unlock()
	switch {
	case !strings.HasPrefix(rest, "RETURN"):
		var numbers string
		for uid := range found.All() {
			numbers += fmt.Sprintf(" %d", uid)
		}
		s.say("* SEARCH" + numbers)
	case found.Len() == 0:
		s.say(fmt.Sprintf("* ESEARCH (TAG %q) UID", tag))
	default:
		s.say(fmt.Sprintf("* ESEARCH (TAG %q) UID ALL %s", tag, found))
	}
}

// backlog holds all bytes that were not read yet, so that a write never blocks.
type backlog struct {
	mu    sync.Mutex
	more  *sync.Cond
	text  bytes.Buffer
	over  bool
	ended chan struct{}
}

func newBacklog() *backlog {
	b := &backlog{ended: make(chan struct{})}
	b.more = sync.NewCond(&b.mu)
	return b
}

func (b *backlog) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.more.Broadcast()
	return b.text.Write(p)
}

func (b *backlog) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.text.Len() == 0 && !b.over {
		b.more.Wait()
	}
	return b.text.Read(p) // io.EOF at the end
}

// drop discards what was written and not read.
func (b *backlog) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.Reset()
}

func (b *backlog) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	b.more.Broadcast()
	close(b.ended)
}
