// Package address parses lists of mail addresses (RFC 5322 section 3.4) into the fields that IMAP's
// ENVELOPE has. Addresses are as programs wrote them, so nothing is an error: what cannot be
// understood becomes an address without a domain, or is skipped. Text stays as the message has it:
// encoded words are not decoded.
package address

import (
	"cmp"
	"strings"
)

// Address is a mailbox, or the beginning or the end of a group (RFC 3501 section 7.4.2).
type Address struct {
	Name    string // display name, without quotes; or else a comment
	Route   string // source route: "@a,@b"
	Mailbox string // local part, without quotes; the name of a group at its beginning; empty at its end
	Host    string // domain; empty at the beginning and the end of a group
	Group   bool   // the beginning or the end of a group
}

// MaxAddresses is how many addresses a list may have. The others are left out: a message to so many
// people has a purpose that no reader of an envelope shares.
const MaxAddresses = 10_000

// NoMailbox and NoDomain stand for what an address lacks, as in Dovecot. A client takes an address
// without a domain for a group.
const (
	NoMailbox = "MISSING_MAILBOX"
	NoDomain  = "MISSING_DOMAIN"
)

// Parse parses the unfolded value of a field.
func Parse(text string) (list []Address) {
	p := &parser{text: text}
	inGroup := false
	for len(list) < MaxAddresses {
		p.skip(" \t\r\n,")
		switch c := p.peek(); {
		case c == 0 && p.at >= len(p.text):
			if inGroup {
				list = append(list, Address{Group: true})
			}
			return list
		case c == ';':
			p.at++
			if inGroup {
				list, inGroup = append(list, Address{Group: true}), false
			}
			continue
		}
		a, found := p.address()
		if a.Group {
			if inGroup { // groups do not nest
				list = append(list, Address{Group: true})
			}
			inGroup = true
		}
		if found {
			if !a.Group && a.Mailbox == "" {
				a.Mailbox = NoMailbox
			}
			list = append(list, a)
		}
	}
	return list
}

// parser reads a list from left to right.
type parser struct {
	text string
	at   int
}

func (p *parser) peek() byte {
	if p.at >= len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) skip(set string) {
	for p.at < len(p.text) && strings.IndexByte(set, p.text[p.at]) >= 0 {
		p.at++
	}
}

// phrase collects words.
type phrase struct {
	words   strings.Builder // with one space where there were blanks
	local   strings.Builder // the last words, without blanks: a local part
	name    int             // how many bytes of words are before the local part
	comment string          // the last one
	blank   bool            // blanks follow the last word
	several bool            // blanks are between words
	quoted  bool            // a word was quoted
}

// add adds a word. Blanks may surround the dots of a local part (RFC 5322 section 4.4). What blanks
// separate from it otherwise is a name: some programs leave out the angle brackets.
func (w *phrase) add(word string) {
	if w.blank && w.words.Len() > 0 {
		if !strings.HasPrefix(word, ".") && !strings.HasSuffix(w.local.String(), ".") {
			w.name = w.words.Len()
			w.local.Reset()
		}
		w.words.WriteByte(' ')
		w.several = true
	}
	w.words.WriteString(word)
	w.local.WriteString(word)
	w.blank = false
}

// address reads one address, or the beginning of a group, and stops at a comma or a semicolon. It
// reports whether there was any text.
func (p *parser) address() (a Address, found bool) {
	var w phrase
	for {
		switch c := p.peek(); c {
		case '<':
			p.at++
			a = p.angle()
			if a.Name = w.words.String(); a.Name == "" {
				a.Name = w.comment
			}
			p.rest(&a)
			return a, true
		case ':':
			p.at++
			return Address{Mailbox: w.words.String(), Group: true}, true
		case '@':
			p.at++
			a.Mailbox = w.local.String()
			a.Host = p.domain(&w, ",;<")
			a.Name = cmp.Or(w.words.String()[:w.name], w.comment)
			if p.peek() == '<' { // "a@b <a@b>"
				name := a.Mailbox + "@" + a.Host
				p.at++
				a = p.angle()
				a.Name = name
				p.rest(&a)
			}
			return a, true
		case ',', ';', 0:
			if c != 0 || p.at >= len(p.text) {
				a = Address{Name: w.comment, Mailbox: w.words.String(), Host: NoDomain}
				if w.several || w.quoted || a.Mailbox == "" { // a name without an address
					a.Name, a.Mailbox = cmp.Or(a.Mailbox, a.Name), NoMailbox
				}
				return a, w.words.Len() > 0 // a comment alone is no address
			}
			p.at++
		default:
			p.word(&w, " \t\r\n\"(<:@,;\x00")
		}
	}
}

