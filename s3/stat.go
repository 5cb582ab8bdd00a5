package s3

import (
	"context"
	"net/http"

	"github.com/minio/minio-go/v7"
)

// stat returns the size and the headers of a version of an object. It asks by HEAD, whose answer
// has only a status. If HEAD is refused, it asks again by GET, whose answer has a text: it
// distinguishes a session that has ended or a wrong clock from a missing right, and a store that
// has no such object from a proxy that answers in its place.
func (s *Store) stat(ctx context.Context, of objectVersion) (minio.ObjectInfo, error) {
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
