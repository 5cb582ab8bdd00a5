package jmapsource

import (
	"cmp"
	"encoding/hex"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/mail"
)

// box is a mailbox of the account.
type box struct {
	jmap.Mailbox
	archived mail.Mailbox // without numbers
	label    string       // of its messages, in All Mail
}

// tree is the mailboxes of an account.
type tree struct {
	boxes []*box
	byID  map[string]*box
	all   mail.Mailbox // All Mail
	mark  string       // a hash of all of it: labels stay the same as long as the mark does
}

// Delimiters of names. A mailbox that has a "/" in its name, or below one that has, has the other
// one.
const (
	delimiter      = "/"
	otherDelimiter = "\x1f"
)

// newTree names the mailboxes. No two have the same name, whatever the server says of names and
// parents.
func newTree(list []jmap.Mailbox) *tree {
	t := &tree{byID: make(map[string]*box, len(list))}
	for _, m := range list {
		if _, twice := t.byID[m.ID]; m.ID == "" || twice {
			continue
		}
		b := &box{Mailbox: m}
		t.byID[m.ID], t.boxes = b, append(t.boxes, b)
	}
	slices.SortFunc(t.boxes, func(a, b *box) int { return cmp.Compare(a.ID, b.ID) })
	for _, b := range t.boxes {
		b.archived = t.name(b)
	}
	taken := make(map[string]bool)
	// A mailbox with the usual delimiter comes first, so that its name depends on no other mailbox.
	for _, usual := range []bool{true, false} {
		for _, b := range t.boxes {
			if (b.archived.Delimiter == delimiter) != usual {
				continue
			}
			name := b.archived.Name
			for taken[fold(name)] {
				name += " (" + b.ID + ")"
			}
			taken[fold(name)] = true
			b.setName(name)
		}
	}
	all := "All Mail"
	for taken[fold(all)] {
		all += " (JMAP)"
	}
	t.all = mail.Mailbox{Raw: all, Name: all, Delimiter: delimiter, SpecialUse: []string{`\All`}, Subscribed: true}
	t.mark = t.hash()
	return t
}

// fold makes equal names that IMAP takes for one.
func fold(name string) string {
	if strings.EqualFold(name, "INBOX") {
		return "INBOX"
	}
	return name
}

func (b *box) setName(name string) {
	b.archived.Name, b.archived.Raw = name, mail.EncodeName(name)
	if b.label = b.archived.Raw; b.archived.IsInbox() {
		b.label = `\Inbox`
	}
}

// name returns a mailbox with the name of its path. Parents that are missing, or that are below
// themselves, count as none.
func (t *tree) name(b *box) mail.Mailbox {
	var levels []string
	seen := make(map[string]bool)
	for at := b; at != nil && !seen[at.ID]; at = t.byID[at.ParentID] {
		seen[at.ID] = true
		levels = append(levels, levelName(at))
	}
	slices.Reverse(levels)
	m := mail.Mailbox{Delimiter: delimiter, Subscribed: b.Subscribed}
	if slices.ContainsFunc(levels, func(level string) bool { return strings.Contains(level, delimiter) }) {
		m.Delimiter = otherDelimiter
	}
	m.Name = strings.Join(levels, m.Delimiter)
	if use := jmap.SpecialUse(b.Role); use != "" && use != `\All` {
		m.SpecialUse = []string{use}
	}
	return m
}

// levelName returns the name of a mailbox as a level of a path. An empty name, and one that begins
// as a label of Gmail's does, gets another character in front.
func levelName(b *box) string {
	name := strings.ReplaceAll(strings.ToValidUTF8(b.Name, "\ufffd"), otherDelimiter, " ")
	switch {
	case b.Role == "inbox" && b.ParentID == "":
		return "INBOX"
	case name == "":
		return "(" + b.ID + ")"
	case strings.HasPrefix(name, `\`):
		return "_" + name
	}
	return name
}

// hash returns the mark.
func (t *tree) hash() string {
	h := fnv.New32a()
	for _, b := range t.boxes {
		for _, text := range []string{b.ID, b.archived.Raw, b.Role} {
			_, _ = h.Write([]byte(text + "\x00"))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// isApart reports whether the messages of a mailbox are not in All Mail because of it: people empty
// Trash and Junk.
func (b *box) isApart() bool { return b.Role == "trash" || b.Role == "junk" }

// labels returns the labels of a message in mailboxes, sorted. Mailboxes that are read apart, or
// that are not listed, are none.
func (t *tree) labels(ids []string) (labels []string) {
	for _, id := range ids {
		if b := t.byID[id]; b != nil && !b.isApart() {
			labels = append(labels, b.label)
		}
	}
	slices.Sort(labels)
	return labels
}

// isInAll reports whether a message is in All Mail: in a mailbox that is not read apart, or in none
// that is listed.
func (t *tree) isInAll(ids []string) bool {
	apart := false
	for _, id := range ids {
		if b := t.byID[id]; b != nil && !b.isApart() {
			return true
		} else if b != nil {
			apart = true
		}
	}
	return !apart
}
