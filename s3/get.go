package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/mailstrata/mailstrata/repo/store"
)

// Get implements store.Store. The body is bound to ctx.
func (s *Store) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	return s.GetVersion(ctx, name, "", offset, length)
}

// GetVersion implements store.Versioned. Version "" is the newest.
func (s *Store) GetVersion(
	ctx context.Context, name, version string, offset, length int64,
) (io.ReadCloser, int64, error) {
	key, err := s.key(name)
	if err != nil {
		return nil, 0, err
	}
	from := objectVersion{key, version}
	var r *body
	err = s.retry(ctx, "get "+name, func(int) error {
		stream, at, err := s.open(ctx, from, offset, length)
		if err == nil {
			r = &body{ctx: ctx, store: s, from: from, name: name, stream: stream, extent: at}
		}
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return r, r.size, nil
}

// objectVersion names a version of an object.
type objectVersion struct {
	key     string
	version string // "": the newest
}

func (f objectVersion) options() minio.GetObjectOptions {
	return minio.GetObjectOptions{VersionID: f.version}
}

// extent is a range of an object of size bytes: from at up to end.
type extent struct {
	at, end, size int64
}

// open requests a range once. The range is as in store.Store.
func (s *Store) open(ctx context.Context, from objectVersion, offset, length int64) (io.ReadCloser, extent, error) {
	if length == 0 { // which no Range header can express
		return s.empty(ctx, from, offset, length)
	}
	options := from.options()
	part := rangeHeader(offset, length)
	if part == "" && s.unsized.Load() {
		part = "bytes=0-"
	}
	if part != "" {
		options.Set("Range", part)
	}
	stream, _, header, err := s.client().GetObject(ctx, s.Bucket, from.key, options)
	switch {
	case missing(err):
		return nil, extent{}, store.ErrNotExist
	case status(err) == http.StatusRequestedRangeNotSatisfiable:
		// A range after the last byte cannot be requested, nor any range of an empty object.
		return s.empty(ctx, from, offset, length)
	case err != nil:
		return nil, extent{}, err
	}
	at, err := answered(header, offset, length)
	if err == nil {
		return stream, at, nil
	}
	stream.Close()
	switch {
	case errors.Is(err, errUnsized) && part == "":
		s.unsized.Store(true)
		return s.open(ctx, from, offset, length)
	case errors.Is(err, errUnsized): // the object is empty, or the range was ignored
		return s.empty(ctx, from, offset, length)
	}
	return nil, extent{}, err
}

// empty returns the body of a range that should have no bytes.
func (s *Store) empty(ctx context.Context, from objectVersion, offset, length int64) (io.ReadCloser, extent, error) {
	info, err := s.stat(ctx, from)
	if missing(err) {
		return nil, extent{}, store.ErrNotExist
	}
	if err != nil {
		return nil, extent{}, err
	}
	at, err := within(info.Size, offset, length)
	if err == nil && at.at < at.end {
		err = fmt.Errorf("%s refuses a range that lies inside the object", s.Endpoint)
	}
	if err != nil {
		return nil, extent{}, err
	}
	return http.NoBody, at, nil
}

// rangeHeader returns the value of the header Range; "" means the whole object. If offset counts
// from the end, the header cannot give the length too: the reader stops early.
func rangeHeader(offset, length int64) string {
	switch {
	case offset == 0 && length < 0:
		return ""
	case offset < 0:
		return fmt.Sprintf("bytes=-%d", -max(offset, -math.MaxInt64))
	case length < 0 || length > math.MaxInt64-offset:
		return fmt.Sprintf("bytes=%d-", offset)
	}
	return fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)
}

// within returns the range within an object of size bytes, or ErrRange if it is not inside.
func within(size, offset, length int64) (extent, error) {
	at, n, err := store.Within(size, offset, length)
	return extent{at: at, end: at + n, size: size}, err
}

// errUnsized reports an answer with neither a Content-Range nor a Content-Length. The answer to a
// request for a range has a Content-Range, even if something on the way sends bodies in chunks.
var errUnsized = errors.New("the answer does not say how large the object is: something between this host and the store " +
	"removes Content-Length and Content-Range, or the store ignores ranges")

// sent returns which bytes of an object a response contains, by its headers.
func sent(header http.Header) (at extent, err error) {
	if content := header.Get("Content-Range"); content != "" {
		if _, err := fmt.Sscanf(content, "bytes %d-%d/%d", &at.at, &at.end, &at.size); err != nil {
			return extent{}, final(fmt.Errorf("the store answers with an invalid Content-Range %q", content))
		}
		at.end++ // the header has the last byte
		return at, nil
	}
	if _, err := fmt.Sscanf(header.Get("Content-Length"), "%d", &at.size); err != nil {
		return extent{}, final(errUnsized)
	}
	at.end = at.size
	return at, nil
}

// answered returns which of the requested bytes a response contains, and an error if it does not
// contain all of them.
func answered(header http.Header, offset, length int64) (extent, error) {
	got, err := sent(header)
	if err != nil {
		return extent{}, err
	}
	at, err := within(got.size, offset, length)
	if err != nil {
		return extent{}, err
	}
	if got.at != at.at || got.end < at.end {
		return extent{}, final(fmt.Errorf("the store answers with bytes %d to %d, where %d to %d were asked for",
			got.at, got.end-1, at.at, at.end-1))
	}
	return at, nil
}

// body reads a range of an object. If a stream ends early, it requests the rest.
type body struct {
	ctx    context.Context
	store  *Store
	from   objectVersion
	name   string
	stream io.ReadCloser // nil: it ended early
	extent
}

func (b *body) Read(p []byte) (int, error) {
	if b.at == b.end {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if b.stream != nil {
		if n, _ := b.take(p); n > 0 {
			return n, nil
		}
	}
	n := 0
	err := b.store.retry(b.ctx, "get "+b.name, func(int) (err error) {
		n, err = b.resume(p)
		return err
	})
	return n, err
}

// take reads from the stream. If that fails, it closes the stream and sets it to nil.
func (b *body) take(p []byte) (int, error) {
	n, err := b.stream.Read(p[:min(int64(len(p)), b.end-b.at)])
	b.at += int64(n)
	if err == io.EOF && b.at < b.end {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		b.stream.Close()
		b.stream = nil
	}
	return n, err
}

// resume requests the rest, and reads some of it.
func (b *body) resume(p []byte) (int, error) {
	stream, rest, err := b.store.open(b.ctx, b.from, b.at, b.end-b.at)
	if err != nil {
		return 0, err
	}
	if b.stream != nil {
		b.stream.Close() // it ended without data and without an error
	}
	b.stream = stream
	if rest.size != b.size {
		return 0, final(fmt.Errorf("the object had %d bytes, and now has %d", b.size, rest.size))
	}
	for {
		if n, err := b.take(p); n > 0 {
			return n, nil
		} else if err != nil {
			return 0, err
		}
	}
}

// Close ends the body. The rest of it is not fetched.
func (b *body) Close() error {
	b.at = b.end
	if b.stream == nil {
		return nil
	}
	err := b.stream.Close()
	b.stream = nil
	return err
}
