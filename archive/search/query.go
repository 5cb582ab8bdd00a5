package search

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mail/entity"
	"github.com/mailstrata/mailstrata/manifest"
)

// Query is a set of conditions. A message matches if every field that is not zero matches. Texts
// match anywhere in the values that they are compared with, which are decoded (RFC 2047, RFC 2231).
// Case and Unicode normalization do not matter.
type Query struct {
	From      string
	To        string // in any of To, Cc, Bcc
	Subject   string
	MessageID string
	Texts     []string // each in any of From, To, Cc, Bcc, Subject

	// Attachment is looked for in the names of attachments, as attachment.go has them. It alone
	// needs more of a message than its header.
	Attachment string

	Since, Before time.Time // INTERNALDATE: at or after, before; an unreadable date does not match

	Larger, Smaller int64    // size in bytes: more than, less than
	Flags           []string // flags and keywords, all of them
	Labels          []string // Gmail's labels, all of them, in any case; system labels with or without their backslash

	NotFlags, NotLabels []string // none of them

	Only func(chunk.ID) bool // of the hash of the message; nil: all

	// Places is where a search in all manifests looks; nil: everywhere. It must have every place of
	// a message that matches.
	Places *Places

	// Message decides after all other conditions, by the whole message. It may be nil.
	Message MessageMatcher
}

// MessageMatcher is a condition on the bytes of a message. Several goroutines call it at once.
type MessageMatcher interface {
	// Wants reports whether it reads a body in base64.
	Wants(*entity.Entity) bool
	// Match reports whether a message matches. The bodies that it does not want are empty. An error
	// ends the search.
	Match(ctx context.Context, raw []byte) (bool, error)
}

// IsZero reports whether every message matches.
func (q *Query) IsZero() bool {
	return !q.ReadsMail() && q.Since.IsZero() && q.Before.IsZero() && q.Larger == 0 && q.Smaller == 0 &&
		q.Only == nil && !q.ReadsFlags()
}

// OfRecords returns the conditions that need no mail: those on dates, sizes, flags, labels and
// hashes.
func (q *Query) OfRecords() Query {
	return Query{
		Since: q.Since, Before: q.Before, Larger: q.Larger, Smaller: q.Smaller, Flags: q.Flags, Labels: q.Labels,
		NotFlags: q.NotFlags, NotLabels: q.NotLabels, Only: q.Only, Places: q.Places,
	}
}

// ReadsMail reports whether the search reads headers, and so needs a key that can read mail.
func (q *Query) ReadsMail() bool {
	return q.readsHeaders() || q.Message != nil
}

// ReadsFlags reports whether the search reads flags.
func (q *Query) ReadsFlags() bool {
	return len(q.Flags)+len(q.Labels)+len(q.NotFlags)+len(q.NotLabels) > 0
}

// readsHeaders reports whether the search reads headers by themselves.
func (q *Query) readsHeaders() bool {
	return q.From != "" || q.To != "" || q.Subject != "" || q.MessageID != "" || q.Attachment != "" || len(q.Texts) > 0
}

// FitsRecord reports whether hash, size and date match.
func (q *Query) FitsRecord(r *manifest.Record) bool {
	if q.Only != nil && !q.Only(r.Hash) {
		return false
	}
	if q.Larger > 0 && r.Size <= q.Larger || q.Smaller > 0 && r.Size >= q.Smaller {
		return false
	}
	if q.Since.IsZero() && q.Before.IsZero() {
		return true
	}
	date := r.Internal.Time()
	return r.Internal.IsReadable() && !date.Before(q.Since) && (q.Before.IsZero() || date.Before(q.Before))
}

func (q *Query) fitsFlags(set *manifest.FlagSet) bool {
	labeled := func(label string) bool {
		return slices.ContainsFunc(set.Labels, func(has string) bool { return isLabel(has, label) })
	}
	return every(q.Flags, set.Flags.Has) && every(q.Labels, labeled) &&
		!slices.ContainsFunc(q.NotFlags, set.Flags.Has) && !slices.ContainsFunc(q.NotLabels, labeled)
}

// every reports whether all texts fit.
func every(texts []string, fits func(string) bool) bool {
	return !slices.ContainsFunc(texts, func(text string) bool { return !fits(text) })
}

func (q *Query) fits(e *manifest.Entry) bool {
	return q.FitsRecord(&e.Record) && q.fitsFlags(&e.FlagSet)
}

// term is a text to be found.
type term struct {
	text string // folded
	fold cases.Caser
}

func newTerm(text string) term {
	n := term{fold: cases.Fold()}
	n.text = n.folded(text)
	return n
}

// folded returns a text without differences of case and of Unicode normalization.
func (t *term) folded(text string) string {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return t.fold.String(norm.NFKC.String(text))
		}
	}
	return strings.ToLower(text)
}

func (t *term) isIn(text string) bool { return strings.Contains(t.folded(text), t.text) }

// fieldTerm is a condition on some fields of the header.
type fieldTerm struct {
	names []string
	term  term
}

// matcher is a prepared Query, for one goroutine.
type matcher struct {
	Query
	fields     []fieldTerm
	attachment term
}

func newMatcher(q Query) *matcher {
	s := &matcher{Query: q, attachment: newTerm(q.Attachment)}
	for _, f := range []struct {
		text  string
		names []string
	}{
		{q.From, []string{"From"}},
		{q.To, []string{"To", "Cc", "Bcc"}},
		{q.Subject, []string{"Subject"}},
		{q.MessageID, []string{"Message-ID"}},
	} {
		if f.text != "" {
			s.fields = append(s.fields, fieldTerm{f.names, newTerm(f.text)})
		}
	}
	for _, text := range q.Texts {
		s.fields = append(s.fields, fieldTerm{[]string{"From", "To", "Cc", "Bcc", "Subject"}, newTerm(text)})
	}
	return s
}

// fitsHeader reports whether the fields of a header match, except for attachments.
func (m *matcher) fitsHeader(text []byte) bool {
	for i := range m.fields {
		f := &m.fields[i]
		found := false
		for value := range header.Texts(text, f.names...) {
			found = found || f.term.isIn(value)
		}
		if !found {
			return false
		}
	}
	return true
}

// namesAttachment reports whether fields in a text have the name of an attachment that is searched
// for.
func (m *matcher) namesAttachment(text []byte) bool {
	for name := range attachmentNames(text) {
		if m.attachment.isIn(name) {
			return true
		}
	}
	return false
}

// isLabel reports whether asked, as a person writes it, names a label.
func isLabel(label, asked string) bool {
	key := mail.LabelKey(label)
	return strings.EqualFold(key, asked) || strings.EqualFold(strings.TrimPrefix(key, `\`), asked) || label == asked
}
