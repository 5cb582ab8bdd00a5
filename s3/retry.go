package s3

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/repo/store"
)

const (
	// longestPause bounds the pauses between retries, which double.
	longestPause = 20 * time.Second

	// firstPatience is how long an endpoint is tried that has never answered.
	firstPatience = 5 * time.Second

	// briefPatience is how long requests with implausible answers are retried. The answers may be
	// damaged in transit, but more likely this is not a store, or a gateway answers in its place.
	briefPatience = 10 * time.Second

	// waitingAfter and waitingEvery say when Options.Waiting is called.
	waitingAfter = 10 * time.Second
	waitingEvery = 30 * time.Second
)

// retry calls do until it succeeds, or fails with an error that does not pass, or patience ends.
// The error that it returns is explained, and begins with what was being done.
func (s *Store) retry(ctx context.Context, doing string, do func(try int) error) error {
	t := s.newRetrier(doing)
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

// retrier is the state of a series of attempts: when it began, how often it paused.
type retrier struct {
	store   *Store
	doing   string
	since   time.Time
	pauses  int
	renewed bool  // there were new credentials once
	keys    int64 // the number of those that were used
	used    *client
}

func (s *Store) newRetrier(doing string) *retrier {
	return &retrier{
		store: s, doing: doing, since: time.Now(), keys: s.keys.number.Load(), used: s.clients.current.Load(),
	}
}

// pause waits before the next attempt. It returns an error if there should be no other.
func (t *retrier) pause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	renewed := refusesKeys(err) && t.store.keys.renew(ctx, t.used.Core, t.keys)
	if t.keys = t.store.keys.number.Load(); renewed && !t.renewed {
		t.renewed = true
		return nil
	}
	used := t.used
	if t.used = t.store.clients.current.Load(); t.store.clients.refused(ctx, used, t.store.Bucket, err) {
		t.used = t.store.clients.current.Load()
		return nil
	}
	elapsed := time.Since(t.since)
	if errors.Is(err, errStalled) {
		elapsed += t.store.Stall // which the next attempt may take, too
	}
	patience := t.store.patience(err)
	if renewed || t.store.awaitsKeys(err) {
		patience = t.store.Patience
	}
	if elapsed > patience {
		return err
	} else if elapsed > t.store.waitingAfter {
		t.store.waiting(t.doing, err)
	}
	t.pauses++
	backoff := retry.Backoff{First: t.store.Options.pause, Longest: longestPause}
	if retry.Sleep(ctx, backoff.Wait(t.pauses)) != nil {
		return ctx.Err()
	}
	return nil
}

// waiting reports an error that persists, for all requests together once in waitingEvery.
func (s *Store) waiting(doing string, err error) {
	last, now := s.reported.Load(), time.Now().UnixNano()
	if s.Waiting == nil || now-last < int64(waitingEvery) || !s.reported.CompareAndSwap(last, now) {
		return
	}
	s.Waiting(s.explain(doing, err))
}

// patience returns how long to retry after err. It is negative if no retry can help.
func (s *Store) patience(err error) time.Duration {
	switch {
	case !transient(err):
		return -1
	case !s.link.clock.seen():
		return min(firstPatience, s.Patience)
	case implausible(err):
		return min(s.brief, s.Patience)
	}
	return s.Patience
}

// awaitsKeys reports whether new credentials are worth waiting for: the store has accepted some
// before, their session has ended, and something else may renew them in their source. What renews
// them may be late by minutes.
func (s *Store) awaitsKeys(err error) bool {
	return s.keys.ended(err) && s.keys.renewed.Load() && s.link.accepted.Load()
}

// implausible reports whether err is an answer that no store gives.
func implausible(err error) bool {
	var syntax *xml.SyntaxError
	var unmarshal xml.UnmarshalError
	return errors.As(err, &syntax) || errors.As(err, &unmarshal) || errors.Is(err, errImplausible) || unreadable(err) ||
		strings.Contains(err.Error(), "tls: ")
}

// unreadable reports whether the client library could not read the headers of an answer. It reports
// this under the code of a store that fails, without a status.
func unreadable(err error) bool {
	var e minio.ErrorResponse
	return errors.As(err, &e) && e.StatusCode == 0 && e.Code == minio.InternalError
}

// errImplausible is an answer that cannot be true.
var errImplausible = errors.New("the store contradicts itself")

// finalError is an error for which no retry helps.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

func final(err error) error { return finalError{err} }

func isFinal(err error) bool {
	var last finalError
	return errors.As(err, &last)
}

// transient reports whether what failed may succeed when it is tried again.
func transient(err error) bool {
	if isFinal(err) || untrusted(err) || strings.Contains(err.Error(), "HTTP response to HTTPS client") {
		return false
	}
	if ofStore(err) {
		return false
	}
	var e minio.ErrorResponse
	if !errors.As(err, &e) {
		return true // an error of the network
	}
	if noRoom(e) {
		return false
	}
	switch e.Code {
	case "SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "OperationAborted",
		"ConditionalRequestConflict",                               // another PUT of this name is under way
		"BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody", // damaged in transit, and detected
		"TooManyRequests":
		return true
	}
	switch e.StatusCode {
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusInsufficientStorage:
		return false
	case http.StatusTooManyRequests, http.StatusRequestTimeout:
		return true
	}
	return e.StatusCode >= 500
}

// ofStore reports whether err is one of package store.
func ofStore(err error) bool {
	known := []error{store.ErrExist, store.ErrNotExist, store.ErrRange, store.ErrRetained, store.ErrPermission}
	return slices.ContainsFunc(known, func(is error) bool { return errors.Is(err, is) })
}

// untrusted reports whether the certificate of the endpoint is not trusted.
func untrusted(err error) bool {
	var bad *tls.CertificateVerificationError
	return errors.As(err, &bad)
}
