package textindex

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/readable"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/fulltext"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail/entity"
	"github.com/mailstrata/mailstrata/mail/extract"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// wordsOf returns the words of a message, as an index and a search without one see them.
func wordsOf(ctx context.Context, raw []byte, documents extract.Documents) words.Fields {
	return fieldsOf(extract.Message(ctx, raw, documents))
}

func fieldsOf(text *extract.Text) words.Fields {
	f := words.Fields{From: text.From, To: text.To, Subject: text.Subject, Body: text.Body}
	for i := range text.Attachments {
		a := &text.Attachments[i]
		f.Attachments = append(f.Attachments, a.Name+"\n"+a.Text)
	}
	return f
}

// Matcher matches messages without an index. It implements search.MessageMatcher.
type Matcher struct {
	Query     *words.Query
	Documents extract.Documents // may be nil
	Read      func()            // called after each message; may be nil
}

// Wants implements search.MessageMatcher.
func (m *Matcher) Wants(e *entity.Entity) bool { return extract.Reads(e, m.Documents) }

// Match implements search.MessageMatcher.
func (m *Matcher) Match(ctx context.Context, raw []byte) (bool, error) {
	fields := wordsOf(ctx, raw, m.Documents)
	if m.Read != nil {
		m.Read()
	}
	return m.Query.Match(&fields), context.Cause(ctx)
}

// atOnce is how many messages are extracted at once. Each takes memory of several times its size.
func atOnce() int { return min(2*runtime.GOMAXPROCS(0), 8) }

// underWay is how many bytes the messages that are extracted at once have together. Many are small.
// Of the few that are large, two at once would take more memory than all else.
const underWay = 4 << 20

// extracted is a message with its words.
type extracted struct {
	record  *manifest.Record
	fields  words.Fields
	skipped []error // documents whose text cannot be read
	failed  error   // damage
}

// addMessages adds the messages of w.records.
func (b *bringing) addMessages(ctx context.Context, u *fulltext.Update, w *window) error {
	for x, err := range b.extract(ctx, w.records) {
		if err != nil {
			return err
		}
		if x.failed != nil {
			b.damaged(fmt.Errorf("message %s: %w", x.record.Hash, x.failed))
		}
		b.skip(x)
		stays := apply(nil, w.changes[x.record.Hash])
		b.state.noteDates(stays, dateOf(x.record))
		if err := u.Add(ctx, fulltext.Message{
			Hash: x.record.Hash, Date: dateOf(x.record), Fields: x.fields, Data: encodeStays(stays),
		}); err != nil {
			return err
		}
		if err := noteLack(ctx, u, &x); err != nil {
			return err
		}
		b.report.Messages++
		b.report.Bytes += x.record.Size
		if b.Progress != nil {
			b.Progress(b.report)
		}
	}
	return nil
}

// extract yields messages with their words, in the order in which they are in packs.
func (b *bringing) extract(ctx context.Context, messages map[chunk.ID]manifest.Record) iter.Seq2[extracted, error] {
	read := readable.Messages(ctx, readable.Options[*manifest.Record]{
		Chunks: b.reader, Record: func(r *manifest.Record) *manifest.Record { return r },
		Wants: func(e *entity.Entity) bool { return extract.Reads(e, b.Documents) },
	}, inorder.Slice(b.inOrder(ctx, messages)))
	extractOne := func(ctx context.Context, m readable.Message[*manifest.Record]) (extracted, error) {
		if m.Err != nil {
			return extracted{record: m.Item, failed: m.Err}, nil
		}
		text := extract.Message(ctx, m.Raw, b.Documents)
		return extracted{record: m.Item, fields: fieldsOf(text), skipped: skipped(text)}, nil
	}
	return func(yield func(extracted, error) bool) {
		for x, err := range inorder.MapWeighed(ctx, atOnce(), underWay, weight, read, extractOne) {
			if err == nil && ctx.Err() != nil {
				err = context.Cause(ctx) // what is extracted then is not all there
			}
			if !yield(x, err) || err != nil {
				return
			}
		}
	}
}

// weight returns what counts against underWay. The text of a small document can be as large as any.
func weight(m readable.Message[*manifest.Record]) int64 {
	return int64(len(m.Raw))
}

// skipped returns an error for each document of a message whose text cannot be read.
func skipped(text *extract.Text) (list []error) {
	for i := range text.Attachments {
		if a := &text.Attachments[i]; a.Err != nil {
			list = append(list, fmt.Errorf("attachment %q: %w", a.Name, a.Err))
		}
	}
	return list
}

// skip counts and reports the documents of a message whose text cannot be read.
func (b *bringing) skip(x extracted) {
	b.report.Documents += len(x.skipped)
	for _, err := range x.skipped {
		if b.Skipped != nil {
			b.Skipped(fmt.Errorf("message %s: %w", x.record.Hash, err))
		}
	}
}

// inOrder returns records in the order in which their messages are in packs.
func (b *bringing) inOrder(ctx context.Context, records map[chunk.ID]manifest.Record) []*manifest.Record {
	type placed struct {
		record *manifest.Record
		at     repo.Location
	}
	var list []placed
	var ids []chunk.ID
	for _, record := range records {
		list = append(list, placed{record: &record})
		ids = append(ids, firstChunk(&record))
	}
	for i, place := range archive.Locations(ctx, b.reader, ids) {
		list[i].at = place
	}
	slices.SortFunc(list, func(x, y placed) int {
		return cmp.Or(x.at.Frame.Compare(y.at.Frame), cmp.Compare(x.at.Offset, y.at.Offset),
			x.record.Hash.Compare(y.record.Hash))
	})
	sorted := make([]*manifest.Record, len(list))
	for i := range list {
		sorted[i] = list[i].record
	}
	return sorted
}

// firstChunk returns the chunk by which a message is placed: the first one after its header, or its
// part list.
func firstChunk(r *manifest.Record) chunk.ID {
	if len(r.Parts) == 0 {
		return r.List
	}
	part := r.Parts[min(1, len(r.Parts)-1)]
	return part.Chunks[0]
}
