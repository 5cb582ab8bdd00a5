package s3

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/minio/minio-go/v7"
)

// stat returns the size and the headers of a version of an object. If the answer does not have the
// size, because something on the way sends bodies in chunks, or says that it is 0, as some proxies
// do of every HEAD, stat reads one byte: the answer then has a Content-Range.
func (s *Store) stat(ctx context.Context, of objectVersion) (minio.ObjectInfo, error) {
	info, err := s.head(ctx, of)
	if err == nil && info.Size <= 0 {
		info.Size, err = s.size(ctx, of)
	}
	return info, err
}

// head asks for the headers of an object by HEAD, whose answer has only a status. If HEAD is
// refused, it asks again by GET, whose answer has a text: it distinguishes a session that has ended
// or a wrong clock from a missing right, and a store that has no such object from a proxy that
// answers in its place.
func (s *Store) head(ctx context.Context, of objectVersion) (minio.ObjectInfo, error) {
	info, err := s.client().StatObject(ctx, s.Bucket, of.key, of.options())
	refused := status(err)
	if refused < 300 || refused >= 500 || refused == http.StatusTooManyRequests {
		return info, err
	}
	stream, info, _, err := s.client().GetObject(ctx, s.Bucket, of.key, of.options())
	if err == nil {
		stream.Close() // its headers are enough
	}
	return info, err
}

// size returns the size of an object by the answer to a request for its first byte.
func (s *Store) size(ctx context.Context, of objectVersion) (int64, error) {
	options := of.options()
	options.Set("Range", rangeHeader(0, 1))
	stream, _, header, err := s.client().GetObject(ctx, s.Bucket, of.key, options)
	switch {
	case status(err) == http.StatusRequestedRangeNotSatisfiable:
		return 0, nil
	case err != nil:
		return 0, err
	}
	defer stream.Close()
	at, err := sent(header)
	if errors.Is(err, errUnsized) {
		// Some stores ignore the range if the object is empty.
		if n, ended := io.ReadFull(stream, make([]byte, 1)); n == 0 && ended == io.EOF {
			return 0, nil
		}
	}
	return at.size, err
}
