package backup

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// A message that was moved or copied need not be downloaded again. Its id nominates an archived one; that it is this one
// is shown by its size, its date, and stretches of it: the header, chunk by chunk, and where the id can name two bodies,
// what the probe is made of. All that is compared are hashes, so no archived mail is read: a writer's host could not, and
// it would cost more than the download.

// proof is a message on the server beside the archived one that it may be.
type proof struct {
	message mail.Message
	record  *manifest.Record
	header  []chunk.ID // of the archived header

	headerSize int64
	sameHeader bool
	probe      [2][]byte // what came of the two stretches, if a probe is wanted
}

// byID finds, among messages that a mailbox has anew, those that are archived already, and gives their entries by UID.
// What it does not find, for whatever reason, is to be downloaded.
func (r *reading) byID(ctx context.Context, seat *seat, messages []mail.Message) (map[mail.UID]manifest.Entry, error) {
	if r.anew {
		return nil, nil
	}
	nominated, err := r.walk.nominees.find(ctx, messages)
	if err != nil || len(nominated) == 0 {
		return nil, err
	}
	proofs := make(map[mail.UID]*proof, len(nominated))
	var wanted []Stretch
	for _, message := range messages {
		record := nominated[message.UID]
		if record == nil || !mayBe(message, record) {
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
	if err := r.fetchStretches(ctx, seat, wanted, proofs); err != nil {
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

// mayBe reports whether nothing that the server tells of a message contradicts that it is the archived one. The zone of
// its date may differ: it is the server's, and in summer another than in winter.
func mayBe(message mail.Message, was *manifest.Record) bool {
	size := was.Size
	if was.Hint > 0 {
		size = was.Hint
	}
	return message.Size == size && sameID(message.IDs, was.IDs) &&
		message.Internal.Seconds == was.Internal.Seconds && message.Internal.Raw == was.Internal.Raw
}

// proof prepares to compare a message with the archived one; nil where that cannot be done, or would cost more than half
// of the download.
func (r *reading) proof(ctx context.Context, message mail.Message, record *manifest.Record) (*proof, error) {
	p := &proof{message: message, record: record}
	if p.wantsProbe() && record.Probe == (chunk.Prefix{}) {
		return nil, nil
	}
	parts, err := record.PartList(r.walk.load(ctx))
	if err == nil && len(parts) > 0 && parts[0].Kind == mail.HeaderPart {
		p.header = parts[0].Chunks
		err = p.measure(ctx, r.walk.repo)
	}
	if err != nil && !archive.IsDamage(err) {
		return nil, err
	}
	cost := p.headerSize
	if p.wantsProbe() {
		cost += 2 * manifest.ProbeBytes
	}
	if p.headerSize == 0 || cost > record.Size/2 {
		return nil, nil
	}
	return p, nil
}

// measure finds out how long the archived header is. The index tells.
func (p *proof) measure(ctx context.Context, r *repo.Repo) error {
	places, err := r.Locate(ctx, p.header)
	for _, at := range places {
		p.headerSize += int64(at.Length)
	}
	return err
}

func (p *proof) wantsProbe() bool { return archive.CanNameTwo(p.message.IDs) }

// stretches are those that are to be compared, in the order of the message.
func (p *proof) stretches() []Stretch {
	uid := p.message.UID
	wanted := []Stretch{{uid, 0, p.headerSize}}
	if p.wantsProbe() {
		middle, end := manifest.ProbeOffsets(p.record.Size)
		wanted = append(wanted, Stretch{uid, middle, manifest.ProbeBytes}, Stretch{uid, end, manifest.ProbeBytes})
	}
	return wanted
}

// fetchStretches gets what the proofs want. A server that refuses, or hangs up, has proven nothing, and is not asked
// again: the download has more patience.
func (r *reading) fetchStretches(ctx context.Context, seat *seat, wanted []Stretch, proofs map[mail.UID]*proof) error {
	if len(wanted) == 0 {
		return nil
	}
	view, err := seat.open(ctx)
	if err != nil {
		return err
	}
	hasher := r.walk.repo.ChunkKey().New()
	err = view.Stretches(ctx, wanted, func(s Stretch, data []byte) error {
		if p := proofs[s.UID]; int64(len(data)) == s.Length {
			return p.take(s, data, r.walk.repo.Cutter(), hasher)
		}
		return nil
	})
	switch {
	case errors.Is(err, archive.ErrTemporary):
		seat.leave()
		return nil
	case errors.Is(err, archive.ErrRefused):
		return nil
	}
	return err
}

// take compares a header as soon as it comes, for it can be long; what the probe is made of is kept until all is there.
func (p *proof) take(s Stretch, data []byte, cutter *chunk.Cutter, hasher *chunk.Hasher) error {
	switch at := slices.Index(p.stretches(), s); at {
	case 0:
		var ids []chunk.ID
		err := cutter.Cut(bytes.NewReader(data), func(data []byte) error {
			ids = append(ids, hasher.ID(data))
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
	if !p.sameHeader || !p.wantsProbe() {
		return p.sameHeader
	}
	if p.probe[0] == nil || p.probe[1] == nil {
		return false
	}
	return hasher.ID(slices.Concat(p.probe[0], p.probe[1])).Prefix() == p.record.Probe
}

// entry is the message's: its content as it is archived, and all else as the server tells it now.
func (p *proof) entry() manifest.Entry {
	was := p.record
	entry := record(p.message, archive.Filed{Size: was.Size, Hash: was.Hash, Parts: was.Parts, List: was.List, Probe: was.Probe})
	entry.ByID = true
	return entry
}
