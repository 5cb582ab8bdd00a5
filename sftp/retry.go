package sftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/pkg/sftp"

	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/repo/store"
)

const (
	// firstPatience is how long a host is tried that has never answered: its name may be a typing
	// error.
	firstPatience = 5 * time.Second

	// waitingAfter and waitingEvery say when Options.Waiting is called.
	waitingAfter = 10 * time.Second
	waitingEvery = 30 * time.Second
)

var backoff = retry.Backoff{First: 200 * time.Millisecond, Longest: 20 * time.Second}

// retry calls do with a connection until it succeeds, or fails with an error that does not pass, or
// patience ends. The error that it returns is one of package store where it can be, and begins with
// what was being done.
func (s *Store) retry(ctx context.Context, doing string, do func(*connection) error) error {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	since := time.Now()
	for failures := 1; ; failures++ {
		err, passes := s.attempt(ctx, do)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", doing, ctx.Err())
		}
		patience := s.Patience
		if !s.reached.Load() {
			patience = min(patience, firstPatience)
		}
		if elapsed := time.Since(since); !passes || elapsed > patience {
			return fmt.Errorf("%s: %w", doing, err)
		} else if elapsed > waitingAfter {
			s.waiting(fmt.Errorf("%s: %w", doing, err))
		}
		if retry.Sleep(ctx, backoff.Wait(failures)) != nil {
			return fmt.Errorf("%s: %w", doing, ctx.Err())
		}
	}
}

// attempt calls do once, and reports whether its error may pass. If ctx ends, do gets a few seconds
// to end by itself, and then the connection ends.
func (s *Store) attempt(ctx context.Context, do func(*connection) error) (err error, passes bool) {
	c, err := s.connected(ctx)
	if err != nil {
		var refused *refusal
		if !errors.As(err, &refused) {
			return err, false
		}
		if hint := refused.hint(s.login()); hint != "" {
			return fmt.Errorf("%w; %s", err, hint), refused.passes()
		}
		return err, refused.passes()
	}
	done := make(chan struct{})
	defer close(done)
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-done:
		case <-time.After(endingTime):
			c.end()
		}
	})
	defer stop()
	if err = do(c); err == nil {
		return nil, false
	}
	if lost(err) || !answered(err) && c.dead() {
		s.current.CompareAndSwap(c, nil)
		return fmt.Errorf("the connection to %s ended: %w", s.Host, err), true
	}
	return s.storeError(c, err), false
}

// endingTime is how long a request goes on after its context ended.
const endingTime = 3 * time.Second

func lost(err error) bool {
	return errors.Is(err, sftp.ErrSSHFxConnectionLost) || errors.Is(err, sftp.ErrSSHFxNoConnection)
}

// answered reports whether the server answered with this error, so that the connection stands.
func answered(err error) bool {
	var status *sftp.StatusError
	return errors.As(err, &status) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) ||
		isStores(err)
}

func isStores(err error) bool {
	known := []error{store.ErrExist, store.ErrNotExist, store.ErrRange, store.ErrRetained, store.ErrPermission}
	return slices.ContainsFunc(known, func(is error) bool { return errors.Is(err, is) })
}

// connected returns the connection, and makes it if there is none.
func (s *Store) connected(ctx context.Context) (*connection, error) {
	if c := s.current.Load(); c != nil {
		return c, ctx.Err()
	}
	s.connecting.Lock()
	defer s.connecting.Unlock()
	if c := s.current.Load(); c != nil {
		return c, ctx.Err()
	}
	c, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	s.reached.Store(true)
	s.current.Store(c)
	return c, nil
}

// waiting reports an error that persists, for all requests together once in waitingEvery.
func (s *Store) waiting(err error) {
	last, now := s.reported.Load(), time.Now().UnixNano()
	if s.Waiting != nil && now-last >= int64(waitingEvery) && s.reported.CompareAndSwap(last, now) {
		s.Waiting(err)
	}
}

// storeError turns an error of the server into one of package store.
func (s *Store) storeError(c *connection, err error) error {
	switch {
	case isStores(err):
		return err
	case errors.Is(err, fs.ErrNotExist):
		if gone := s.gone(c); gone != nil {
			return gone
		}
		return fmt.Errorf("%w: %v", store.ErrNotExist, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %v", store.ErrPermission, err)
	}
	return err
}

// gone returns an error if the directory has lost the object that every repository has. A disk that
// is not mounted leaves an empty directory, or none, and that says nothing about the objects.
func (s *Store) gone(c *connection) error {
	if !s.hasConfig {
		return nil
	}
	if _, err := c.Lstat(s.path("config")); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not the directory that was opened: check whether its disk is mounted", s.String())
	}
	return nil
}
