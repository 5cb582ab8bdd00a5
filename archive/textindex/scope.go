package textindex

import (
	"context"
	"iter"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Scope is what is searched: all manifests of a repository, or some.
type Scope struct {
	Repo      *repo.Repo
	All       bool                // all manifests
	Account   string              // if all: only those of this account; empty: of any
	Manifests []*archive.Contents // if not all

	Wants func(*mail.Mailbox) bool // which mailboxes; nil: all

	Mailbox *manifest.Mailbox // of the one manifest; if not nil, only its messages with these UIDs
	UIDs    mail.UIDSet
}

// Scan yields the messages in the scope that match, without an index, in no order.
func (s *Scope) Scan(ctx context.Context, q search.Query) iter.Seq2[*search.Hit, error] {
	var wants func(*manifest.Mailbox) bool
	if s.Wants != nil {
		wants = func(m *manifest.Mailbox) bool { return s.Wants(&m.Mailbox) }
	}
	switch {
	case s.All:
		return search.FindAll(ctx, s.Repo, s.Account, q, wants)
	case s.Mailbox != nil:
		contents := s.Manifests[0]
		return search.Hits(search.FindIn(ctx, contents, s.Mailbox, q, s.UIDs), contents)
	}
	return joined(s.Manifests, func(c *archive.Contents) iter.Seq2[*search.Hit, error] {
		return search.Hits(search.Find(ctx, c, q, wants), c)
	})
}

// Count returns how many messages Scan reads, if the query has no condition on their headers, and
// their bytes. In all manifests, each counts once for each account. It reads no mail. What cannot
// be read does not count.
func (s *Scope) Count(ctx context.Context, q search.Query) (messages, bytes int64, err error) {
	for hit, err := range s.Scan(ctx, q.OfRecords()) {
		if err := archive.UnlessDamage(err); err != nil {
			return messages, bytes, err
		}
		if hit != nil {
			messages, bytes = messages+1, bytes+hit.Entry.Size
		}
	}
	return messages, bytes, context.Cause(ctx)
}

// Find yields the messages in the scope that match, by the index, which Bring must have brought up
// to date. If sorted, they come newest first. Otherwise a search that the index cannot answer alone
// looks at the manifests, or several are searched.
func (s *Scope) Find(
	ctx context.Context, x *Index, live *Live, w *words.Query, q search.Query,
) (found iter.Seq2[*search.Hit, error], sorted bool, err error) {
	o := Search{Words: w, Query: q, Account: s.Account, Wants: s.Wants}
	switch {
	case s.All && !q.ReadsFlags():
		return x.All(ctx, live, o), true, nil
	case s.All:
		if err = x.Restrict(ctx, live, w, &q); err != nil {
			return nil, false, err
		}
		return s.Scan(ctx, q), false, nil
	}
	found = s.chosen(joined(s.Manifests, func(c *archive.Contents) iter.Seq2[*search.Hit, error] { return x.Night(ctx, live, c, o) }))
	return found, len(s.Manifests) == 1, nil
}

// Among returns a function that reports whether the words of a message match: a condition for a
// search that looks at manifests.
func (x *Index) Among(ctx context.Context, q *words.Query) (func(chunk.ID) bool, error) {
	matching, err := x.Hashes(ctx, q)
	return func(hash chunk.ID) bool {
		_, has := matching[hash.Prefix()]
		return has
	}, err
}

// chosen yields the messages with the UIDs of the scope.
func (s *Scope) chosen(found iter.Seq2[*search.Hit, error]) iter.Seq2[*search.Hit, error] {
	if s.Mailbox == nil {
		return found
	}
	return func(yield func(*search.Hit, error) bool) {
		for hit, err := range found {
			if (err != nil || hit.Mailbox.Raw == s.Mailbox.Raw && s.UIDs.Contains(hit.Entry.UID)) && !yield(hit, err) {
				return
			}
		}
	}
}

// joined yields what is found in manifests, one after the other.
func joined(
	manifests []*archive.Contents, find func(*archive.Contents) iter.Seq2[*search.Hit, error],
) iter.Seq2[*search.Hit, error] {
	return func(yield func(*search.Hit, error) bool) {
		for _, contents := range manifests {
			for hit, err := range find(contents) {
				if !yield(hit, err) {
					return
				}
			}
		}
	}
}
