package jmap

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/mail"
)

// Mailbox is a mailbox (RFC 8621 section 2).
type Mailbox struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	ParentID   string `json:"parentId"` // "": none
	Role       string `json:"role"`     // "": none
	SortOrder  int64  `json:"sortOrder"`
	Subscribed bool   `json:"isSubscribed"`
	Emails     *int64 `json:"totalEmails"` // nil: not known
}

// MailboxProperties are the properties of a Mailbox, for Mailbox/get.
var MailboxProperties = []string{"id", "name", "parentId", "role", "sortOrder", "isSubscribed", "totalEmails"}

// Email is a message (RFC 8621 section 4), as far as the properties were asked for.
type Email struct {
	ID         string `json:"id"`
	BlobID     string `json:"blobId"`
	ThreadID   string `json:"threadId"`
	Mailboxes  Set    `json:"mailboxIds"`
	Keywords   Set    `json:"keywords"`
	Size       int64  `json:"size"`
	ReceivedAt string `json:"receivedAt"` // UTCDate
}

// Set is a set as JMAP writes it: {"a": true}. A value that is not true is no element.
type Set []string

// MarshalJSON implements json.Marshaler.
func (s Set) MarshalJSON() ([]byte, error) {
	all := make(map[string]bool, len(s))
	for _, name := range s {
		all[name] = true
	}
	return json.Marshal(all)
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Set) UnmarshalJSON(text []byte) error {
	*s = nil
	if bytes.Equal(text, []byte("null")) {
		return nil
	}
	var all map[string]bool
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	for name, is := range all {
		if is {
			*s = append(*s, name)
		}
	}
	return nil
}

// Got is the answer of a /get method.
type Got[T any] struct {
	State    string   `json:"state"`
	List     []T      `json:"list"`
	NotFound []string `json:"notFound"`
}

// QueryTogether is how many ids one /query asks for. A server that gives fewer at a time gives
// fewer (RFC 8620 section 5.5).
const QueryTogether = 4096

// Queried is the answer of a /query method.
type Queried struct {
	QueryState string   `json:"queryState"`
	Position   *int64   `json:"position"` // nil: the server does not say
	IDs        []string `json:"ids"`      // nil: the answer has none, not even an empty list
	Total      *int64   `json:"total"`    // nil: the server does not say
	Limit      int64    `json:"limit"`    // that the server put in place of the one asked for; 0: none
}

// Changed is the answer of a /changes method.
type Changed struct {
	OldState  string   `json:"oldState"`
	NewState  string   `json:"newState"`
	More      bool     `json:"hasMoreChanges"`
	Created   []string `json:"created"`
	Updated   []string `json:"updated"`
	Destroyed []string `json:"destroyed"`
}

// SetResult is the answer of a /set method, and of Email/import.
type SetResult struct {
	OldState   string                 `json:"oldState"`
	NewState   string                 `json:"newState"`
	Created    map[string]CreatedItem `json:"created"`
	NotCreated map[string]*Error      `json:"notCreated"`
	Updated    map[string]any         `json:"updated"`
	NotUpdated map[string]*Error      `json:"notUpdated"`

	Destroyed    []string          `json:"destroyed"`
	NotDestroyed map[string]*Error `json:"notDestroyed"`
}

// CreatedItem is an object that a server made.
type CreatedItem struct {
	ID   string `json:"id"`
	Size int64  `json:"size"` // of a message
}

// ParseDate returns a UTCDate (RFC 8620 section 1.4) as an INTERNALDATE, which has whole seconds.
// Text that is no date becomes mail.Date.Raw.
func ParseDate(text string) mail.Date {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return mail.Date{Raw: text}
	}
	return mail.Date{Seconds: t.Unix()}
}

// FormatDate returns an INTERNALDATE as a UTCDate, or "" if it cannot be read or has a year that
// RFC 3339 has not.
func FormatDate(d mail.Date) string {
	t := d.Time().UTC()
	if d.IsZero() || !d.IsReadable() || t.Year() < 0 || t.Year() > 9999 {
		return ""
	}
	return t.Format(time.RFC3339)
}

// flagsOf maps keywords of JMAP to flags of IMAP (RFC 8621 section 4.1.1).
var flagsOf = map[string]string{`$seen`: `\Seen`, `$flagged`: `\Flagged`, `$answered`: `\Answered`, `$draft`: `\Draft`}

// Flags returns the flags of keywords. Keywords inverts it.
func Flags(keywords []string) mail.Flags {
	flags := make([]string, len(keywords))
	for i, k := range keywords {
		flags[i] = k
		if flag, ok := flagsOf[k]; ok {
			flags[i] = flag
		}
	}
	return mail.NewFlags(flags...)
}

// Keywords returns flags as keywords, which are in lower case (RFC 8621 section 4.1.1), and the
// flags that JMAP cannot have: \Deleted, and those with characters outside of that section.
func Keywords(flags mail.Flags) (keywords Set, left []string) {
	for _, flag := range flags {
		keyword := strings.ToLower(flag)
		for k, f := range flagsOf {
			if f == flag {
				keyword = k
			}
		}
		switch {
		case !isKeyword(keyword):
			left = append(left, flag)
		case !slices.Contains(keywords, keyword):
			keywords = append(keywords, keyword)
		}
	}
	return keywords, left
}

// isKeyword reports whether JMAP can have a keyword.
func isKeyword(text string) bool {
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`(){]%*"\`, c) >= 0 {
			return false
		}
	}
	return text != "" && len(text) <= 255
}

// usesOf maps roles of mailboxes to special uses of IMAP (RFC 8621 section 2). Inbox has none.
var usesOf = map[string]string{
	"all": `\All`, "archive": `\Archive`, "drafts": `\Drafts`, "flagged": `\Flagged`, "important": `\Important`,
	"junk": `\Junk`, "sent": `\Sent`, "trash": `\Trash`,
}

// SpecialUse returns the special use of a role, or "".
func SpecialUse(role string) string { return usesOf[role] }

// RoleOf returns the role of a mailbox, or "".
func RoleOf(m *mail.Mailbox) string {
	if m.IsInbox() {
		return "inbox"
	}
	for role, use := range usesOf {
		if m.Has(use) {
			return role
		}
	}
	return ""
}
