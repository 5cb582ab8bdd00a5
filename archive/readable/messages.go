package readable

import (
	"context"
	"iter"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mail/entity"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

const (
	firstItems  = 32 // of the first window: a caller may want few
	windowItems = 512
	batchBytes  = 8 << 20 // of text

	// MaxText is how much is read of the header and the text parts of one message. A mail of that
	// size is a log or a dump.
	MaxText = 24 << 20

	// MaxBody is how much is read of a text in base64, decoded. Any other body that is larger is
	// not read: a program cannot open a part of a document.
	MaxBody = 16 << 20
)

// Options say what to read.
type Options[T any] struct {
	Chunks archive.ChunkReader
	Record func(T) *manifest.Record  // the message of an item; nil: nothing is read for it
	Wants  func(*entity.Entity) bool // whether a body in base64 is read; nil: every one is
	Sizes  bool                      // say how large the bodies are that are left out
}

// Message is what was read for an item.
type Message[T any] struct {
	Item T
	Raw  []byte // the message; the bodies that are left out are empty. nil: the item has no record
	Left []Body // the bodies that are left out
	Cut  bool   // Raw lacks what is beyond MaxText, or what is beyond MaxBody of a text
	Err  error  // why it cannot be read: damage
}

// Body is a body in base64 that is left out.
type Body struct {
	Offset int            // where it would begin in Raw
	Part   *manifest.Part // has its bytes, decoded
	Size   int64          // of these, if Options.Sizes
}

// Messages yields what it reads for each item, in their order. It yields an error of the sequence
// in its turn. An error of reading that is not damage is the last.
func Messages[T any](ctx context.Context, o Options[T], items iter.Seq2[T, error]) iter.Seq2[Message[T], error] {
	return func(yield func(Message[T], error) bool) {
		r := &reader[T]{Options: o, ctx: ctx, yield: yield}
		size := firstItems
		for item, err := range items {
			if r.window = append(r.window, entry[T]{Message: Message[T]{Item: item}, failed: err}); len(r.window) < size {
				continue
			}
			size = min(2*size, windowItems)
			if !r.flush() {
				return
			}
		}
		r.flush()
	}
}

// entry is an item on its way.
type entry[T any] struct {
	Message[T]
	failed error // of the sequence
	parts  []manifest.Part
	text   []chunk.ID // of the header and the text parts
	at     []repo.Location
	bodies []*base64Part
}

// base64Part is a part of the message that is in base64.
type base64Part struct {
	part   *manifest.Part
	offset int // in the skeleton
	wanted bool
	isText bool
	at     []repo.Location
}

type reader[T any] struct {
	Options[T]
	ctx    context.Context
	yield  func(Message[T], error) bool
	window []entry[T]
}

// flush reads and yields the messages of the window. It reports whether to go on.
func (r *reader[T]) flush() bool {
	if err := r.findParts(); err != nil {
		r.yield(Message[T]{}, err)
		return false
	}
	for rest := r.window; len(rest) > 0; {
		n, size := 0, int64(0)
		for n < len(rest) && size < batchBytes {
			size += rest[n].textSize()
			n++
		}
		if !r.batch(rest[:n]) {
			return false
		}
		rest = rest[n:]
	}
	clear(r.window)
	r.window = r.window[:0]
	return true
}

// findParts finds the parts of the messages of the window, and where their text is.
func (r *reader[T]) findParts() error {
	var lists, text []chunk.ID
	for i := range r.window {
		if record := r.record(&r.window[i]); record != nil && !record.List.IsZero() {
			lists = append(lists, record.List)
		}
	}
	archive.PrefetchAt(r.ctx, r.Chunks, archive.Locations(r.ctx, r.Chunks, lists))
	for i := range r.window {
		e := &r.window[i]
		record := r.record(e)
		if record == nil {
			continue
		}
		var err error
		if e.parts, err = record.PartList(r.load); err != nil {
			if err := r.damaged(e, err); err != nil {
				return err
			}
		}
		for p := range e.parts {
			if e.parts[p].Kind != mail.Base64Part {
				e.text = append(e.text, e.parts[p].Chunks...)
			}
		}
		text = append(text, e.text...)
	}
	places := archive.Locations(r.ctx, r.Chunks, text)
	for i := range r.window {
		e := &r.window[i]
		e.at, places = places[:len(e.text)], places[len(e.text):]
	}
	return nil
}

// record returns the record of an entry that can be read, or nil.
func (r *reader[T]) record(e *entry[T]) *manifest.Record {
	if e.failed != nil || e.Err != nil {
		return nil
	}
	return r.Record(e.Item)
}

func (r *reader[T]) load(id chunk.ID) ([]byte, error) { return r.Chunks.Chunk(r.ctx, id) }

// damaged records damage, and returns any other error.
func (r *reader[T]) damaged(e *entry[T], err error) error {
	switch {
	case r.ctx.Err() != nil:
		return context.Cause(r.ctx)
	case !archive.IsDamage(err):
		return err
	}
	e.Err, e.Raw = err, nil
	return nil
}

// textSize returns the bytes of the text of a message.
func (e *entry[T]) textSize() (size int64) {
	for i := range e.at {
		size += int64(e.at[i].Length)
	}
	return min(size, MaxText)
}

// batch reads and yields some messages. It reports whether to go on.
func (r *reader[T]) batch(entries []entry[T]) bool {
	err := r.read(entries)
	for i := range entries {
		e := &entries[i]
		if err != nil {
			r.yield(Message[T]{}, err)
			return false
		}
		if e.Err == nil && e.failed == nil {
			err = r.join(e)
		}
		if err == nil && !r.yield(e.Message, e.failed) {
			return false
		}
		entries[i] = entry[T]{}
	}
	if err != nil {
		r.yield(Message[T]{}, err)
	}
	return err == nil
}

// read reads the skeletons of messages, and fetches the bodies that are wanted.
func (r *reader[T]) read(entries []entry[T]) error {
	var places []repo.Location
	for i := range entries {
		places = append(places, entries[i].at...)
	}
	archive.PrefetchAt(r.ctx, r.Chunks, places)
	var located []*base64Part
	var ids []chunk.ID
	for i := range entries {
		e := &entries[i]
		if r.record(e) == nil {
			continue
		}
		if err := r.skeleton(e); err != nil {
			if err := r.damaged(e, err); err != nil {
				return err
			}
		}
		for _, b := range e.bodies {
			if b.wanted || r.Sizes {
				located, ids = append(located, b), append(ids, b.part.Chunks...)
			}
		}
	}
	places = archive.Locations(r.ctx, r.Chunks, ids)
	var wanted []repo.Location
	for _, b := range located {
		b.at, places = places[:len(b.part.Chunks)], places[len(b.part.Chunks):]
		b.wanted = b.wanted && (b.isText || b.size() <= MaxBody)
		wanted = append(wanted, b.at[:b.readable()]...)
	}
	archive.PrefetchAt(r.ctx, r.Chunks, wanted)
	return nil
}
