package imapserver

import (
	"context"
	"iter"
	"runtime"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/serve/view"
)

// Sessions that read many messages take turns, a batch each, because they share the cache of one
// reader: each reads frames of some thousand messages, and if all read at once, each would displace
// what the others are about to use. With 20 clients in a mailbox of 100,000 messages, frames were
// decoded for nearly every message. A batch is in memory before it is sent, so a client that does
// not read keeps no turn. A few messages need no turn: somebody waits for them.
const (
	batchesAtOnce = 3
	fewMessages   = 4       // at most, without a turn
	batchMessages = 2048    // of a session that is alone
	batchBytes    = 2 << 20 // of bodies, and of answers
	sharedBatch   = 256     // messages, if others wait
)

// fromArchive answers with what must be read.
func (f *fetcher) fromArchive(ctx context.Context, wanted []interval) error {
	few := count(wanted) <= fewMessages
	for batch := range f.batches(wanted) {
		if i := batch[0].first; f.isLarge(i) {
			if err := f.stream(ctx, i); err != nil {
				return err
			}
			continue
		}
		for len(batch) > 0 {
			answers, rest, err := f.read(ctx, batch, few)
			if err == nil {
				err = f.send(ctx, answers)
			}
			if err != nil {
				return err
			}
			batch = rest
		}
	}
	return nil
}

// send sends answers.
func (f *fetcher) send(ctx context.Context, answers []answer) error {
	for _, a := range answers {
		if a.err != nil {
			if err := f.leaveOut(ctx, a.index, a.err); err != nil {
				return err
			}
		} else if _, err := f.out.Write(a.text); err != nil {
			return errGone
		}
	}
	return nil
}

// bodySize returns how much memory the bodies of a message take in its answer: a FETCH can name
// each several times.
func (f *fetcher) bodySize(i int) int64 {
	if f.from != ofBodies {
		return 0
	}
	return f.list.Size(i) * int64(f.bodies)
}

// isLarge reports whether a message is sent while it is read.
func (f *fetcher) isLarge(i int) bool { return f.bodySize(i) > heldBody }

// batches divides messages into batches. A large message has one of its own.
func (f *fetcher) batches(wanted []interval) iter.Seq[[]interval] {
	return func(yield func([]interval) bool) {
		var batch []interval
		messages, bytes := 0, int64(0)
		limit := batchMessages
		flush := func() bool {
			if len(f.server.turns) > 0 {
				limit = sharedBatch
			}
			full := batch
			batch, messages, bytes = nil, 0, 0
			return len(full) == 0 || yield(full)
		}
		for i := range indexes(wanted) {
			large := f.isLarge(i)
			if (large || messages >= limit || bytes > batchBytes) && !flush() {
				return
			}
			if last := len(batch) - 1; last >= 0 && batch[last].end == i {
				batch[last].end++
			} else {
				batch = append(batch, interval{i, i + 1})
			}
			messages++
			bytes += f.bodySize(i)
			if large && !flush() {
				return
			}
		}
		flush()
	}
}

// answer is the response for a message.
type answer struct {
	index int
	text  []byte
	err   error
}

// read returns the answers for a batch, and prepares several at once. If the answers are longer
// than expected, because headers or structures are, it returns those of the first messages, and the
// rest of the batch.
func (f *fetcher) read(ctx context.Context, batch []interval, few bool) (answers []answer, rest []interval, err error) {
	if !few {
		end, err := f.server.turns.Take(ctx)
		if err != nil {
			return nil, nil, err
		}
		defer end()
	}
	prepare := func(ctx context.Context, m view.Message) (a answer, err error) {
		defer f.server.rescue(&err)
		b, err := f.whole(ctx, m)
		return answer{m.Index, b, err}, ctx.Err()
	}
	length := 0
	for a, err := range inorder.Map(ctx, f.atOnce(), records(ctx, f.list, batch, f.from), prepare) {
		if err != nil {
			if ctx.Err() != nil || archive.UnlessDamage(err) != nil {
				return nil, nil, err
			}
			a = answer{index: batch[0].first, err: err}
		}
		answers = append(answers, a)
		if length += len(a.text); length > batchBytes {
			return answers, after(batch, a.index), nil
		}
	}
	return answers, nil, nil
}

// usualSections is how many sections clients ask for in one FETCH.
const usualSections = 8

// atOnce returns how many answers are prepared at once: fewer, if each names the header of its
// message again and again.
func (f *fetcher) atOnce() int {
	sections := 0
	for _, item := range f.items {
		if item.Name == "SECTION" {
			sections++
		}
	}
	return max(1, 4*runtime.GOMAXPROCS(0)*usualSections/max(sections, usualSections))
}

// stream sends a large message.
func (f *fetcher) stream(ctx context.Context, i int) error {
	for m, err := range f.list.Records(ctx, indexes([]interval{{i, i + 1}})) {
		if err == nil {
			if err = f.sendMessage(ctx, m); err == errGone {
				return err
			}
		}
		if err != nil {
			if err := f.leaveOut(ctx, i, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// records yields messages with their records, and reads ahead what will be needed of them.
func records(ctx context.Context, l *view.List, wanted []interval, from source) iter.Seq2[view.Message, error] {
	found := l.Records(ctx, indexes(wanted))
	if from <= ofRecords || count(wanted) <= fewMessages {
		return found
	}
	return l.Ahead(ctx, found,
		map[source]view.Extent{ofHeaders: view.Headers, ofTexts: view.Texts, ofBodies: view.Bodies}[from])
}

// leaveOut records that a message cannot be read. It returns an error that ends the command.
func (f *fetcher) leaveOut(ctx context.Context, i int, err error) error {
	if ctx.Err() != nil || archive.UnlessDamage(err) != nil {
		return err
	}
	if f.lost++; f.lost == 1 {
		f.first, f.reason = f.list.UID(i), err
		f.server.o.Log("UID %d of %s cannot be read: %v", f.first, printable(f.selected.mailbox.Name), err)
	}
	return nil
}
