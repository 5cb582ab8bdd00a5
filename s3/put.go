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
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/minio/minio-go/v7"

	"github.com/mailstrata/mailstrata/repo/store"
)

// Put implements store.Store.
func (s *Store) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	return s.PutRetained(ctx, name, body, size, store.Retention{})
}

// PutRetained implements store.Retainer. With a zero Retention it is Put.
func (s *Store) PutRetained(
	ctx context.Context, name string, body io.ReaderAt, size int64, keep store.Retention,
) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	u, err := s.measure(ctx, key, body, size, keep)
	if err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	return s.retry(ctx, "put "+name, func(try int) error {
		if try%2 == 1 {
			// The previous attempt may have succeeded, with its answer lost: a look spares another
			// upload. It takes two requests, so each second attempt does without. If each third
			// request fails, each PUT after a look would be one of these.
			if err := s.compare(ctx, u); err == nil || errors.Is(err, store.ErrExist) {
				return err
			}
		}
		return s.putOnce(ctx, u)
	})
}

// upload is an object to put.
type upload struct {
	key  string
	body io.ReaderAt
	size int64
	keep store.Retention

	// Its checksums, which are sent before it. The CRC takes the place of the MD5 if the Store is
	// near.
	crc32c string // base64; "" with an MD5
	md5    []byte // nil until it is needed
	sha256 string // hex; only if the Store is exposed: then the signature must cover the body
}

// measure reads the body once to compute its checksums.
func (s *Store) measure(
	ctx context.Context, key string, body io.ReaderAt, size int64, keep store.Retention,
) (*upload, error) {
	u := &upload{key: key, body: body, size: size, keep: keep}
	switch {
	case s.takesCRC(u):
		sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
		if err := u.copyTo(ctx, sum); err != nil {
			return nil, err
		}
		u.crc32c = base64.StdEncoding.EncodeToString(sum.Sum(nil))
		return u, nil
	case s.exposed:
		sum, strong := md5.New(), sha256.New()
		if err := u.copyTo(ctx, io.MultiWriter(sum, strong)); err != nil {
			return nil, err
		}
		u.md5, u.sha256 = sum.Sum(nil), hex.EncodeToString(strong.Sum(nil))
		return u, nil
	}
	_, err := u.sum(ctx)
	return u, err
}

// takesCRC reports whether the object is sent with a CRC-32C and without an MD5, which takes as
// much CPU as all else that is done to send a large object. Only stores on this host get it,
// because some others refuse requests with a checksum that they do not know. Object Lock requires
// an MD5 in some stores.
func (s *Store) takesCRC(u *upload) bool { return s.near && u.keep.Until.IsZero() && !s.noCRC.Load() }

// sum returns the MD5 of the body, and computes it if necessary.
func (u *upload) sum(ctx context.Context) ([]byte, error) {
	if u.md5 == nil {
		sum := md5.New()
		if err := u.copyTo(ctx, sum); err != nil {
			return nil, err
		}
		u.md5 = sum.Sum(nil)
	}
	return u.md5, nil
}

// has reports whether an ETag is the MD5 of the body.
func (u *upload) has(ctx context.Context, etag string) (bool, error) {
	sum, err := u.sum(ctx)
	if err != nil {
		return false, final(err)
	}
	return etag == hex.EncodeToString(sum), nil
}

// copyTo writes the body to a hash.
func (u *upload) copyTo(ctx context.Context, to io.Writer) error {
	src := u.reader(ctx)
	n, err := io.CopyBuffer(to, src, make([]byte, 128<<10))
	if err := errors.Join(src.failure(), err); err != nil {
		return err
	}
	if n != u.size {
		return fmt.Errorf("the body ends after %d bytes of %d: %w", n, u.size, io.ErrUnexpectedEOF)
	}
	return nil
}

