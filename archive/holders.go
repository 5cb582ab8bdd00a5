package archive

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Holders finds manifests by the messages that they hold. What manifests share is read once.
type Holders struct {
	// Visit is called with each record that was not met before, and reports whether it is one of those looked for.
	Visit func(Place, *manifest.Record) (bool, error)

	// EachPlace has those that are looked for visited again in each account and mailbox whose record is the same.
	EachPlace bool

	repo     *repo.Repo
	reader   stacks
	known    map[chunk.Prefix]bool // tables, lists and record pages that were read: whether any record is looked for
	seen     map[placed]bool       // pieces with EachPlace that hold any, where they were met
	contents *Contents
	place    Place

	Unread int   // pieces that cannot be read
	Damage error // of the first of them
}

// Place is where a record was met first.
type Place struct {
	Head    repo.Head
	Account string
	Mailbox string // decoded name
}

// placed is a piece of a manifest, where it was met.
type placed struct {
	account, mailbox string
	piece            chunk.Prefix
}

// NewHolders returns Holders of a repository.
func NewHolders(r *repo.Repo, visit func(Place, *manifest.Record) (bool, error)) *Holders {
	return &Holders{Visit: visit, repo: r, reader: newStacks(r), known: make(map[chunk.Prefix]bool), seen: make(map[placed]bool)}
}

// Load reads a chunk of the repository.
func (h *Holders) Load(ctx context.Context) func(chunk.ID) ([]byte, error) {
	return func(id chunk.ID) ([]byte, error) { return h.reader.Chunk(ctx, id) }
}

// Holds reads a manifest and reports whether it has any record that is looked for. What cannot be read counts as having
// none, and is in Unread.
func (h *Holders) Holds(ctx context.Context, head repo.Head) (bool, error) {
	m, err := ReadManifest(ctx, h.repo, head)
	if err != nil {
		return false, h.damaged(ctx, err)
	}
	h.contents = NewContents(m, h.reader, h.repo.MessageHasher)
	h.place = Place{Head: head, Account: m.Account}
	holds, err := h.mailboxes(ctx, m.Mailboxes)
	if err != nil {
		return false, err
	}
	for _, id := range m.Tables {
		h.place.Mailbox = ""
		has, err := h.piece(ctx, id, func() (bool, error) {
			mailboxes, err := parsed(ctx, h.contents, id, manifest.ParseMailboxes)
			if err != nil {
				return false, h.damaged(ctx, fmt.Errorf("mailbox table %s: %w", id, err))
			}
			return h.mailboxes(ctx, mailboxes)
		})
		if err != nil {
			return false, err
		}
		holds = holds || has
	}
	return holds, nil
}

// HasPage reports whether a page that was read has a record that is looked for.
func (h *Holders) HasPage(page manifest.Page) bool { return h.known[page.Records.Prefix()] }

// damaged takes down what cannot be read, and returns an error of anything else.
func (h *Holders) damaged(ctx context.Context, err error) error {
	if ctx.Err() != nil || !IsDamage(err) {
		return err
	}
	if h.Unread++; h.Damage == nil {
		h.Damage = fmt.Errorf("%s: %w", h.place.Head.Name, err)
	}
	return nil
}

// piece reads something that manifests share, if it was not read before.
func (h *Holders) piece(ctx context.Context, id chunk.ID, read func() (bool, error)) (bool, error) {
	at := placed{h.place.Account, h.place.Mailbox, id.Prefix()}
	if holds, ok := h.known[at.piece]; ok && !(holds && h.EachPlace && !h.seen[at]) {
		return holds, nil
	}
	holds, err := read()
	if err == nil {
		h.known[at.piece] = holds
	}
	if err == nil && holds && h.EachPlace {
		h.seen[at] = true
	}
	return holds, err
}

func (h *Holders) mailboxes(ctx context.Context, mailboxes []manifest.Mailbox) (holds bool, err error) {
	for i := range mailboxes {
		m := &mailboxes[i]
		h.place.Mailbox = m.Name
		has, err := h.pages(ctx, m.Pages)
		if err != nil {
			return false, err
		}
		holds = holds || has
		for _, id := range m.Lists {
			has, err := h.piece(ctx, id, func() (bool, error) {
				pages, err := parsed(ctx, h.contents, id, manifest.ParsePageList)
				if err != nil {
					return false, h.damaged(ctx, fmt.Errorf("page list %s: %w", id, err))
				}
				return h.pages(ctx, pages)
			})
			if err != nil {
				return false, err
			}
			holds = holds || has
		}
	}
	return holds, nil
}

func (h *Holders) pages(ctx context.Context, pages []manifest.Page) (holds bool, err error) {
	var fresh []chunk.ID
	for _, page := range pages {
		if _, ok := h.known[page.Records.Prefix()]; !ok && len(fresh) < aheadPages {
			fresh = append(fresh, page.Records)
		}
	}
	if len(fresh) > 1 {
		h.contents.prefetchChunks(ctx, fresh)
	}
	for _, page := range pages {
		has, err := h.piece(ctx, page.Records, func() (bool, error) { return h.records(ctx, page.Records) })
		if err != nil {
			return false, err
		}
		holds = holds || has
	}
	return holds, nil
}

func (h *Holders) records(ctx context.Context, page chunk.ID) (holds bool, err error) {
	records, err := parsed(ctx, h.contents, page, manifest.ParseRecords)
	if err != nil {
		return false, h.damaged(ctx, fmt.Errorf("record page %s: %w", page, err))
	}
	for i := range records {
		has, err := h.Visit(h.place, &records[i])
		if err != nil {
			return false, err
		}
		holds = holds || has
	}
	return holds, nil
}
