package mail

import (
	"slices"
	"strings"
	"time"
)

// Mailbox is one line of a listing: what LIST tells of a mailbox (RFC 9051 section 7.3.1).
type Mailbox struct {
	Raw        string   // the name as the server sent it; what to send back to that server
	Name       string   // the name decoded (modified UTF-7 or UTF-8); Raw itself where it cannot be decoded
	Delimiter  string   // the hierarchy delimiter, one character; empty: the name has no hierarchy
	Attributes []string // as sent, without those kept in SpecialUse; sorted
	SpecialUse []string // \All, \Archive, \Drafts, \Flagged, \Important, \Junk, \Sent, \Trash (RFC 6154, 8457); sorted
	Subscribed bool
	Label      bool    // a label of Gmail's: its messages are read in other mailboxes, with this among their labels
	Status     *Status // nil: the server did not tell, and nothing may be concluded
	Skip       Skip    // why it is not read by default; it has no Status then
}

// Skip says why a mailbox is not read by default.
type Skip uint8

const (
	NotSkipped  Skip = iota
	SkipForeign      // it is in a namespace of other users, or a shared one
	SkipVirtual      // its messages are those of other mailboxes: a search that looks like a mailbox
)

// Selectable reports whether the mailbox can hold messages for this user.
func (m *Mailbox) Selectable() bool {
	return !m.has(`\Noselect`) && !m.has(`\NonExistent`)
}

func (m *Mailbox) has(attribute string) bool {
	return slices.ContainsFunc(m.Attributes, func(a string) bool { return strings.EqualFold(a, attribute) })
}

// Has reports whether the mailbox has a special use.
func (m *Mailbox) Has(specialUse string) bool {
	return slices.ContainsFunc(m.SpecialUse, func(use string) bool { return strings.EqualFold(use, specialUse) })
}

// Path is the decoded name, level by level.
func (m *Mailbox) Path() []string {
	if m.Delimiter == "" {
		return []string{m.Name}
	}
	return strings.Split(m.Name, m.Delimiter)
}

// IsInbox reports whether this is INBOX, whose name alone has no case (RFC 9051 section 5.1).
func (m *Mailbox) IsInbox() bool { return strings.EqualFold(m.Raw, "INBOX") }

// Status is a mailbox's numbers, as STATUS or EXAMINE tell them.
type Status struct {
	UIDValidity   uint32
	UIDNext       uint32 // 0: the server did not tell (EXAMINE may leave it out)
	Messages      uint32
	HighestModSeq uint64 // 0: none; the mailbox or the server keeps no mod-sequences (RFC 7162)
	MailboxID     string // RFC 8474; empty: none
}

// ObjectID returns the id, or "" if RFC 8474 does not allow it: an id has up to 255 letters, digits, "-" and "_". Cyrus 3.6 sends
// garbage when it lists several mailboxes.
func ObjectID(id string) string {
	bad := func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_')
	}
	if len(id) > 255 || strings.ContainsFunc(id, bad) {
		return ""
	}
	return id
}

// Survey is a fresh view of a whole account.
type Survey struct {
	Time      time.Time // before the listing was asked for, by this host's clock
	Mailboxes []Mailbox // ascending by Raw, each name once
	Dangling  []string  // raw names subscribed to that name no mailbox; sorted
	Notes     []string  // what the owner of the account should know of it

	// Gaps say why the server gives no numbers of a mailbox, by raw name, where that is a fault of the server.
	Gaps map[string]string
}

// Server is what a server tells of itself and of the account as a whole.
type Server struct {
	ID           []Field  // the ID response (RFC 2971), in its order
	Capabilities []string // after login, sorted, upper case
	Namespaces   []Namespace
	Quota        []Quota
}

// Field is a name with its value.
type Field struct{ Name, Value string }

// Namespace is one line of the NAMESPACE response (RFC 2342).
type Namespace struct {
	Kind      NamespaceKind
	Prefix    string // raw
	Delimiter string
}

// NamespaceKind is whose mailboxes a namespace holds.
type NamespaceKind uint8

const (
	Personal NamespaceKind = iota
	OtherUsers
	Shared
)

// Quota is one resource of a quota root (RFC 9208), in the server's units (STORAGE: 1,024 bytes).
type Quota struct {
	Root, Resource string
	Usage, Limit   uint64
}