// putOnce sends the object and verifies that the store keeps it as it was sent.
func (s *Store) putOnce(ctx context.Context, u *upload) error {
	info, err := s.send(ctx, u)
	if u.crc32c != "" && refusesChecksum(err) {
		s.noCRC.Store(true)
		u.crc32c = ""
		info, err = s.send(ctx, u)
	}
	switch {
	case status(err) == http.StatusPreconditionFailed:
		return s.compare(ctx, u)
	case code(err) == minio.AccessDenied && !u.keep.Until.IsZero():
		return final(fmt.Errorf("%w: %s denies these credentials to put objects under retention: allow s3:PutObjectRetention, "+
			"which can lengthen a lock and not shorten it", store.ErrPermission, s.Endpoint))
	case err != nil:
		return err
	case u.crc32c != "" && info.ChecksumCRC32C == u.crc32c:
		return nil
	case u.crc32c != "":
		s.noCRC.Store(true) // it did not look at the checksum
	}
	return s.verify(ctx, u, info.ETag)
}

// refusesChecksum reports whether a store may have refused a request because it does not know a
// checksum.
func refusesChecksum(err error) bool {
	refused := status(err)
	return refused == http.StatusNotImplemented ||
		refused == http.StatusBadRequest && code(err) != "AuthorizationHeaderMalformed" && !refusesKeys(err)
}

// send makes one PUT, with a CRC or an MD5. An error of reading the body is final.
func (s *Store) send(ctx context.Context, u *upload) (minio.UploadInfo, error) {
	var options minio.PutObjectOptions
	options.SetMatchETagExcept("*")
	options.DisableContentSha256 = true // sign the hash of the whole body, not pieces: every store accepts that
	options.ContentType = "application/octet-stream"
	if !u.keep.Until.IsZero() {
		options.Mode, options.RetainUntilDate = mode(u.keep.Compliance), u.keep.Until.UTC()
	}
	contentMD5 := ""
	if u.crc32c != "" {
		options.UserMetadata = map[string]string{"x-amz-checksum-crc32c": u.crc32c}
	} else {
		sum, err := u.sum(ctx)
		if err != nil {
			return minio.UploadInfo{}, final(err)
		}
		contentMD5 = base64.StdEncoding.EncodeToString(sum)
	}
	src := u.reader(ctx)
	info, err := s.client().PutObject(ctx, s.Bucket, u.key, src, u.size, contentMD5, u.sha256, options)
	if src.failure() != nil {
		return info, final(src.failure())
	}
	return info, err
}

// compare reads the object under a name that cannot be put, or may have been put already. It
// returns nil if it is this object and ErrExist if it is another. Any other error means that the
// object could not be read.
func (s *Store) compare(ctx context.Context, u *upload) error {
	info, err := s.stat(ctx, objectVersion{key: u.key})
	if missing(err) {
		// Refused as taken, and missing: another PUT of it failed, or it was deleted just now.
		// Neither lasts.
		return fmt.Errorf("%w: it answers both that the object is there and that it is missing", errImplausible)
	}
	if err != nil {
		return err
	}
	if info.Size != u.size {
		return fmt.Errorf("%w: there is an object of %d bytes, not these %d", store.ErrExist, info.Size, u.size)
	}
	if same, err := u.has(ctx, info.ETag); same || err != nil {
		return err
	}
	// An ETag is the MD5 in most stores and cases, but not in all.
	equal, err := s.equal(ctx, u)
	if err == nil && !equal {
		err = fmt.Errorf("%w: there is an object of other bytes", store.ErrExist)
	}
	return err
}

// verify checks that the store keeps what was put. A store that follows the protocol has checked
// the MD5 and returns it as ETag. If the ETag is another, verify compares the size, and then the
// bytes.
func (s *Store) verify(ctx context.Context, u *upload, etag string) error {
	if same, err := u.has(ctx, etag); same || err != nil {
		return err
	}
	info, err := s.stat(ctx, objectVersion{key: u.key})
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

// uploadReader reads a body. It remembers if reading the body failed, because then sending it again
// does not help. It is not seekable, so that the client library does not retry.
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
