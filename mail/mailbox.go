package mail

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Mailbox is what LIST returns for a mailbox (RFC 9051 section 7.3.1).
type Mailbox struct {
	Raw        string   // the name as the server sent it, to be sent back to that server
	Name       string   // the decoded name (modified UTF-7 or UTF-8), or Raw if it cannot be decoded
	Delimiter  string   // the hierarchy delimiter, one character; empty: the name has no hierarchy
	Attributes []string // as sent, without those in SpecialUse; sorted
	SpecialUse []string // \All, \Archive, \Drafts, \Flagged, \Important, \Junk, \Sent, \Trash (RFC 6154, 8457); sorted
	Subscribed bool
	Label      bool    // a label of Gmail: its messages are read in other mailboxes, where it is among their Labels
	Status     *Status // nil: not known
	Skip       Skip    // why the mailbox is not read by default; then Status is nil
}

// Skip is the reason why a mailbox is not read by default.
type Skip uint8

const (
	NotSkipped  Skip = iota
	SkipForeign      // it is in a namespace of other users, or in a shared one (RFC 2342)
	SkipVirtual      // it shows messages of other mailboxes, as a saved search does
)

// Selectable reports whether the mailbox can hold messages for this user.
func (m *Mailbox) Selectable() bool {
	return !m.hasAttribute(`\Noselect`) && !m.hasAttribute(`\NonExistent`)
}

func (m *Mailbox) hasAttribute(attribute string) bool {
	return slices.ContainsFunc(m.Attributes, func(a string) bool { return strings.EqualFold(a, attribute) })
}

// Has reports whether the mailbox has a special use, such as \Trash.
func (m *Mailbox) Has(specialUse string) bool {
	return slices.ContainsFunc(m.SpecialUse, func(use string) bool { return strings.EqualFold(use, specialUse) })
}

// Path returns the levels of the decoded name.
func (m *Mailbox) Path() []string {
	if m.Delimiter == "" {
		return []string{m.Name}
	}
	return strings.Split(m.Name, m.Delimiter)
}

// IsInbox reports whether the mailbox is INBOX, the one name that has no case (RFC 9051 section
// 5.1).
func (m *Mailbox) IsInbox() bool { return strings.EqualFold(m.Raw, "INBOX") }

// HasName reports whether a user means the mailbox by a name: the decoded or the raw one, INBOX in
// any case, or the name as it is shown.
func (m *Mailbox) HasName(name string) bool {
	return name == m.Name || name == m.Raw || m.IsInbox() && strings.EqualFold(name, "INBOX") ||
		slices.Contains(shown(m.Name), name)
}

// shown returns the forms in which a name is shown that is not UTF-8, as the directory of a Maildir
// may have it. For each byte that is not UTF-8, commands print \xfc, and JSON has U+FFFD.
func shown(name string) (forms []string) {
	if utf8.ValidString(name) {
		return nil
	}
	var printed strings.Builder
	for at, size := 0, 0; at < len(name); at += size {
		var r rune
		if r, size = utf8.DecodeRuneInString(name[at:]); r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&printed, `\x%02x`, name[at])
		} else {
			printed.WriteRune(r)
		}
	}
	return []string{printed.String(), string([]rune(name))}
}

// Status is what STATUS or EXAMINE returns for a mailbox (RFC 9051 sections 6.3.11 and 6.3.3).
type Status struct {
	UIDValidity   uint32
	UIDNext       uint32 // 0: not known, because EXAMINE may leave it out
	Messages      uint32
	HighestModSeq uint64 // 0: the mailbox or the server has no mod-sequences (RFC 7162)
	MailboxID     string // RFC 8474; empty: none
	State         string // of a source that can say what changed since (JMAP); at most MaxState bytes; empty: none
}

// MaxState is the most bytes of a Status.State: a manifest keeps no more (docs/format.md).
const MaxState = 255

// ObjectID returns the id, or "" if RFC 8474 section 4 does not allow it: an id has up to 255
// letters, digits, "-" and "_". Cyrus 3.6 sends garbage when it lists several mailboxes.
func ObjectID(id string) string {
	bad := func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_')
	}
	if len(id) > 255 || strings.ContainsFunc(id, bad) {
		return ""
	}
	return id
}

// Survey is the state of all mailboxes of an account at one moment.
type Survey struct {
	Time      time.Time // before the list was requested, by the clock of this host
	Mailboxes []Mailbox // ascending by Raw, each name once
	Dangling  []string  // raw names of subscriptions without a mailbox; sorted
	Notes     []string  // what the owner of the account should know

	// Gaps has an entry for each mailbox that has no Status through a fault of the server: its raw
	// name, and the reason.
	Gaps map[string]string
}

// Counts returns how many mailboxes a backup reads, and how many messages all mailboxes have. Those
// of a label are messages of others.
func (s *Survey) Counts() (mailboxes int, messages uint64) {
	for i := range s.Mailboxes {
		m := &s.Mailboxes[i]
		if m.Skip == NotSkipped && m.Selectable() {
			mailboxes++
		}
		if m.Status != nil && !m.Label {
			messages += uint64(m.Status.Messages)
		}
	}
	return mailboxes, messages
}

// Server is what a server says about itself and about the account as a whole.
type Server struct {
	ID           []Field  // the ID response (RFC 2971), in its order
	Capabilities []string // after login; sorted, in upper case
	Namespaces   []Namespace
	Quota        []Quota
}

// Field is a name and its value.
type Field struct{ Name, Value string }

// Namespace is one line of the NAMESPACE response (RFC 2342).
type Namespace struct {
	Kind      NamespaceKind
	Prefix    string // raw
	Delimiter string
}

// NamespaceKind says whose mailboxes are in a namespace.
type NamespaceKind uint8

const (
	Personal NamespaceKind = iota
	OtherUsers
	Shared
)

// Quota is one resource of a quota root (RFC 9208), in the units of the resource (STORAGE: 1,024
// bytes).
type Quota struct {
	Root, Resource string
	Usage, Limit   uint64
}

// HasQuota reports whether a list has quotas of a root.
func HasQuota(list []Quota, root string) bool {
	return slices.ContainsFunc(list, func(q Quota) bool { return q.Root == root })
}

// AddQuotas returns a list with the quotas of others whose roots it does not have.
func AddQuotas(list, others []Quota) []Quota {
	all := slices.Clone(list)
	for _, q := range others {
		if !HasQuota(list, q.Root) {
			all = append(all, q)
		}
	}
	return all
}
