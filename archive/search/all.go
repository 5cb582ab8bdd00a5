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

// Hit is a message that matches a Query, as it is in the newest manifest that has it. Between First and Last, there may be
// manifests that do not have it.
type Hit struct {
	Match
	Contents    *archive.Contents // of Last
	First, Last repo.Head         // the oldest and the newest manifest that have it
}

// FindAll yields each message that matches the query in any committed manifest, once for each account, those of newer manifests
// first. If account is empty, it searches all accounts. Its errors are those of Find.
//
// It reads the manifests of an account from the newest to the oldest, but only pages that no newer manifest has and messages
// that it has not read. It keeps some 60 bytes for each distinct page, 40 for each message whose header did not match, and 100
// for each hit.
func FindAll(ctx context.Context, r *repo.Repo, account string, q Query, wants func(*manifest.Mailbox) bool) iter.Seq2[*Hit, error] {
	return func(yield func(*Hit, error) bool) {
		h := &accountSearch{reader: archive.NewReader(r), wants: wants, query: q, yield: yield}
		h.reset()
		for s, err := range archive.Manifests(ctx, r) {
			if err == nil && account != "" && s.Manifest.Account != account {
				continue
			}
			if err != nil {
				if !yieldError(ctx, yield, fmt.Errorf("manifest: %w", err)) {
					return
				}
				continue
			}
			if len(h.heads) > 0 && h.heads[0].Account != s.Head.Account {
				if !h.yieldHits(ctx) {
					return
				}
				h.reset()
			}
			if !h.manifest(ctx, s) {
				return
			}
		}
		h.yieldHits(ctx)
	}
}

// accountSearch is a search in the manifests of one account. They are numbered from the newest on.
type accountSearch struct {
	reader *archive.Reader
	wants  func(*manifest.Mailbox) bool
	query  Query
	yield  func(*Hit, error) bool

	matcher   *matcher
	heads     []repo.Head
	pages     map[pageKey]uint32 // pages that were read, and which of spans; 0 if nothing was found there
	spans     []pageSpan
	hits      []hit
	byHash    map[chunk.ID]uint32       // which of found
	dismissed map[chunk.Prefix]struct{} // messages whose text did not match
}

// pageKey is a page as the query sees it. flags is set only if the query has conditions on flags.
type pageKey struct{ records, flags chunk.Prefix }

// pageSpan is a page with hits, and the oldest manifest that has it.
type pageSpan struct {
	oldest uint32
	hits   []uint32
}

// hit is a message that was found, in the newest manifest that has it.
type hit struct {
	newest, oldest uint32
	uid            mail.UID
	mailbox        string // raw name
}

// reset prepares for the next account.
func (h *accountSearch) reset() {
	h.matcher = newMatcher(h.query)
	h.heads, h.hits, h.spans = nil, nil, []pageSpan{{}}
	h.pages = make(map[pageKey]uint32)
	h.byHash = make(map[chunk.ID]uint32)
	h.dismissed = make(map[chunk.Prefix]struct{})
}

// manifest searches the next manifest. It reports whether to go on.
func (h *accountSearch) manifest(ctx context.Context, s archive.Summary) bool {
	h.heads = append(h.heads, s.Head)
	c := h.reader.Contents(s.Manifest)
	for mailbox, err := range c.Mailboxes(ctx) {
		if err != nil {
			if !yieldError(ctx, h.yield, err) {
				return false
			}
			continue
		}
		if h.wants != nil && !h.wants(mailbox) {
			continue
		}
		for page, err := range c.Ahead(ctx, h.unread(c.Pages(ctx, mailbox))) {
			var damage []error
			if err == nil {
				damage, err = h.page(ctx, c, mailbox, page)
			}
			for _, err := range append(damage, err) {
				if err != nil && !yieldError(ctx, h.yield, err) {
					return false
				}
			}
		}
	}
	return true
}

func (h *accountSearch) now() uint32 { return uint32(len(h.heads) - 1) }

func (h *accountSearch) key(page manifest.Page) pageKey {
	key := pageKey{records: page.Records.Prefix()}
	if h.query.ReadsFlags() {
		key.flags = page.Flags.Prefix()
	}
	return key
}

