package s3

import (
	"context"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
)

// SetPause makes retries come faster than a server would like.
func (o *Options) SetPause(d time.Duration) { o.pause = d }

// SetBrief bounds how long senseless answers are tried again.
func (o *Options) SetBrief(d time.Duration) { o.brief = d }

// SetWaitingAfter makes Waiting hear of trouble sooner.
func (o *Options) SetWaitingAfter(d time.Duration) { o.waitingAfter = d }

// Overwrite puts an object whatever there is under the name.
func (s *Store) Overwrite(ctx context.Context, name string, body io.Reader, size int64) error {
	_, err := s.client.Client.PutObject(ctx, s.Bucket, s.prefix+name, body, size, minio.PutObjectOptions{})
	return err
}
