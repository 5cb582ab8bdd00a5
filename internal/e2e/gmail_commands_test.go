package e2e_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer answers one command. It reports whether the session is over.
func (s *gmailSession) answer(tag string, words []string) (end bool) {
	name, args := strings.ToUpper(words[0]), words[1:]
	if name == "UID" && len(args) > 0 {
		name, args = "UID "+strings.ToUpper(args[0]), args[1:]
	}
	s.g.commands[name]++
	done := "OK done"
	switch name {
	case "CAPABILITY":
		s.say("* CAPABILITY %s", gmailCapabilities)
	case "ID":
		s.say(`* ID ("name" "GImap" "vendor" "Google, Inc.")`)
	case "NAMESPACE":
		s.say(`* NAMESPACE (("" "/")) NIL NIL`)
	case "GETQUOTAROOT":
		s.say("* QUOTAROOT INBOX \"\"\r\n* QUOTA \"\" (STORAGE 10 15728640)")
	case "LIST", "LSUB":
		s.list(strings.HasPrefix(args[0], "(") || name == "LSUB")
	case "STATUS", "EXAMINE", "SELECT", "SUBSCRIBE":
		done = s.open(name, args)
	case "CREATE":
		s.g.add(&gmailBox{raw: args[0], label: args[0]})
	case "UID FETCH":
		s.fetch(args)
	case "UID SEARCH":
		s.search(tag)
	case "UID STORE":
		s.store(args)
	case "APPEND":
		done = s.append(args)
	case "LOGOUT":
		end = true
	case "LOGIN", "NOOP", "ENABLE", "UNSELECT", "CLOSE":
	default:
		done = "BAD Unknown command"
	}
	s.say("%s %s", tag, done)
	return end
}

func (s *gmailSession) list(subscribed bool) {
	for _, b := range s.g.boxes {
		attributes := []string{`\HasNoChildren`}
		if b.none {
			attributes = []string{`\HasChildren`, `\Noselect`}
		}
		if b.use != "" {
			attributes = append(attributes, b.use)
		}
		if b.subs {
			attributes = append(attributes, `\Subscribed`)
		}
		if b.hidden || subscribed && !b.subs {
			continue
		}
		s.say(`* LIST (%s) "/" %s`, strings.Join(attributes, " "), quoted(b.raw))
		if !subscribed && !b.none {
			s.say(`* STATUS %s %s`, quoted(b.raw), s.g.numbers(b))
		}
	}
}

func (s *gmailSession) open(name string, args []string) string {
	b := s.g.box(args[0])
	switch {
	case b == nil || b.none || b.hidden:
		return "NO [NONEXISTENT] Unknown Mailbox: " + args[0]
	case name == "SUBSCRIBE":
		b.subs = true
	case name == "STATUS":
		s.say(`* STATUS %s %s`, quoted(b.raw), s.g.numbers(b))
	default:
		s.box = b
		numbers := strings.Fields(strings.Trim(s.g.numbers(b), "()"))
		s.say("* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen)\r\n* %s EXISTS\r\n* OK [UIDVALIDITY %s] x\r\n* OK [UIDNEXT %s] x", numbers[1], numbers[5], numbers[3])
		s.say("* OK [HIGHESTMODSEQ %s] x\r\n* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen \\*)] x", numbers[7])
	}
	return "OK done"
}

// in reports whether a UID is of a set such as 1:5,7.
func in(uid int, set string) bool {
	for item := range strings.SplitSeq(set, ",") {
		first, last, isRange := strings.Cut(item, ":")
		a, _ := strconv.Atoi(first)
		z, _ := strconv.Atoi(last)
		if !isRange {
			z = a
		}
		if uid >= a && (uid <= z || last == "*") {
			return true
		}
	}
	return false
}

