package s3

import (
	"context"
	"errors"
	"io"
	"iter"
	"net"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/mailstrata/mailstrata/repo/store"
)

// SetPause sets the first pause before a retry, so that tests are fast.
func (o *Options) SetPause(d time.Duration) { o.pause = d }

// SetBrief sets how long implausible answers are retried.
func (o *Options) SetBrief(d time.Duration) { o.brief = d }

// SetWaitingAfter makes Waiting called sooner.
func (o *Options) SetWaitingAfter(d time.Duration) { o.waitingAfter = d }

// Expose makes the Store treat its endpoint as one that plain HTTP over a network reaches.
func (s *Store) Expose() { s.exposed, s.near = true, false }

// DialWith makes the Store connect by dial, and returns what closes the connections that it keeps.
func (s *Store) DialWith(dial func(ctx context.Context, network, address string) (net.Conn, error)) (closeIdle func()) {
	transport := newHTTP(dial, s.RootCAs, s.Spares)
	s.link.base = transport
	return transport.CloseIdleConnections
}

// PutCRC sends an object once, with a CRC-32C in base64.
func (s *Store) PutCRC(ctx context.Context, name, body, crc string) error {
	info, err := s.send(ctx, &upload{key: s.prefix + name, body: strings.NewReader(body), size: int64(len(body)), crc32c: crc})
	if err == nil && info.ChecksumCRC32C != crc {
		err = errors.New("the store did not confirm the checksum")
	}
	return err
}

// Overwrite puts an object even if the name is taken.
func (s *Store) Overwrite(ctx context.Context, name string, body io.Reader, size int64) error {
	_, err := s.client().Client.PutObject(ctx, s.Bucket, s.prefix+name, body, size, minio.PutObjectOptions{})
	return err
}

// ListParts lists what follows last in parts.
func (s *Store) ListParts(ctx context.Context, prefix, last string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		s.listParts(ctx, divide(s.prefix+prefix, s.prefix+last), "list", yield)
	}
}