// unread leaves out pages that were read before, and records that they are in this manifest too.
func (h *accountSearch) unread(pages iter.Seq2[manifest.Page, error]) iter.Seq2[manifest.Page, error] {
	return func(yield func(manifest.Page, error) bool) {
		for page, err := range pages {
			if err == nil {
				if span, known := h.pages[h.key(page)]; known {
					h.spans[span].oldest = h.now()
					continue
				}
			}
			if !yield(page, err) {
				return
			}
		}
	}
}

// page searches a page that was not read before. damage is about messages that cannot be read.
func (h *accountSearch) page(ctx context.Context, c *archive.Contents, mailbox *manifest.Mailbox, page manifest.Page) (damage []error, err error) {
	entries, err := h.entries(ctx, c, mailbox, page)
	if err != nil {
		return nil, err
	}
	span := pageSpan{oldest: h.now()}
	var open []*manifest.Record // to be read
	for i := range entries {
		e := &entries[i]
		if !h.query.fits(e) {
			continue
		}
		if at, known := h.byHash[e.Hash]; known {
			span.hits = append(span.hits, at)
		} else if _, dismissed := h.dismissed[e.Hash.Prefix()]; !dismissed {
			open = append(open, &e.Record)
		}
	}
	fits, damage, err := filterMessages(ctx, c, mailbox, h.matcher, open)
	if err != nil {
		return nil, err
	}
	for i, record := range open {
		at, known := h.byHash[record.Hash] // known if a copy is in this page
		switch {
		case !fits[i]:
			h.dismissed[record.Hash.Prefix()] = struct{}{}
			continue
		case !known:
			at = uint32(len(h.hits))
			h.byHash[record.Hash] = at
			h.hits = append(h.hits, hit{newest: h.now(), oldest: h.now(), uid: record.UID, mailbox: mailbox.Raw})
		}
		span.hits = append(span.hits, at)
	}
	h.pages[h.key(page)] = 0
	if len(span.hits) > 0 {
		h.pages[h.key(page)] = uint32(len(h.spans))
		h.spans = append(h.spans, span)
	}
	return damage, nil
}

// entries reads a page. It reads flags only if the query has conditions on them.
func (h *accountSearch) entries(ctx context.Context, c *archive.Contents, mailbox *manifest.Mailbox, page manifest.Page) ([]manifest.Entry, error) {
	if h.query.ReadsFlags() {
		return c.Page(ctx, mailbox, page)
	}
	records, err := c.Records(ctx, page)
	if err != nil {
		return nil, fmt.Errorf("mailbox %q, %s: record page %s: %w", mailbox.Name, page, page.Records, err)
	}
	entries := make([]manifest.Entry, len(records))
	for i := range records {
		entries[i].Record = records[i]
	}
	return entries, nil
}

// yieldHits yields what was found in the account. It reports whether to go on.
func (h *accountSearch) yieldHits(ctx context.Context) bool {
	for _, span := range h.spans {
		for _, at := range span.hits {
			h.hits[at].oldest = max(h.hits[at].oldest, span.oldest)
		}
	}
	for from := 0; from < len(h.hits); {
		to := from + 1
		for to < len(h.hits) && h.hits[to].newest == h.hits[from].newest {
			to++
		}
		if !h.yieldManifest(ctx, h.hits[from:to]) {
			return false
		}
		from = to
	}
	return true
}

// yieldManifest yields the hits of one manifest, which is their newest. It reads their records again.
func (h *accountSearch) yieldManifest(ctx context.Context, found []hit) bool {
	head := h.heads[found[0].newest]
	c, err := h.reader.Open(ctx, head)
	if err != nil {
		return yieldError(ctx, h.yield, err)
	}
	uids, oldest := make(map[string]mail.UIDSet), make(map[messageKey]uint32)
	for _, s := range found {
		set := uids[s.mailbox]
		set.Add(s.uid)
		uids[s.mailbox], oldest[messageKey{s.mailbox, s.uid}] = set, s.oldest
	}
	for mailbox, err := range c.Mailboxes(ctx) {
		if err != nil {
			if !yieldError(ctx, h.yield, err) {
				return false
			}
			continue
		}
		for entry, err := range c.EntriesAt(ctx, mailbox, uids[mailbox.Raw]) {
			if err != nil {
				if !yieldError(ctx, h.yield, err) {
					return false
				}
				continue
			}
			first := h.heads[oldest[messageKey{mailbox.Raw, entry.UID}]]
			if !h.yield(&Hit{Match: Match{mailbox, entry}, Contents: c, First: first, Last: head}, nil) {
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
