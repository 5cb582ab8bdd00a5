package archive

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Contents is an account as a manifest records it: mailboxes, their messages, and the bytes of
// these. Each method reads what it needs from the repository. All may be called from several
// goroutines at once.
//
// The iterators go on after an error. It is about the one table, list or page that it names, and
// the others can still be read. A caller that needs everything stops at the first error.
type Contents struct {
	Head     repo.Head
	Manifest *manifest.Manifest

	chunks  ChunkReader
	hasher  func() *chunk.Hasher
	joiners sync.Pool // of *joiner
}

// ChunkReader is the part of a repository that Contents reads.
type ChunkReader interface {
	// Chunk returns a chunk, which it has verified. The caller must not change it.
	Chunk(ctx context.Context, id chunk.ID) ([]byte, error)

	// Locate returns where chunks are stored. Prefetch reads the first n of the frames that will be
	// needed, as many as fit into the cache, with many requests at once. Drop forgets frames that
	// will not be needed again soon.
	Locate(ctx context.Context, ids []chunk.ID) ([]repo.Location, error)
	Prefetch(ctx context.Context, frames []repo.Frame) (n int, err error)
	Drop(frames []repo.Frame)
}

// Reader reads the manifests of a repository, and the chunks that they refer to. It is a
// ChunkReader.
type Reader struct {
	*repo.Reader
	repo     *repo.Repo
	excerpts excerptSet
}

// Locate implements ChunkReader.
func (r *Reader) Locate(ctx context.Context, ids []chunk.ID) ([]repo.Location, error) {
	return r.repo.Locate(ctx, ids)
}

// readerCache bounds the decoded frames that a Reader keeps. Copies of a message are stored far
// from their neighbors, where the first mailbox that had them was written, and a frame that does
// not fit is decoded again (docs/design/restoring.md has the figures).
const readerCache = 48 << 20

// NewReader returns a Reader of a repository. This host keeps what it reads of the catalog.
func NewReader(r *repo.Repo) *Reader {
	rd := &Reader{Reader: r.Reader(repo.ReaderOptions{CacheBytes: readerCache}), repo: r}
	rd.Keep(repo.KeptCatalog)
	return rd
}

// Open reads a manifest, so that what it holds can be listed and read.
func (r *Reader) Open(ctx context.Context, head repo.Head) (*Contents, error) {
	m, err := ReadManifest(ctx, r.repo, head)
	if err != nil {
		return nil, err
	}
	c := r.Contents(m)
	c.Head = head
	return c, nil
}

// Contents returns the contents of a manifest of the repository.
func (r *Reader) Contents(m *manifest.Manifest) *Contents {
	return NewContents(m, r, r.repo.MessageHasher)
}

// OpenManifest reads a manifest with a Reader of its own.
func OpenManifest(ctx context.Context, r *repo.Repo, head repo.Head) (*Contents, error) {
	return NewReader(r).Open(ctx, head)
}

// NewContents returns the contents of a manifest, whose chunks it reads from chunks. hasher returns
// hashers for messages.
func NewContents(m *manifest.Manifest, chunks ChunkReader, hasher func() *chunk.Hasher) *Contents {
	c := &Contents{Manifest: m, chunks: chunks, hasher: hasher}
	c.joiners.New = func() any { return &joiner{parts: mail.NewJoiner(nil), hasher: hasher()} }
	return c
}

// With returns the contents of another manifest of the same repository, read through the same
// reader.
func (c *Contents) With(m *manifest.Manifest) *Contents { return NewContents(m, c.chunks, c.hasher) }

// ShareReader makes c read through the reader of other if both are of one repository. The frames
// that the reader keeps decoded then serve both.
func (c *Contents) ShareReader(other *Contents) {
	x, ok := other.chunks.(*Reader)
	if y, is := c.chunks.(*Reader); ok && is && x != y && x.repo == y.repo {
		c.chunks = x
	}
}

// KeepMail makes this host keep what it reads of mail, too. It is for commands that people repeat,
// which read a part of the mail. It must be called before the first message is read.
func (c *Contents) KeepMail() {
	if r, ok := c.chunks.(*Reader); ok {
		r.Keep(repo.KeptMail)
	}
}

// MessageHasher returns a hasher for the message hashes in records.
func (c *Contents) MessageHasher() *chunk.Hasher { return c.hasher() }