// word reads a quoted string, a comment, blanks, or a word that ends before one of some characters.
func (p *parser) word(w *phrase, ends string) {
	switch c := p.peek(); {
	case c == '"':
		w.add(p.quoted())
		w.quoted = true
	case c == '(':
		w.comment = p.commentText()
		w.blank = true
	case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		p.at++
		w.blank = true
	default:
		start := p.at
		for p.at < len(p.text) && strings.IndexByte(ends, p.text[p.at]) < 0 {
			p.at++
		}
		if start == p.at {
			p.at++ // a NUL
			return
		}
		w.add(p.text[start:p.at])
	}
}

// angle reads "local@domain>", perhaps with a route before it.
func (p *parser) angle() (a Address) {
	var w phrase
	p.skip(" \t\r\n")
	if p.peek() == '@' {
		start := p.at
		if end := strings.IndexAny(p.text[p.at:], ":>"); end >= 0 && p.text[p.at+end] == ':' {
			a.Route = strings.Join(strings.Fields(p.text[start:p.at+end]), "")
			p.at += end + 1
		}
	}
	for {
		switch c := p.peek(); {
		case c == '@':
			p.at++
			a.Mailbox = w.local.String()
			a.Host = p.domain(&w, ">")
			p.close()
			return a
		case c == '>' || c == 0 && p.at >= len(p.text):
			p.close()
			a.Mailbox, a.Host = w.words.String(), NoDomain
			return a
		case c == '<' || c == ',' || c == ';' || c == ':' || c == 0:
			p.at++
			w.add(string(c))
		default:
			p.word(&w, " \t\r\n\"(<>:@,;\x00")
		}
	}
}

func (p *parser) close() {
	if p.peek() == '>' {
		p.at++
	}
}

// domain reads a domain up to one of some characters. A second "@" becomes a part of it, because
// the last one is as likely as the first to be the right one.
func (p *parser) domain(w *phrase, ends string) string {
	var b strings.Builder
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case strings.IndexByte(ends, c) >= 0:
			return orNone(b.String())
		case c == '(':
			w.comment = p.commentText()
		case c == '[':
			end := strings.IndexByte(p.text[p.at:], ']')
			if end < 0 {
				end = len(p.text) - p.at - 1
			}
			b.WriteString(p.text[p.at : p.at+end+1])
			p.at += end + 1
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			p.at++
		default:
			b.WriteByte(c)
			p.at++
		}
	}
	return orNone(b.String())
}

func orNone(domain string) string {
	if domain == "" {
		return NoDomain
	}
	return domain
}

// rest skips what follows an address in angle brackets. A comment there is the name if there is no
// other.
func (p *parser) rest(a *Address) {
	for p.at < len(p.text) && p.text[p.at] != ',' && p.text[p.at] != ';' {
		if p.text[p.at] == '(' {
			if comment := p.commentText(); a.Name == "" {
				a.Name = comment
			}
			continue
		}
		p.at++
	}
}

// quoted reads a quoted string, and returns its text.
func (p *parser) quoted() string {
	return p.until('"', 0)
}

// commentText reads a comment, which may have comments in it.
func (p *parser) commentText() string { return strings.TrimSpace(p.until(')', '(')) }

// until reads to the closing character. opening, if it is not 0, nests. A text that is not closed
// goes to the end.
func (p *parser) until(closing, opening byte) string {
	var b strings.Builder
	depth := 1
	for p.at++; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		switch {
		case c == '\\' && p.at+1 < len(p.text):
			p.at++
			c = p.text[p.at]
		case c == closing:
			if depth--; depth == 0 {
				p.at++
				return b.String()
			}
		case opening != 0 && c == opening:
			depth++
		}
		b.WriteByte(c)
	}
	return b.String()
}