func (s *gmailSession) fetch(args []string) {
	items, since := strings.ToUpper(args[1]), uint64(0)
	if len(args) > 2 {
		fmt.Sscanf(args[2], "(CHANGEDSINCE %d", &since)
	}
	for i, m := range s.box.shown() {
		uid := s.box.uids[m]
		if !in(uid, args[0]) || m.modSeq <= since {
			continue
		}
		if s.g.unasked {
			s.say("* %d FETCH (UID %d FLAGS (%s))", i+1, uid, strings.Join(m.Flags, " "))
		}
		var told []string
		for item, value := range map[string]string{
			"UID": strconv.Itoa(uid), "FLAGS": "(" + strings.Join(m.Flags, " ") + ")", "RFC822.SIZE": strconv.Itoa(len(m.Body)),
			"INTERNALDATE": m.Date.Format(`"_2-Jan-2006 15:04:05 -0700"`), "MODSEQ": fmt.Sprintf("(%d)", m.modSeq),
			"X-GM-MSGID": strconv.FormatUint(m.id, 10), "X-GM-THRID": strconv.FormatUint(m.id, 10), "X-GM-LABELS": s.labels(m),
		} {
			if slices.Contains(strings.Fields(strings.Trim(items, "()")), item) {
				told = append(told, item+" "+value)
			}
		}
		slices.Sort(told)
		header, _, _ := strings.Cut(m.Body, "\r\n\r\n")
		switch {
		case strings.Contains(items, "BODY.PEEK[HEADER]"):
			told = append(told, fmt.Sprintf("BODY[HEADER] {%d}\r\n%s", len(header)+4, header+"\r\n\r\n"))
		case strings.Contains(items, "BODY.PEEK[]"):
			s.g.bodies++
			told = append(told, fmt.Sprintf("BODY[] {%d}\r\n%s", len(m.Body), m.Body))
		}
		s.say("* %d FETCH (%s)", i+1, strings.Join(told, " "))
	}
}

// labels returns a message's labels except that of the open mailbox, as Gmail does, in all the ways
// to write a string.
func (s *gmailSession) labels(m *gmailMessage) string {
	var told []string
	for i, label := range m.Labels {
		switch {
		case label == s.box.label:
		case strings.HasPrefix(label, `\`) && i%2 == 0, strings.ContainsAny(label, `"`):
			told = append(told, quoted(label))
		case strings.Contains(label, " "):
			told = append(told, fmt.Sprintf("{%d}\r\n%s", len(label), label))
		default:
			told = append(told, label)
		}
	}
	return "(" + strings.Join(told, " ") + ")"
}

func (s *gmailSession) search(tag string) {
	var uids []string
	for _, uid := range slices.Sorted(maps.Values(s.box.uids)) {
		uids = append(uids, strconv.Itoa(uid))
	}
	all := ""
	if len(uids) > 0 {
		all = " ALL " + strings.Join(uids, ",")
	}
	s.say(`* ESEARCH (TAG "%s") UID%s`, tag, all)
}

// store supports adding labels.
func (s *gmailSession) store(args []string) {
	for i, m := range s.box.shown() {
		if !in(s.box.uids[m], args[0]) || !strings.HasPrefix(args[1], "+X-GM-LABELS") {
			continue
		}
		for _, label := range gmailWords(strings.TrimSuffix(strings.TrimPrefix(args[2], "("), ")")) {
			if s.g.box(label) == nil && !strings.HasPrefix(label, `\`) {
				s.g.add(&gmailBox{raw: label, label: label})
			}
			if !slices.Contains(m.Labels, label) {
				m.Labels = append(m.Labels, label)
			}
		}
		s.g.touch(m)
		s.say("* %d FETCH (UID %d X-GM-LABELS %s)", i+1, s.box.uids[m], s.labels(m))
	}
}

func (s *gmailSession) append(args []string) string {
	b := s.g.box(args[0])
	if b == nil {
		return "NO [TRYCREATE] Unknown Mailbox"
	}
	m := &gmailMessage{Body: args[len(args)-1], Date: time.Now(), id: uint64(len(s.g.messages)) + 1_700_000_000_000_000_000}
	for _, word := range args[1 : len(args)-1] {
		if list, ok := strings.CutPrefix(word, "("); ok {
			m.Flags = strings.Fields(strings.TrimSuffix(list, ")"))
		} else if date, err := time.Parse("_2-Jan-2006 15:04:05 -0700", word); err == nil {
			m.Date = date
		}
	}
	switch {
	case b.label != "":
		m.Labels = []string{b.label}
	case b.use != `\All`:
		m.Home = b.use
	}
	s.g.messages = append(s.g.messages, m)
	s.g.touch(m)
	return fmt.Sprintf("OK [APPENDUID %d %d] done", 600+slices.Index(s.g.boxes, b), b.uids[m])
}
