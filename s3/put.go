package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/minio/minio-go/v7"
)

// Put implements store.Store.
func (s *Store) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	return s.PutRetained(ctx, name, body, size, store.Retention{})
}

// PutRetained implements store.Retainer. With a zero Retention it is Put.
func (s *Store) PutRetained(ctx context.Context, name string, body io.ReaderAt, size int64, keep store.Retention) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	u, err := s.measure(ctx, key, body, size)
	if err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	u.keep = keep
	return s.retry(ctx, "put "+name, func(try int) error {
		if try > 0 {
			// The previous attempt may have succeeded, with its answer lost.
			if err := s.compare(ctx, u); err == nil || errors.Is(err, store.ErrExist) {
				return err
			}
		}
		return s.putOnce(ctx, u)
	})
}

// upload is an object to put.
type upload struct {
	key    string
	body   io.ReaderAt
	size   int64
	md5    [md5.Size]byte
	keep   store.Retention
	sha256 string // hex; only if the Store is exposed: then the signature must cover the body
}

// measure reads the body once to compute its checksums, which are sent before it.
func (s *Store) measure(ctx context.Context, key string, body io.ReaderAt, size int64) (*upload, error) {
	u := &upload{key: key, body: body, size: size}
	sum, strong := md5.New(), sha256.New()
	to := io.Writer(sum)
	if s.exposed {
		to = io.MultiWriter(sum, strong)
	}
	src := u.reader(ctx)
	n, err := io.Copy(to, src)
	if err := errors.Join(src.failure(), err); err != nil {
		return nil, err
	}
	if n != size {
		return nil, fmt.Errorf("the body ends after %d bytes of %d: %w", n, size, io.ErrUnexpectedEOF)
	}
	sum.Sum(u.md5[:0])
	if s.exposed {
		u.sha256 = hex.EncodeToString(strong.Sum(nil))
	}
	return u, nil
}

// putOnce sends the object and verifies that the store keeps it as it was sent.
func (s *Store) putOnce(ctx context.Context, u *upload) error {
	var options minio.PutObjectOptions
	options.SetMatchETagExcept("*")
	options.DisableContentSha256 = true // sign the hash of the whole body, not pieces: every store accepts that
	options.ContentType = "application/octet-stream"
	if !u.keep.Until.IsZero() {
		options.Mode, options.RetainUntilDate = mode(u.keep.Compliance), u.keep.Until.UTC()
	}
	src := u.reader(ctx)
	info, err := s.client().PutObject(ctx, s.Bucket, u.key, src, u.size, base64.StdEncoding.EncodeToString(u.md5[:]), u.sha256, options)
	switch {
	case src.failure() != nil:
		return final(src.failure())
	case status(err) == http.StatusPreconditionFailed:
		return s.compare(ctx, u)
	case code(err) == minio.AccessDenied && options.Mode != "":
		return final(fmt.Errorf("%w: %s denies these credentials to put objects under retention: allow s3:PutObjectRetention, "+
			"which can lengthen a lock and not shorten it", store.ErrPermission, s.Endpoint))
	case err != nil:
		return err
	}
	return s.verify(ctx, u, info.ETag)
}

// compare reads the object under a name that cannot be put, or may have been put already. It returns nil if it is this
// object and ErrExist if it is another. Any other error means that the object could not be read.
func (s *Store) compare(ctx context.Context, u *upload) error {
	info, err := s.client().StatObject(ctx, s.Bucket, u.key, minio.StatObjectOptions{})
	if missing(err) {
		// Refused as taken, and missing: another PUT of it failed, or it was deleted just now. Neither lasts.
		return fmt.Errorf("%w: it answers both that the object is there and that it is missing", errImplausible)
	}
	if err != nil {
		return err
	}
	if info.Size != u.size {
		return fmt.Errorf("%w: there is an object of %d bytes, not these %d", store.ErrExist, info.Size, u.size)
	}
	if info.ETag == hex.EncodeToString(u.md5[:]) {
		return nil
	}
	// An ETag is the MD5 in most stores and cases, but not in all.
	equal, err := s.equal(ctx, u)
	if err == nil && !equal {
		err = fmt.Errorf("%w: there is an object of other bytes", store.ErrExist)
	}
	return err
}

// verify checks that the store keeps what was put. A store that follows the protocol has checked the MD5 and returns it
// as ETag. If the ETag is another, verify compares the size, and then the bytes.
func (s *Store) verify(ctx context.Context, u *upload, etag string) error {
	if etag == hex.EncodeToString(u.md5[:]) {
		return nil
	}
	info, err := s.client().StatObject(ctx, s.Bucket, u.key, minio.StatObjectOptions{})
	if err != nil {
		return err
	}
	damaged := final(fmt.Errorf("%s keeps other bytes than were sent: the object is damaged, and the store is not fit for archives", s.Endpoint))
	if info.Size != u.size {
		return damaged
	}
	if encrypted(info) { // its ETag is of the ciphertext
		return nil
	}
	equal, err := s.equal(ctx, u)
	if err == nil && !equal {
		err = damaged
	}
	return err
}

// encrypted reports whether the store encrypts the object in a way that changes the ETag.
func encrypted(info minio.ObjectInfo) bool {
	return strings.HasPrefix(info.Metadata.Get("X-Amz-Server-Side-Encryption"), "aws:kms") ||
		info.Metadata.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") != ""
}

// equal compares the bytes under a name with those of the object, which has the same size.
func (s *Store) equal(ctx context.Context, u *upload) (bool, error) {
	there, _, err := s.open(ctx, objectVersion{key: u.key}, 0, -1)
	if err != nil {
		return false, err
	}
	defer there.Close()
	src := u.reader(ctx)
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for left := u.size; left > 0; {
		n := min(left, int64(len(a)))
		if _, err := io.ReadFull(there, a[:n]); err != nil {
			return false, fmt.Errorf("compare with what is there: %w", err)
		}
		if _, err := io.ReadFull(src, b[:n]); err != nil {
			return false, final(err)
		}
		if !bytes.Equal(a[:n], b[:n]) {
			return false, nil
		}
		left -= n
	}
	return true, nil
}

// reader returns a reader of the body from its beginning.
func (u *upload) reader(ctx context.Context) *uploadReader {
	return &uploadReader{ctx: ctx, r: io.NewSectionReader(u.body, 0, u.size)}
}

// uploadReader reads a body. It remembers if reading the body failed, because then sending it again does not help.
// It is not seekable, so that the client library does not retry.
type uploadReader struct {
	ctx context.Context
	r   *io.SectionReader

	mu  sync.Mutex
	err error
}

func (r *uploadReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.err = err
	}
	return n, err
}

func (r *uploadReader) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}
