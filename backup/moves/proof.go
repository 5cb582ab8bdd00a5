package moves

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/ingest"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// proof compares a message on the server with the archived message that it may be.
type proof struct {
	message mail.Message
	record  candidate
	header  []chunk.ID // of the archived message

	headerSize  int64
	openingSize int64 // bytes after the header to compare; 0 if none
	sameHeader  bool
	sameOpening bool
	probe       [2][]byte // the two ranges, once they have come
}

// Matcher finds messages of one mailbox that are archived already.
type Matcher struct {
	Index *Index
	Repo  *repo.Repo

	Candidates  *manifest.Mailbox // the mailbox as it is archived; its records under the same UIDs may match; nil: none
	Differing   mail.UIDSet       // messages that have another size or date than in Candidates
	OtherServer bool              // Candidates is from another server: all its records may match
}

// Match returns the archived content of messages, by UID. The caller downloads the messages that
// are not in the result.
func (m *Matcher) Match(
	ctx context.Context, session *source.Session, messages []mail.Message,
) (map[mail.UID]ingest.Stored, error) {
	candidates, err := m.Index.find(ctx, messages)
	if err == nil {
		candidates, err = m.addByUID(ctx, messages, candidates)
	}
	if err != nil || len(candidates) == 0 {
		return nil, err
	}
	proofs := make(map[mail.UID]*proof, len(candidates))
	var wanted []source.Range
	for _, message := range messages {
		record, ok := candidates[message.UID]
		if !ok || !mayBe(message, record) {
			continue
		}
		p, err := m.prepare(ctx, message, record)
		if err != nil {
			return nil, err
		}
		if p != nil {
			proofs[message.UID] = p
			wanted = append(wanted, p.ranges()...)
		}
	}
	if err := m.fetchRanges(ctx, session, wanted, proofs); err != nil {
		return nil, err
	}
	hasher := m.Repo.MessageHasher()
	matched := make(map[mail.UID]ingest.Stored)
	for uid, p := range proofs {
		if p.proves(hasher) {
			matched[uid] = p.content()
		}
	}
	return matched, nil
}

// mayBe reports whether the data that the server gives for a message is that of the archived one.
func mayBe(message mail.Message, was candidate) bool {
	if was.bySizeAndDate {
		return message.Size == was.ServerSize()
	}
	return message.Size == was.ServerSize() && sameID(message.IDs, was.IDs) &&
		message.Internal.SameInstant(was.Internal)
}

// addByUID adds the records under the UIDs of messages as candidates: for messages with another
// date than before, and, if the mailbox was read on another server, for those without another
// candidate.
func (m *Matcher) addByUID(
	ctx context.Context, messages []mail.Message, candidates map[mail.UID]candidate,
) (map[mail.UID]candidate, error) {
	var wanted mail.UIDSet
	for _, message := range messages {
		_, known := candidates[message.UID]
		if message.Size >= manifest.MinProbed && (m.Differing.Contains(message.UID) || m.OtherServer && !known) {
			wanted.Add(message.UID)
		}
	}
	if wanted.Len() == 0 || m.Candidates == nil {
		return candidates, nil
	}
	if candidates == nil {
		candidates = make(map[mail.UID]candidate)
	}
	pages, err := m.Candidates.AllPages(m.Index.load(ctx))
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		first, last := page.Range()
		if wanted.In(mail.UIDRange{First: mail.UID(first), Last: mail.UID(last)}).Len() == 0 {
			continue
		}
		records, err := page.LoadRecords(m.Index.load(ctx))
		if err != nil {
			return nil, err
		}
		for i := range records {
			if wanted.Contains(records[i].UID) {
				candidates[records[i].UID] = candidate{&records[i], true}
			}
		}
	}
	return candidates, nil
}

// prepare prepares to compare a message with an archived one. It returns nil if that is impossible,
// or would cost too much compared with the download.
func (m *Matcher) prepare(ctx context.Context, message mail.Message, record candidate) (*proof, error) {
	p := &proof{message: message, record: record}
	if p.wantsProbe() && record.Probe == (chunk.Prefix{}) {
		return nil, nil
	}
	parts, err := record.PartList(m.Index.load(ctx))
	if err == nil && len(parts) > 0 && parts[0].Kind == mail.HeaderPart {
		p.header = parts[0].Chunks
		var opening []chunk.ID
		if p.wantsOpening() && len(parts) > 1 {
			opening = parts[1].Chunks[:1]
		}
		err = p.measure(ctx, m.Repo, opening)
	}
	if err != nil && !archive.IsDamage(err) {
		return nil, err
	}
	cost := p.headerSize + p.openingSize
	if p.wantsProbe() {
		cost += 2 * manifest.ProbeBytes
	}
	if p.headerSize == 0 || p.wantsOpening() && p.openingSize == 0 || cost > p.worth() {
		return nil, nil
	}
	return p, nil
}

