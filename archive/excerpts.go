package archive

import (
	"context"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Headers are a fifth of mail, and a listing or a search needs few of their fields. So this host
// keeps an excerpt of each frame of headers that it read (repo.Reader.KeepExcerpt): these fields,
// as they are in the headers. The next search then reads a tenth of the bytes, and opens, decodes
// and hashes no pack of mail.
//
//	excerpt = version *row
//	row     = the prefix of the ID of a header's only chunk (16 bytes), the length of its fields (a varint), its fields

// headerFields are the fields that HeaderFields returns.
var headerFields = []string{"From", "To", "Cc", "Bcc", "Subject", "Message-ID", "Content-Type", "Content-Disposition"}

const (
	// excerptVersion changes with headerFields, and with what header.Only takes for a field.
	// Another version is not used.
	excerptVersion = 2

	// excerptBytes bounds the excerpts that are in memory for a batch of headers. Further headers
	// are read from packs.
	excerptBytes = 16 << 20
)

// HeaderFields returns the fields of a header that commands search and show: From, To, Cc, Bcc,
// Subject, Message-ID, Content-Type and Content-Disposition, with or without the others. parts are
// those of the message.
func HeaderFields(ctx context.Context, chunks ChunkReader, parts []manifest.Part) ([]byte, error) {
	if len(parts) == 0 || parts[0].Kind != mail.HeaderPart {
		return nil, nil
	}
	ids := parts[0].Chunks
	r, _ := chunks.(*Reader)
	if r == nil || len(ids) > 1 {
		return joinChunks(ctx, chunks, ids)
	}
	if fields, known := r.excerpts.get(ids[0]); known {
		return fields, nil
	}
	text, err := r.Chunk(ctx, ids[0])
	if err == nil {
		r.excerpts.add(ids[0], text)
	}
	return text, err
}

// joinChunks reads chunks and joins them. The caller must not change the bytes.
func joinChunks(ctx context.Context, chunks ChunkReader, ids []chunk.ID) (text []byte, err error) {
	for _, id := range ids {
		data, err := chunks.Chunk(ctx, id)
		if err != nil {
			return nil, err
		}
		if len(ids) == 1 {
			return data, nil
		}
		text = append(text, data...)
	}
	return text, nil
}

// excerptSet is the excerpts of a Reader that are in memory: those of the batches of headers that
// are being yielded.
type excerptSet struct {
	mu      sync.Mutex
	batches []*excerptBatch
}

func (s *excerptSet) get(id chunk.ID) (fields []byte, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.batches {
		if fields, known = b.fields[id.Prefix()]; known {
			return fields, true
		}
	}
	return nil, false
}

// add adds the fields of a header that was read to the excerpt of its frame, if the header is in a
// batch.
func (s *excerptSet) add(id chunk.ID, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.batches {
		frame, wanted := b.unread[id.Prefix()]
		if !wanted {
			continue
		}
		delete(b.unread, id.Prefix())
		b.excerpts[frame] = appendRow(b.excerpts[frame], id.Prefix(), header.Only(text, headerFields...))
		b.changed[frame] = true
	}
}

// excerptBatch is the excerpts for a batch of headers.
type excerptBatch struct {
	reader   *Reader
	fields   map[chunk.Prefix][]byte     // those of excerpts
	unread   map[chunk.Prefix]repo.Frame // headers that are not in an excerpt
	excerpts map[repo.Frame][]byte       // of the frames of unread
	changed  map[repo.Frame]bool         // excerpts that have new rows
	size     int
}

// begin reads the excerpts that have all headers of a batch that are in their frames. It returns
// the batch. For headers that are known then, it removes the frame from places. alone are the
// headers that have one chunk.
func (s *excerptSet) begin(
	r *Reader, ids []chunk.ID, places []repo.Location, alone map[chunk.Prefix]bool,
) *excerptBatch {
	b := &excerptBatch{
		reader: r, fields: make(map[chunk.Prefix][]byte), unread: make(map[chunk.Prefix]repo.Frame),
		excerpts: make(map[repo.Frame][]byte), changed: make(map[repo.Frame]bool),
	}
	inFrame := make(map[repo.Frame][]int)
	for i, id := range ids {
		if frame := places[i].Frame; alone[id.Prefix()] && frame != (repo.Frame{}) {
			inFrame[frame] = append(inFrame[frame], i)
		}
	}
	for frame, wanted := range inFrame {
		b.read(frame, ids, places, wanted)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, b)
	return b
}

// read reads the excerpt of a frame. wanted are the headers in it.
func (b *excerptBatch) read(frame repo.Frame, ids []chunk.ID, places []repo.Location, wanted []int) {
	var excerpt []byte
	if b.size < excerptBytes {
		excerpt, _ = b.reader.Excerpt(frame)
		b.size += len(excerpt)
	}
	if !parseExcerpt(b.fields, excerpt) {
		excerpt = nil
	}
	complete := true
	for _, i := range wanted {
		if _, known := b.fields[ids[i].Prefix()]; !known {
			complete = false
			b.unread[ids[i].Prefix()] = frame
			b.excerpts[frame] = excerpt
		}
	}
	for _, i := range wanted {
		if complete {
			places[i] = repo.Location{}
		}
	}
}

// end keeps what was added, and forgets the batch.
func (s *excerptSet) end(b *excerptBatch) {
	s.mu.Lock()
	s.batches = slices.DeleteFunc(s.batches, func(other *excerptBatch) bool { return other == b })
	s.mu.Unlock()
	for frame := range b.changed {
		b.reader.KeepExcerpt(frame, b.excerpts[frame])
	}
}

// appendRow appends a row to an excerpt.
func appendRow(excerpt []byte, id chunk.Prefix, fields []byte) []byte {
	if len(excerpt) == 0 {
		excerpt = []byte{excerptVersion}
	}
	excerpt = append(excerpt, id[:]...)
	excerpt = binary.AppendUvarint(excerpt, uint64(len(fields)))
	return append(excerpt, fields...)
}

// parseExcerpt adds the rows of an excerpt to a map. It reports whether it understands the excerpt.
func parseExcerpt(fields map[chunk.Prefix][]byte, excerpt []byte) bool {
	if len(excerpt) == 0 || excerpt[0] != excerptVersion {
		return false
	}
	for rest := excerpt[1:]; len(rest) > 0; {
		var id chunk.Prefix
		rest = rest[copy(id[:], rest):]
		length, n := binary.Uvarint(rest)
		if n <= 0 || length > uint64(len(rest)-n) {
			return false
		}
		fields[id] = rest[n:][:length:length]
		rest = rest[n+int(length):]
	}
	return true
}
