// Package replicate copies manifests, with all that they refer to, from one repository to another.
//
// The two have different keys and cut chunks at different places. So each message is joined,
// verified and stored again, which also proves that the copy is right. For each account, from the
// oldest manifest to the newest, Copy decides what to do (replicate.go, history.go) by the copies
// that the target has (copies.go), leaves out what was erased (erased.go), and writes the manifest
// with a rewrite.Rewriter, which reads only what the manifest before does not have. Manifests of
// several accounts share packs (group.go) and are committed together (batch.go). Then it copies the
// tags.
package replicate

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// CopyOptions select what is copied, and where.
type CopyOptions struct {
	From, To *repo.Repo
	Wants    func(archive.Summary) bool // which manifests; nil for all complete ones
	Expect   func(messages int64)       // called once, with an estimate of the messages to be copied; may be nil
	Progress func(manifest.Record)      // called after each message, one call at a time; may be nil
	Empty    bool                       // write a copy even if no message of the original can be read
}

// Copied is the result for one manifest.
type Copied struct {
	archive.Summary                    // of the original
	Head            repo.Head          // of the copy
	Present         bool               // it had been copied before
	Improved        bool               // it had been copied before, and more of it can be read now: a new copy follows the old one
	Gone            bool               // it was copied and then forgotten in the target, and is copied only if it is named
	Lost            []manifest.Failure // what cannot be read and is not in the copy, which names it among its failures
	Erased          bool               // the account was erased in one of the repositories, so it is not copied
	Untagged        []string           // tags that the copy lacks because the target's key cannot sign them
	Err             error              // why there is no copy; others are still copied
}

// Copy copies manifests, those of each account from the oldest to the newest, and calls done with
// each. A copy has the time and the tags of its original. Copy does not copy again what the target
// has, unless the copy lacks messages of the original and more of them can be read now. Unless it
// is named in Wants, it does not copy what was forgotten in the target.
//
// An error ends the copy. What was copied before is kept, and is present the next time. If tags
// could not be read, Copy copies everything and then returns the error.
func Copy(ctx context.Context, o CopyOptions, done func(Copied)) error {
	accounts, err := originals(ctx, o, done)
	if err != nil {
		return err
	}
	erased, err := newErasedPair(ctx, o)
	if err != nil {
		return err
	}
	there, err := findCopies(ctx, o.To)
	if err != nil {
		return err
	}
	tags, err := newTagCopier(ctx, o)
	if err != nil {
		return err
	}
	c := &copier{CopyOptions: o, source: archive.NewReader(o.From), target: archive.NewReader(o.To), tags: tags, copies: there,
		erased: erased, done: done}
	if o.Expect != nil {
		o.Expect(c.expected(accounts))
	}
	for group := range groups(accounts) {
		if err := c.group(ctx, group); err != nil {
			return err
		}
	}
	if tags.damage != nil {
		return fmt.Errorf("the copies may lack tags: %w", tags.damage)
	}
	return nil
}

// originals returns the manifests of the source by account, the oldest first.
func originals(ctx context.Context, o CopyOptions, done func(Copied)) ([][]archive.Summary, error) {
	var accounts [][]archive.Summary
	for s, err := range archive.Manifests(ctx, o.From) {
		switch {
		case archive.EndsListing(ctx, s.Head, err):
			return nil, err
		case err != nil:
			done(Copied{Summary: s, Err: err})
		case len(accounts) > 0 && accounts[len(accounts)-1][0].Head.Account == s.Head.Account:
			accounts[len(accounts)-1] = append(accounts[len(accounts)-1], s)
		default:
			accounts = append(accounts, []archive.Summary{s})
		}
	}
	for _, account := range accounts {
		slices.Reverse(account)
	}
	return accounts, nil
}

// copier is a Copy under way.
type copier struct {
	CopyOptions
	source, target *archive.Reader
	copies         *copies
	tags           *tagCopier
	erased         *erasedPair
	done           func(Copied)
}

// action is what to do with a manifest.
type action int

const (
	copyNew       action = iota // it has no copy
	copyAgain                   // its copy lacks something, and more may be readable now
	alreadyCopied               // it has a copy
	forgotten                   // its copy was forgotten
	unwanted
	accountErased // the account was erased in one of the repositories
)

func (c *copier) action(s archive.Summary) (action, existing) {
	old, there := c.copies.of(s)
	switch {
	case c.Wants != nil && !c.Wants(s), c.Wants == nil && s.Manifest.State != manifest.Complete:
		return unwanted, existing{}
	case c.erased.account(s):
		return accountErased, existing{}
	case there && old.lacks(s):
		return copyAgain, old
	case there:
		return alreadyCopied, old
	case c.Wants == nil && c.copies.forgotten[position{c.To.AccountDir(s.Manifest.Account), s.Head.Time.UnixMilli()}]:
		return forgotten, existing{}
	}
	return copyNew, existing{}
}

// expected estimates the messages to be copied: all of an account's first manifest, and the new
// ones of each later one.
func (c *copier) expected(accounts [][]archive.Summary) (messages int64) {
	for _, account := range accounts {
		known := false // what the account had before, or most of it
		for _, s := range account {
			todo, _ := c.action(s)
			totals := s.Manifest.Totals
			switch {
			case todo == accountErased:
			case todo == copyNew && !known:
				messages += totals.Messages
			case todo == copyNew:
				messages += min(totals.Messages, totals.NewMessages+totals.TakenMessages)
			}
			known = known || todo != unwanted && todo != forgotten
		}
	}
	return messages
}
