package erase

import (
	"context"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Plan describes what is to be erased. Making it changes nothing.
type Plan struct {
	Account   string    // the account, or empty
	Messages  []Message // or messages, in the order in which they were requested
	Manifests int       // manifests that hold it, including forgotten ones that are not deleted yet
	Packs     int       // packs that hold any of it
	Shared    Shared
	Locked    time.Time // until when the store retains any of it by the present locks; zero if it does not, or does not say
	Unread    int       // pieces of the archive that cannot be read, and may hold it
	Damage    error     // why the first of these cannot be read

	repo    *repo.Repo
	erasure statement.Erasure
	packs   map[repo.Pack]struct{}
	names   []string // of manifests
}

// Message is a message that is to be erased from every mailbox of every account.
type Message struct {
	Hash   chunk.ID
	Size   int64
	Date   mail.Date  // INTERNALDATE in the first place
	Places []Location // at most placesAtMost
	More   int        // how many places there are besides
}

// Location is a place in which a message is in some manifest.
type Location struct {
	Account string
	Mailbox string
	UID     mail.UID
}

const placesAtMost = 20

// Shared counts what other mail also has, such as the same attachment. It is kept, because that
// mail needs it.
type Shared struct {
	Chunks  int
	Bytes   int64
	Example string // one of the messages that have it
}

// ErrNothing reports that the repository does not have the account or the message.
var ErrNothing = fmt.Errorf("there is nothing to erase: %w", archive.ErrNoMessage)

// PlanMessages plans to erase messages by their hashes, from all accounts.
func PlanMessages(ctx context.Context, r *repo.Repo, hashes []chunk.ID) (*Plan, error) {
	p := &Plan{repo: r, packs: make(map[repo.Pack]struct{})}
	wanted := make(map[chunk.ID]int)
	for _, hash := range hashes {
		if _, twice := wanted[hash]; !twice {
			wanted[hash] = len(p.Messages)
			p.Messages = append(p.Messages, Message{Hash: hash})
		}
	}
	mine := newChunks()
	parts := make([][]chunk.Prefix, len(p.Messages))
	var holders *archive.RecordFinder
	holders = archive.NewRecordFinder(r, func(place archive.RecordPlace, record *manifest.Record) (bool, error) {
		i, ok := wanted[record.Hash]
		if !ok {
			return false, nil
		}
		m := &p.Messages[i]
		m.see(place, record)
		ids, err := chunksOf(record, holders.Load(ctx))
		if err != nil {
			return true, err
		}
		mine.add(ids)
		for _, id := range ids {
			parts[i] = append(parts[i], id.Prefix())
		}
		return true, p.locate(ctx, ids)
	})
	holders.EachPlace = true
	if err := p.find(ctx, holders, func(head repo.Head) bool { return true }); err != nil {
		return nil, err
	}
	for i, m := range p.Messages {
		if len(m.Places) == 0 {
			err := fmt.Errorf("no manifest has a message with hash %x: %w", m.Hash[:], ErrNothing)
			if p.Unread > 0 {
				err = fmt.Errorf("%w; but %d tables or pages cannot be read: %w", err, p.Unread, p.Damage)
			}
			return nil, err
		}
		p.erasure.Messages = append(p.erasure.Messages, statement.ErasedMessage{Hash: m.Hash, Chunks: parts[i]})
	}
	err := p.share(ctx, mine, func(repo.Head) bool { return true }, func(hash chunk.ID) bool {
		_, ok := wanted[hash]
		return ok
	})
	return p, err
}

// PlanAccount plans to erase an account: all its manifests, and what only they need.
func PlanAccount(ctx context.Context, r *repo.Repo, account string) (*Plan, error) {
	dir := r.AccountDir(account)
	p := &Plan{
		Account: account, repo: r, packs: make(map[repo.Pack]struct{}),
		erasure: statement.Erasure{Accounts: []string{dir}},
	}
	mine := newChunks()
	var holders *archive.RecordFinder
	holders = archive.NewRecordFinder(r, func(_ archive.RecordPlace, record *manifest.Record) (bool, error) {
		ids, err := chunksOf(record, holders.Load(ctx))
		if err != nil {
			return true, err
		}
		mine.add(ids)
		return true, p.locate(ctx, ids)
	})
	if err := p.find(ctx, holders, func(head repo.Head) bool { return head.Account == dir }); err != nil {
		return nil, err
	}
	if p.Manifests == 0 {
		return nil, fmt.Errorf("account %s: %w", account, ErrNothing)
	}
	err := p.share(ctx, mine, func(head repo.Head) bool { return head.Account != dir }, func(chunk.ID) bool { return false })
	return p, err
}

func (m *Message) see(place archive.RecordPlace, record *manifest.Record) {
	m.Size = record.Size
	if len(m.Places) == 0 {
		m.Date = record.Internal
	}
	seen := Location{place.Account, place.Mailbox, record.UID}
	for _, known := range m.Places {
		if known == seen {
			return
		}
	}
	if len(m.Places) == placesAtMost {
		m.More++
		return
	}
	m.Places = append(m.Places, seen)
}

// find records the manifests that hold what is to be erased.
func (p *Plan) find(ctx context.Context, holders *archive.RecordFinder, among func(repo.Head) bool) error {
	for head, err := range p.repo.EveryManifest(ctx) {
		if err != nil {
			return err
		}
		if head.Erased || !among(head) {
			continue
		}
		unread, damage := holders.Unread, holders.Damage
		holds, err := holders.Holds(ctx, head)
		if err != nil {
			return err
		}
		if head.Marked { // parts of it may be deleted already
			holders.Unread, holders.Damage = unread, damage
		}
		if holds || len(p.erasure.Accounts) > 0 {
			p.Manifests++
			p.names = append(p.names, head.Name)
		}
	}
	p.Unread, p.Damage = holders.Unread, holders.Damage
	return nil
}

// locate records the packs that hold some chunks. A missing chunk needs no erasing.
func (p *Plan) locate(ctx context.Context, ids []chunk.ID) error {
	places, err := p.repo.Locate(ctx, ids)
	if err != nil && !archive.IsDamage(err) {
		return err
	}
	for _, place := range places {
		p.packs[place.Frame.Pack] = struct{}{}
	}
	return nil
}

// share counts what other mail, in the manifests that among selects, shares with what is to be
// erased. It also finds until when the store retains what is to be erased.
func (p *Plan) share(
	ctx context.Context, mine *chunks, among func(repo.Head) bool, erased func(hash chunk.ID) bool,
) error {
	mine.sort()
	var holders *archive.RecordFinder
	holders = archive.NewRecordFinder(p.repo, func(place archive.RecordPlace, record *manifest.Record) (bool, error) {
		if erased(record.Hash) {
			return false, nil
		}
		ids, err := chunksOf(record, holders.Load(ctx))
		if err != nil {
			return false, err
		}
		for _, id := range ids {
			if !mine.meets(id) {
				continue
			}
			if p.Shared.Chunks++; p.Shared.Example == "" {
				p.Shared.Example = fmt.Sprintf("%s, mailbox %q, UID %d", place.Account, place.Mailbox, record.UID)
			}
			places, err := p.repo.Locate(ctx, []chunk.ID{id})
			if err == nil {
				p.Shared.Bytes += int64(places[0].Length)
			} else if !archive.IsDamage(err) {
				return false, err
			}
		}
		return false, nil
	})
	for head, err := range p.repo.EveryManifest(ctx) {
		if err != nil {
			return err
		}
		if head.Marked || !among(head) {
			continue
		}
		if _, err := holders.Holds(ctx, head); err != nil {
			return err
		}
	}
	p.Packs = len(p.packs)
	return p.lock(ctx)
}

// lock finds out until when the store retains what is to be erased.
func (p *Plan) lock(ctx context.Context) (err error) {
	names := p.names
	for pack := range p.packs {
		names = append(names, pack.String())
	}
	p.Locked, err = p.repo.RetainedUntil(ctx, names)
	return err
}

// chunksOf returns the chunks of a message's parts, or none if its list of parts cannot be read.
func chunksOf(record *manifest.Record, load func(chunk.ID) ([]byte, error)) (ids []chunk.ID, err error) {
	parts, err := record.PartList(load)
	if err != nil {
		if archive.IsDamage(err) {
			err = nil
		}
		return nil, err
	}
	for _, part := range parts {
		ids = append(ids, part.Chunks...)
	}
	return ids, nil
}
