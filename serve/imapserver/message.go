package imapserver

import (
	"bytes"
	"context"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/layout"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail/entity"
	"github.com/mailstrata/mailstrata/serve/internal/recent"
	"github.com/mailstrata/mailstrata/serve/view"
)

// message reads what one FETCH needs of a message, each thing once.
type message struct {
	view.Message
	ctx      context.Context
	server   *Server
	contents *archive.Contents

	head   []byte // nil: not read
	places *layout.Layout
	parsed *tree
}

// message returns a message to read from.
func (f *fetcher) message(ctx context.Context, m view.Message) *message {
	return &message{Message: m, ctx: ctx, server: f.server, contents: f.list.Contents()}
}

// layout returns where the bytes of the message are.
func (m *message) layout() (l *layout.Layout, err error) {
	if m.places == nil {
		m.places, err = layout.Of(m.ctx, m.contents, m.Record)
	}
	return m.places, err
}

// The archive knows the header of all messages but those whose header is longer than
// mail.MaxHeader, or that have none. Of these, firstHeader bytes are read to find it, then ever
// more. A header of maxHeader bytes is refused.
const (
	firstHeader = 1 << 20
	maxHeader   = 32 << 20
)

// header returns the header of the message, with the empty line that ends it.
func (m *message) header() ([]byte, error) {
	if m.head != nil {
		return m.head, nil
	}
	text, err := m.contents.Header(m.ctx, m.Record)
	if err != nil {
		return nil, err
	}
	if text == nil && m.Record.Size > 0 {
		if text, err = m.findHeader(); err != nil {
			return nil, err
		}
	}
	m.head = notNil(entity.Parse(text).Header.Of(text))
	return m.head, nil
}

// findHeader returns as much of the message as has its header, or all of it.
func (m *message) findHeader() ([]byte, error) {
	l, err := m.layout()
	if err != nil {
		return nil, err
	}
	for size := int64(firstHeader); ; size *= 2 {
		text, err := m.beginning(l, min(size, m.Record.Size))
		if err != nil || int64(len(text)) == m.Record.Size || entity.Parse(text).Header.Length < len(text) {
			return text, err
		}
		if size >= maxHeader {
			return nil, &no{"[LIMIT] The header of a message is longer than 32 MiB"}
		}
	}
}

// beginning returns the first bytes of the message.
func (m *message) beginning(l *layout.Layout, size int64) ([]byte, error) {
	if size > largeText {
		end, err := m.server.large.Take(m.ctx)
		if err != nil {
			return nil, err
		}
		defer end()
	}
	var b bytes.Buffer
	err := l.WriteRange(m.ctx, &b, 0, size)
	return b.Bytes(), err
}

// tree is the structure of a message.
type tree struct {
	root     *entity.Entity
	skeleton *layout.Skeleton
}

// Limits of what is parsed of a message. Only messages with megabytes of text are that large:
// attachments are left out.
const (
	maxSkeleton = 32 << 20 // beyond that, the message is as if it ended
	largeText   = 1 << 20  // one at a time is larger when it is parsed or searched, in all sessions (Server.large)
)

// tree returns the structure of the message.
func (m *message) tree() (*tree, error) {
	if m.parsed != nil {
		return m.parsed, nil
	}
	if m.parsed = m.server.trees.Get(m.Record.Hash); m.parsed != nil {
		return m.parsed, nil
	}
	l, err := m.layout()
	if err != nil {
		return nil, err
	}
	if l.SkeletonSize() > largeText {
		end, err := m.server.large.Take(m.ctx)
		if err != nil {
			return nil, err
		}
		defer end()
	}
	s, err := l.Skeleton(m.ctx, maxSkeleton)
	if err != nil {
		return nil, err
	}
	m.parsed = &tree{entity.Parse(s.Text), s}
	m.keep()
	return m.parsed, nil
}

// span returns where a range is in the message.
func (t *tree) span(r entity.Range) (offset, size int64) {
	offset = t.skeleton.Offset(r.Offset)
	return offset, t.skeleton.Offset(r.End()) - offset
}

// lines returns the number of line ends in a range.
func (t *tree) lines(r entity.Range) int64 {
	return int64(bytes.Count(r.Of(t.skeleton.Text), []byte("\n"))) + t.skeleton.Lines(r.Offset, r.End())
}

// treeCache keeps the structures of the last messages: a client that shows a message asks for one
// part after the other.
type treeCache = recent.Cache[chunk.ID, *tree]

const (
	keptTrees    = 32
	keptSkeleton = 128 << 10 // bytes of the largest that is kept
)

// keep keeps the structure of the message for other commands, unless it is large.
func (m *message) keep() {
	if len(m.parsed.skeleton.Text) <= keptSkeleton {
		m.server.trees.Put(m.Record.Hash, m.parsed, keptTrees)
	}
}