// worth returns how many bytes a proof may cost. Without an id a proof needs more, and an account
// that moved to another server has no other way.
func (p *proof) worth() int64 {
	if p.record.bySizeAndDate {
		return p.record.Size / 4 * 3
	}
	return p.record.Size / 2
}

// measure looks up the lengths of the archived header and of the opening.
func (p *proof) measure(ctx context.Context, r *repo.Repo, opening []chunk.ID) error {
	locations, err := r.Locate(ctx, p.header)
	for _, at := range locations {
		p.headerSize += int64(at.Length)
	}
	if err != nil || len(opening) == 0 {
		return err
	}
	locations, err = r.Locate(ctx, opening)
	for _, at := range locations {
		p.openingSize = min(int64(at.Length), manifest.OpeningBytes)
	}
	return err
}

// wantsOpening reports whether the opening must match: there is one, and no id names the message.
func (p *proof) wantsOpening() bool {
	return p.record.bySizeAndDate && p.record.Opening != (chunk.Prefix{})
}

func (p *proof) wantsProbe() bool { return p.record.bySizeAndDate || ingest.CanNameTwo(p.message.IDs) }

// ranges returns the ranges to compare, in the order of the message.
func (p *proof) ranges() []source.Range {
	uid := p.message.UID
	wanted := []source.Range{{UID: uid, Length: p.headerSize + p.openingSize}}
	if p.wantsProbe() {
		middle, end := manifest.ProbeOffsets(p.record.Size)
		for _, offset := range []int64{middle, end} {
			wanted = append(wanted, source.Range{UID: uid, Offset: offset, Length: manifest.ProbeBytes})
		}
	}
	return wanted
}

// fetchRanges fetches what the proofs need. If the server refuses, hangs up or sends too much,
// nothing is proven, and fetchRanges does not try again: the download does.
func (m *Matcher) fetchRanges(
	ctx context.Context, session *source.Session, wanted []source.Range, proofs map[mail.UID]*proof,
) error {
	if len(wanted) == 0 {
		return nil
	}
	view, err := session.Open(ctx)
	if err != nil {
		return err
	}
	chunks, messages := m.Repo.ChunkKey().New(), m.Repo.MessageHasher()
	err = view.Ranges(ctx, wanted, func(r source.Range, data []byte) error {
		if p := proofs[r.UID]; int64(len(data)) == r.Length {
			return p.compare(r, data, m.Repo.Cutter(), chunks, messages)
		}
		return nil
	})
	switch {
	case errors.Is(err, mail.ErrTemporary), errors.Is(err, mail.ErrFlood):
		session.Release()
		return nil
	case errors.Is(err, mail.ErrRefused):
		return nil
	}
	return err
}

// compare compares a header as soon as it comes, because it can be long. It keeps the ranges of the
// probe until both are there.
func (p *proof) compare(r source.Range, data []byte, cutter *chunk.Cutter, chunks, messages *chunk.Hasher) error {
	switch at := slices.Index(p.ranges(), r); at {
	case 0:
		p.sameOpening = p.openingSize == 0 || messages.ID(data[p.headerSize:]).Prefix() == p.record.Opening
		var ids []chunk.ID
		err := cutter.Cut(bytes.NewReader(data[:p.headerSize]), func(data []byte) error {
			ids = append(ids, chunks.ID(data))
			return nil
		})
		p.sameHeader = slices.Equal(ids, p.header)
		return err
	case 1, 2:
		p.probe[at-1] = bytes.Clone(data)
	}
	return nil
}

// proves reports whether everything came and equals the archive.
func (p *proof) proves(hasher *chunk.Hasher) bool {
	if !p.sameHeader || !p.sameOpening || !p.wantsProbe() {
		return p.sameHeader && p.sameOpening
	}
	if p.probe[0] == nil || p.probe[1] == nil {
		return false
	}
	return hasher.ID(slices.Concat(p.probe[0], p.probe[1])).Prefix() == p.record.Probe
}

// content returns the archived content.
func (p *proof) content() ingest.Stored {
	was := p.record
	return ingest.Stored{
		Size: was.Size, Hash: was.Hash, Parts: was.Parts, List: was.List, Probe: was.Probe, Opening: was.Opening,
	}
}
