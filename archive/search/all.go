package search

import (
	"context"
	"fmt"
	"iter"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Hit is a message that matches a Query, as it is in the newest manifest that has it.
type Hit struct {
	Match
	Also        []Match           // its copies that match, in other mailboxes or under other UIDs; only Merged sets it
	Contents    *archive.Contents // of Last
	First, Last repo.Head         // the oldest and the newest manifest that have it
	Absent      int               // how many complete manifests between First and Last do not have it
}

// FindAll yields each message that matches the query in any committed manifest, once for each
// account, those of newer manifests first. If account is empty, it searches all accounts. Its
// errors are those of Find.
//
// It reads the manifests of an account from the newest to the oldest, but only pages that no newer
// manifest has and messages that it has not read. It keeps some 60 bytes for each distinct page, 40
// for each message whose record matched, and 100 for each hit.
func FindAll(
	ctx context.Context, r *repo.Repo, account string, q Query, wants func(*manifest.Mailbox) bool,
) iter.Seq2[*Hit, error] {
	return func(yield func(*Hit, error) bool) {
		r.PrepareIndex(ctx) // it is read while manifests are
		reader := archive.NewReader(r)
		reader.Keep(repo.KeptMail)
		all := &allSearch{
			reader: reader, ahead: archive.NewLookahead(reader, wants, q.ReadsFlags()), wants: wants, query: q, yield: yield,
		}
		if q.Places != nil {
			q.Places.prepare(all.ahead)
		}
		var present *accountSearch
		for p, err := range readMessages(ctx, reader, newMatcher(q), all.pages(ctx, r, account)) {
			if err != nil {
				if !yieldError(ctx, yield, err) {
					return
				}
				continue
			}
			if present != nil && present != p.account && !present.yieldHits(ctx) {
				return
			}
			present = p.account
			if !present.add(ctx, p) {
				return
			}
		}
		if present != nil {
			present.yieldHits(ctx)
		}
	}
}

// allSearch is a search in all manifests.
type allSearch struct {
	reader *archive.Reader
	ahead  *archive.Lookahead
	wants  func(*manifest.Mailbox) bool
	query  Query
	yield  func(*Hit, error) bool
}

// pages yields the pages of the manifests of an account, or of all, each page once for each
// account.
func (all *allSearch) pages(ctx context.Context, r *repo.Repo, account string) iter.Seq2[*page, error] {
	wanted := func(yield func(archive.Summary, error) bool) {
		for s, err := range archive.Manifests(ctx, r) {
			if (err != nil || account == "" || s.Manifest.Account == account) && !yield(s, err) {
				return
			}
		}
	}
	return func(yield func(*page, error) bool) {
		var a *accountSearch
		for s, err := range all.ahead.Manifests(ctx, wanted) {
			if err != nil {
				if !yield(nil, fmt.Errorf("manifest: %w", err)) {
					return
				}
				continue
			}
			if a == nil || a.heads[0].Account != s.Head.Account {
				a = newAccountSearch(all)
			}
			if !a.manifest(ctx, s, yield) {
				return
			}
		}
	}
}

// accountSearch is a search in the manifests of one account. They are numbered from the newest on.
// Its pages are listed ahead of those that it searches.
type accountSearch struct {
	*allSearch
	heads   []repo.Head
	partial []bool             // which manifests may lack messages
	pages   map[pageKey]uint32 // pages that were listed, and which of spans; 0 if nothing was found there
	spans   []pageSpan
	free    []uint32 // of spans
	hits    []compactHit
	byHash  map[chunk.ID]uint32       // which of found
	listed  map[chunk.Prefix]struct{} // messages of pages that were listed
}

func newAccountSearch(all *allSearch) *accountSearch {
	return &accountSearch{
		allSearch: all,
		pages:     make(map[pageKey]uint32),
		spans:     []pageSpan{{}},
		byHash:    make(map[chunk.ID]uint32),
		listed:    make(map[chunk.Prefix]struct{}),
	}
}

// pageKey is a page as the query sees it. flags is set only if the query has conditions on flags.
type pageKey struct{ records, flags chunk.Prefix }

// pageSpan is a page with hits, and the manifests that have it.
type pageSpan struct {
	run
	earlier []run // newer ones, before an interruption
	hits    []uint32
}

// compactHit is what is kept of a hit until its manifest is opened again to yield it.
type compactHit struct {
	newest, oldest uint32
	uid            mail.UID
	mailbox        string // raw name
	covered        uint32 // of countAbsent: up to this manifest, its places are counted
	absent         int
}

// manifest yields the pages of the next manifest. It reports whether to go on.
func (a *accountSearch) manifest(ctx context.Context, s archive.Summary, yield func(*page, error) bool) bool {
	a.heads = append(a.heads, s.Head)
	a.partial = append(a.partial, s.Manifest.State != manifest.Complete || s.Manifest.Totals.Failures > 0)
	c := a.reader.Contents(s.Manifest)
	for mailbox, err := range a.ahead.Mailboxes(ctx, c) {
		if err != nil {
			if !yield(nil, err) {
				return false
			}
			continue
		}
		if a.wants != nil && !a.wants(mailbox) {
			continue
		}
		rows := c.Pages(ctx, mailbox)
		if uids, all := a.query.Places.narrow(s.Head, mailbox); !all {
			rows = archive.PagesAt(rows, uids)
		}
		for row, err := range a.ahead.Pages(ctx, a.unlisted(rows)) {
			var p *page
			if err == nil {
				p, err = a.page(ctx, c, mailbox, row)
			}
			if !yield(p, err) {
				return false
			}
		}
	}
	return true
}

func (a *accountSearch) now() uint32 { return uint32(len(a.heads) - 1) }

func (a *accountSearch) key(page manifest.Page) pageKey {
	key := pageKey{records: page.Records.Prefix()}
	if a.query.ReadsFlags() {
		key.flags = page.Flags.Prefix()
	}
	return key
}

// unlisted leaves out pages that were listed before, and records that they are in this manifest
// too.
func (a *accountSearch) unlisted(pages iter.Seq2[manifest.Page, error]) iter.Seq2[manifest.Page, error] {
	return func(yield func(manifest.Page, error) bool) {
		for page, err := range pages {
			if err == nil {
				if span, known := a.pages[a.key(page)]; known {
					if span > 0 {
						a.spans[span].extend(a.now())
					}
					continue
				}
				a.pages[a.key(page)] = a.newSpan()
			}
			if !yield(page, err) {
				return
			}
		}
	}
}

// extend records that a manifest has the page.
func (s *pageSpan) extend(number uint32) {
	if number > s.oldest+1 && len(s.earlier) < maxRuns {
		s.earlier, s.newest = append(s.earlier, s.run), number
	}
	s.oldest = number
}

// maxRuns bounds the memory for a page that comes and goes.
const maxRuns = 100

// newSpan returns which of spans is that of a page that was found in the present manifest.
func (a *accountSearch) newSpan() uint32 {
	span := pageSpan{run: run{a.now(), a.now()}}
	if n := len(a.free); n > 0 {
		at := a.free[n-1]
		a.free, a.spans[at] = a.free[:n-1], span
		return at
	}
	a.spans = append(a.spans, span)
	return uint32(len(a.spans) - 1)
}

// page reads a page, and returns it with the messages whose records match.
func (a *accountSearch) page(
	ctx context.Context, c *archive.Contents, mailbox *manifest.Mailbox, row manifest.Page,
) (*page, error) {
	entries, err := a.entries(ctx, c, mailbox, row)
	if err != nil {
		return nil, err
	}
	p := &page{mailbox: mailbox, account: a, number: a.now(), key: a.key(row)}
	for i := range entries {
		e := &entries[i]
		if !a.query.fits(e) {
			continue
		}
		_, listed := a.listed[e.Hash.Prefix()]
		a.listed[e.Hash.Prefix()] = struct{}{}
		p.candidates = append(p.candidates, candidate{entry: e, settled: listed})
	}
	return p, nil
}

// add records the messages of a page that match. It yields damage, and reports whether to go on.
func (a *accountSearch) add(ctx context.Context, p *page) bool {
	for _, err := range p.damage() {
		if !yieldError(ctx, a.yield, err) {
			return false
		}
	}
	span := a.pages[p.key]
	for i := range p.candidates {
		record := &p.candidates[i].entry.Record
		at, known := a.byHash[record.Hash]
		if c := &p.candidates[i]; !known && (c.settled || !c.fits) { // settled: an earlier page has it, and it did not match
			continue
		}
		if !known {
			at = uint32(len(a.hits))
			a.byHash[record.Hash] = at
			a.hits = append(a.hits, compactHit{
				newest: p.number, oldest: p.number, uid: record.UID, mailbox: p.mailbox.Raw,
				covered: p.number,
			})
		}
		a.spans[span].hits = append(a.spans[span].hits, at)
	}
	if len(a.spans[span].hits) == 0 {
		a.pages[p.key] = 0
		a.free = append(a.free, span)
	}
	return true
}

// entries reads a page. It reads flags only if the query has conditions on them.
func (a *accountSearch) entries(
	ctx context.Context, c *archive.Contents, mailbox *manifest.Mailbox, page manifest.Page,
) ([]manifest.Entry, error) {
	if a.query.ReadsFlags() {
		return c.Page(ctx, mailbox, page)
	}
	return c.PageWithoutFlags(ctx, mailbox, page)
}

// yieldHits yields what was found in the account. It reports whether to go on.
func (a *accountSearch) yieldHits(ctx context.Context) bool {
	for _, span := range a.spans {
		for _, at := range span.hits {
			a.hits[at].oldest = max(a.hits[at].oldest, span.oldest)
		}
	}
	a.countAbsent()
	for from := 0; from < len(a.hits); {
		to := from + 1
		for to < len(a.hits) && a.hits[to].newest == a.hits[from].newest {
			to++
		}
		if !a.yieldManifest(ctx, a.hits[from:to]) {
			return false
		}
		from = to
	}
	return true
}

// yieldManifest yields the hits of one manifest, which is their newest. It reads their records
// again.
func (a *accountSearch) yieldManifest(ctx context.Context, found []compactHit) bool {
	head := a.heads[found[0].newest]
	c, err := a.reader.Open(ctx, head)
	if err != nil {
		return yieldError(ctx, a.yield, err)
	}
	uids, hits := make(map[string]mail.UIDSet), make(map[messageKey]*compactHit)
	for i := range found {
		s := &found[i]
		set := uids[s.mailbox]
		set.Add(s.uid)
		uids[s.mailbox], hits[messageKey{s.mailbox, s.uid}] = set, s
	}
	for mailbox, err := range c.Mailboxes(ctx) {
		if err != nil {
			if !yieldError(ctx, a.yield, err) {
				return false
			}
			continue
		}
		for entry, err := range c.EntriesAt(ctx, mailbox, uids[mailbox.Raw]) {
			if err != nil {
				if !yieldError(ctx, a.yield, err) {
					return false
				}
				continue
			}
			s := hits[messageKey{mailbox.Raw, entry.UID}]
			if !a.yield(&Hit{Match: Match{mailbox, entry}, Contents: c, First: a.heads[s.oldest], Last: head, Absent: s.absent}, nil) {
				return false
			}
		}
	}
	return true
}

// messageKey names a message of a manifest.
type messageKey struct {
	mailbox string
	uid     mail.UID
}
