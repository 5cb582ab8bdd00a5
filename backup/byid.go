package backup

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// A message that was moved or copied need not be downloaded again. Its id, or its size and date, nominate an archived one.
// The proof is its size, its date, and stretches of it: the header, chunk by chunk, and, unless an id can name only one
// body, the bytes of the probe. Only hashes are compared, so no archived mail is read: a writer's host cannot, and it would
// cost more than the download.

// proof is a message on the server beside the archived one that it may be.
type proof struct {
	message mail.Message
	record  nominee
	header  []chunk.ID // of the archived header

	headerSize  int64
	openingSize int64 // bytes after the header to compare; 0 if none
	sameHeader  bool
	sameOpening bool
	probe       [2][]byte // the two stretches, as far as they came, if a probe is wanted
}

// byID finds, among messages that a mailbox has anew, those that are archived already, and gives their entries by UID.
// What it does not find, for whatever reason, is to be downloaded.
func (r *reading) byID(ctx context.Context, session *source.Session, messages []mail.Message) (map[mail.UID]manifest.Entry, error) {
	if r.anew {
		return nil, nil
	}
	nominated, err := r.walk.nominees.find(ctx, messages)
	if err == nil {
		nominated, err = r.nominateByUID(ctx, messages, nominated)
	}
	if err != nil || len(nominated) == 0 {
		return nil, err
	}
	proofs := make(map[mail.UID]*proof, len(nominated))
	var wanted []source.Range
	for _, message := range messages {
		record, ok := nominated[message.UID]
		if !ok || !mayBe(message, record) {
			continue
		}
		p, err := r.proof(ctx, message, record)
		if err != nil {
			return nil, err
		}
		if p != nil {
			proofs[message.UID] = p
			wanted = append(wanted, p.stretches()...)
		}
	}
	if err := r.fetchStretches(ctx, session, wanted, proofs); err != nil {
		return nil, err
	}
	hasher := r.walk.repo.MessageHasher()
	entries := make(map[mail.UID]manifest.Entry)
	for uid, p := range proofs {
		if p.holds(hasher) {
			entries[uid] = p.entry()
			r.walk.advanceByID()
		}
	}
	return entries, nil
}

// mayBe reports whether a message may be the archived one, by what the server says of it.
func mayBe(message mail.Message, was nominee) bool {
	if was.byFacts {
		return message.Size == was.ServerSize()
	}
	return message.Size == was.ServerSize() && sameID(message.IDs, was.IDs) && message.Internal.SameInstant(was.Internal)
}

// nominateByUID adds the records under the UIDs of messages: of those that have another date now, and, if the mailbox was
// read at another server, of those that nothing else nominates.
func (r *reading) nominateByUID(
	ctx context.Context, messages []mail.Message, nominated map[mail.UID]nominee,
) (map[mail.UID]nominee, error) {
	var wanted mail.UIDSet
	for _, message := range messages {
		_, known := nominated[message.UID]
		if message.Size >= manifest.MinProbed && (r.doubted.Contains(message.UID) || r.unproven && !known) {
			wanted.Add(message.UID)
		}
	}
	if wanted.Len() == 0 || r.former == nil {
		return nominated, nil
	}
	if nominated == nil {
		nominated = make(map[mail.UID]nominee)
	}
	pages, err := r.former.AllPages(r.walk.load(ctx))
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		first, last := page.Range()
		if wanted.In(mail.UIDRange{First: mail.UID(first), Last: mail.UID(last)}).Len() == 0 {
			continue
		}
		records, err := page.LoadRecords(r.walk.load(ctx))
		if err != nil {
			return nil, err
		}
		for i := range records {
			if wanted.Contains(records[i].UID) {
				nominated[records[i].UID] = nominee{&records[i], true}
			}
		}
	}
	return nominated, nil
}

