package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/minio/minio-go/v7"
)

const (
	// longestPause bounds the pauses between retries, which double.
	longestPause = 20 * time.Second

	// firstPatience is how long an endpoint is tried that has never answered.
	firstPatience = 5 * time.Second
)

// retry calls do until it succeeds, or fails with what does not pass, or patience ends. What it returns then is
// explained, and begins with what was being done.
func (s *Store) retry(ctx context.Context, doing string, do func(try int) error) error {
	t := s.newTrial()
	for try := 0; ; try++ {
		err := ctx.Err()
		if err == nil {
			err = do(try)
		}
		if err == nil {
			return nil
		}
		if err := t.pause(ctx, err); err != nil {
			return s.explain(doing, err)
		}
	}
}

// trial is a row of tries.
type trial struct {
	store *Store
	since time.Time
	next  time.Duration
}

func (s *Store) newTrial() *trial {
	return &trial{store: s, since: time.Now(), next: s.Options.pause}
}

// pause waits before the next try. It returns err where there should be none.
func (t *trial) pause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !passing(err) || time.Since(t.since) > t.store.patience() {
		return err
	}
	wait := t.next/2 + rand.N(t.next/2+1) // so that hosts which failed together do not come back together
	t.next = min(2*t.next, longestPause)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (s *Store) patience() time.Duration {
	if !s.link.clock.seen() {
		return min(firstPatience, s.Patience)
	}
	return s.Patience
}

// finalError is an error that no retry mends.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

func final(err error) error { return finalError{err} }

// passing says whether what failed may succeed when it is done again.
func passing(err error) bool {
	var last finalError
	if errors.As(err, &last) || untrusted(err) || strings.Contains(err.Error(), "HTTP response to HTTPS client") {
		return false
	}
	for _, is := range []error{repo.ErrExist, repo.ErrNotExist, repo.ErrRange, repo.ErrRetained, repo.ErrPermission} {
		if errors.Is(err, is) {
			return false
		}
	}
	var e minio.ErrorResponse
	if !errors.As(err, &e) {
		return true // of the network
	}
	switch e.Code {
	case "SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "OperationAborted",
		"ConditionalRequestConflict",                               // another PUT of this name is under way
		"BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody", // damaged on the way, and noticed
		"AuthorizationHeaderMalformed": // the client has learnt the bucket's region from it, if it was not given
		return e.Code != "AuthorizationHeaderMalformed" || e.Region != ""
	}
	switch e.StatusCode {
	case http.StatusNotImplemented, http.StatusInsufficientStorage:
		return false
	case http.StatusTooManyRequests, http.StatusRequestTimeout:
		return true
	}
	return e.StatusCode >= 500
}

// untrusted says whether an endpoint could not prove who it is.
func untrusted(err error) bool {
	var bad *tls.CertificateVerificationError
	return errors.As(err, &bad)
}