// Chunks returns the reader through which c reads.
func (c *Contents) Chunks() ChunkReader { return c.chunks }

// Chunk returns a chunk, which is read-only.
func (c *Contents) Chunk(ctx context.Context, id chunk.ID) ([]byte, error) {
	return c.chunks.Chunk(ctx, id)
}

// Load returns a function that reads chunks, as package manifest takes it.
func (c *Contents) Load(ctx context.Context) func(chunk.ID) ([]byte, error) {
	return func(id chunk.ID) ([]byte, error) { return c.chunks.Chunk(ctx, id) }
}

// Mailboxes yields the mailboxes, ascending by raw name.
func (c *Contents) Mailboxes(ctx context.Context) iter.Seq2[*manifest.Mailbox, error] {
	return func(yield func(*manifest.Mailbox, error) bool) {
		for i := range c.Manifest.Mailboxes {
			if !yield(&c.Manifest.Mailboxes[i], nil) {
				return
			}
		}
		n := 0
		for id := range c.pieces(ctx, c.Manifest.Tables) {
			n++
			mailboxes, err := ReadPiece(ctx, c, id, manifest.ParseMailboxes)
			if err != nil {
				if !yield(nil, fmt.Errorf("mailbox table %d of %d: %w", n, len(c.Manifest.Tables), err)) {
					return
				}
				continue
			}
			for i := range mailboxes {
				if !yield(&mailboxes[i], nil) {
					return
				}
			}
		}
	}
}

// Server returns what the server said about itself. It fetches the tables with it, which a caller
// needs too. After an error the Server that it returns has what is known.
func (c *Contents) Server(ctx context.Context) (mail.Server, error) {
	if id := c.Manifest.ServerPart; !id.IsZero() {
		c.PrefetchChunks(ctx, slices.Concat([]chunk.ID{id}, c.Manifest.Tables, c.Manifest.Properties))
	}
	server, err := c.Manifest.AllServer(c.Load(ctx))
	if err != nil {
		err = fmt.Errorf("what the server says about itself: %w", err)
	}
	return server, err
}

// Properties returns the access rights and annotations of the mailboxes, ascending by raw name. It
// fetches the tables with them, which a caller needs too. After an error it returns those before
// it.
func (c *Contents) Properties(ctx context.Context) ([]manifest.Properties, error) {
	if len(c.Manifest.Properties) == 0 {
		return nil, nil
	}
	c.PrefetchChunks(ctx, slices.Concat(c.Manifest.Properties, c.Manifest.Tables))
	all, err := c.Manifest.AllProperties(c.Load(ctx))
	if err != nil {
		err = fmt.Errorf("access rights and annotations: %w", err)
	}
	return all, err
}

// Mailbox returns the mailbox with a name, decoded or raw. The case of INBOX does not matter (RFC
// 9051 section 5.1).
func (c *Contents) Mailbox(ctx context.Context, name string) (*manifest.Mailbox, error) {
	var unread error
	for mailbox, err := range c.Mailboxes(ctx) {
		if err != nil {
			unread = errors.Join(unread, err)
			continue
		}
		if mailbox.HasName(name) {
			return mailbox, nil
		}
	}
	if unread != nil {
		return nil, fmt.Errorf("mailbox %q is not among those that can be read: %w", name, unread)
	}
	return nil, fmt.Errorf("mailbox %q: %w in this manifest", name, mail.ErrNoMailbox)
}

// Locate returns where chunks are stored.
func (c *Contents) Locate(ctx context.Context, ids []chunk.ID) ([]repo.Location, error) {
	return c.chunks.Locate(ctx, ids)
}

// Prefetch reads the first n of the frames that will be needed, as many as fit into the cache, with
// many requests at once. If that fails, the error comes again when a chunk is read.
func (c *Contents) Prefetch(ctx context.Context, frames []repo.Frame) (n int) {
	n, _ = c.chunks.Prefetch(ctx, frames)
	return n
}

// Drop forgets frames that will not be needed again soon.
func (c *Contents) Drop(frames []repo.Frame) { c.chunks.Drop(frames) }

// PrefetchChunks prefetches the frames of chunks. If that fails, the error comes again when a chunk
// is read.
func (c *Contents) PrefetchChunks(ctx context.Context, ids []chunk.ID) { prefetch(ctx, c.chunks, ids) }