// proof prepares to compare a message with the archived one. It returns nil if that is impossible or would cost too much of
// the download.
func (r *reading) proof(ctx context.Context, message mail.Message, record nominee) (*proof, error) {
	p := &proof{message: message, record: record}
	if p.wantsProbe() && record.Probe == (chunk.Prefix{}) {
		return nil, nil
	}
	parts, err := record.PartList(r.walk.load(ctx))
	if err == nil && len(parts) > 0 && parts[0].Kind == mail.HeaderPart {
		p.header = parts[0].Chunks
		var opening []chunk.ID
		if p.wantsOpening() && len(parts) > 1 {
			opening = parts[1].Chunks[:1]
		}
		err = p.measure(ctx, r.walk.repo, opening)
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

// worth is how many bytes a proof may cost. A proof without an id needs more, and an account that moved has no other way.
func (p *proof) worth() int64 {
	if p.record.byFacts {
		return p.record.Size / 4 * 3
	}
	return p.record.Size / 2
}

// measure finds the lengths of the archived header and of the opening in the index.
func (p *proof) measure(ctx context.Context, r *repo.Repo, opening []chunk.ID) error {
	places, err := r.Locate(ctx, p.header)
	for _, at := range places {
		p.headerSize += int64(at.Length)
	}
	if err != nil || len(opening) == 0 {
		return err
	}
	places, err = r.Locate(ctx, opening)
	for _, at := range places {
		p.openingSize = min(int64(at.Length), manifest.OpeningBytes)
	}
	return err
}

// wantsOpening reports whether the opening must fit, because no id nominated the message and its record has an opening.
func (p *proof) wantsOpening() bool { return p.record.byFacts && p.record.Opening != (chunk.Prefix{}) }

func (p *proof) wantsProbe() bool { return p.record.byFacts || archive.CanNameTwo(p.message.IDs) }

// stretches are those that are to be compared, in the order of the message.
func (p *proof) stretches() []source.Range {
	uid := p.message.UID
	wanted := []source.Range{{UID: uid, Length: p.headerSize + p.openingSize}}
	if p.wantsProbe() {
		middle, end := manifest.ProbeOffsets(p.record.Size)
		wanted = append(wanted, source.Range{UID: uid, Offset: middle, Length: manifest.ProbeBytes}, source.Range{UID: uid, Offset: end, Length: manifest.ProbeBytes})
	}
	return wanted
}

// fetchStretches gets what the proofs want. A server that refuses, hangs up, or sends too much, has proven nothing, and is not asked
// again: the download has more patience.
func (r *reading) fetchStretches(ctx context.Context, session *source.Session, wanted []source.Range, proofs map[mail.UID]*proof) error {
	if len(wanted) == 0 {
		return nil
	}
	view, err := session.Open(ctx)
	if err != nil {
		return err
	}
	chunks, messages := r.walk.repo.ChunkKey().New(), r.walk.repo.MessageHasher()
	err = view.Ranges(ctx, wanted, func(s source.Range, data []byte) error {
		if p := proofs[s.UID]; int64(len(data)) == s.Length {
			return p.take(s, data, r.walk.repo.Cutter(), chunks, messages)
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

// take compares a header as soon as it comes, for it can be long; what the probe is made of is kept until all is there.
func (p *proof) take(s source.Range, data []byte, cutter *chunk.Cutter, chunks, messages *chunk.Hasher) error {
	switch at := slices.Index(p.stretches(), s); at {
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

// holds reports whether all that was wanted came, and is as it is archived.
func (p *proof) holds(hasher *chunk.Hasher) bool {
	if !p.sameHeader || !p.sameOpening || !p.wantsProbe() {
		return p.sameHeader && p.sameOpening
	}
	if p.probe[0] == nil || p.probe[1] == nil {
		return false
	}
	return hasher.ID(slices.Concat(p.probe[0], p.probe[1])).Prefix() == p.record.Probe
}

// entry is the message's: its content as it is archived, and all else as the server tells it now.
func (p *proof) entry() manifest.Entry {
	was := p.record
	entry := record(p.message, archive.Filed{Size: was.Size, Hash: was.Hash, Parts: was.Parts, List: was.List, Probe: was.Probe, Opening: was.Opening})
	entry.ByID = true
	return entry
}
