package repo

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
)

// statements reads what the keeper signed, and signs it: marks, condemnations, erasures and tags.
type statements struct{ opened }

// declare signs and stores a statement.
func (s *statements) declare(ctx context.Context, kind format.Kind, what any) error {
	if s.access.Keeper == nil {
		return fmt.Errorf("removing needs the owner's key, not a writer's: %w", ErrNoRole)
	}
	if err := s.access.NoneRejected(); err != nil {
		return err
	}
	if kind == format.KindMark || kind == format.KindCondemnation { // their age counts
		now, err := s.objects.Now(ctx)
		if err == nil {
			err = s.objects.CheckSkew(now)
		}
		if err != nil {
			return err
		}
	}
	content, err := statement.Sign(kind, s.objects.Codec.Repository, s.access.Keeper, what)
	if err != nil {
		return err
	}
	return s.putSigned(ctx, kind, content)
}

func (s *statements) putSigned(ctx context.Context, kind format.Kind, content []byte) error {
	stored, hash, err := s.objects.Codec.Build(kind, content, s.objects.Seals.Recipients(kind))
	if err != nil {
		return err
	}
	return s.objects.Put(ctx, format.ObjectName(kind, hash), stored)
}

// MarkAll says that manifests are to be forgotten (rule 6). It puts few objects, because marks stay
// and a host without a cache reads them all. Up to some thousands of manifests are marked all or
// none.
func (s *statements) MarkAll(ctx context.Context, manifests []statement.Marked) error {
	return s.markAll(ctx, manifests, false)
}

// MarkErased is MarkAll for manifests that hold what is erased. A prune deletes them only when no
// pack holds anything that only they need. It marks manifests again that are marked already.
func (s *statements) MarkErased(ctx context.Context, manifests []statement.Marked) error {
	return s.markAll(ctx, manifests, true)
}

func (s *statements) markAll(ctx context.Context, manifests []statement.Marked, erase bool) error {
	for _, m := range statement.NewMarks(manifests, erase) {
		if err := s.declare(ctx, format.KindMark, m); err != nil {
			return err
		}
	}
	return nil
}

// Condemn says that packs are to be deleted (rule 7). From now on no run counts a chunk in them as
// stored.
func (s *statements) Condemn(ctx context.Context, packs []format.Pack) error {
	for _, c := range statement.NewCondemnations(packs) {
		if err := s.declare(ctx, format.KindCondemnation, c); err != nil {
			return err
		}
	}
	return nil
}

// Condemned reads all condemnations, and returns when each pack was condemned first. A damaged one
// is an error, because it may name any pack. One that the keeper did not sign is ignored.
func (s *statements) Condemned(ctx context.Context) (statement.Condemned, error) {
	all := statement.Condemned{}
	return all, readStatements(ctx, s, format.KindCondemnation, nil, statement.ParseCondemnation, all.Add)
}

// Marks reads all marks, by the names of manifests.
func (s *statements) Marks(ctx context.Context) (statement.Marks, error) { return s.marks(ctx, nil) }

func (s *statements) marks(ctx context.Context, ignore func(error) bool) (statement.Marks, error) {
	all := statement.Marks{}
	return all, readStatements(ctx, s, format.KindMark, ignore, statement.ParseMark, all.Add)
}

// readStatements reads all statements of a kind, parses them, and adds them up, each with the time
// when the store got it.
func readStatements[T any](
	ctx context.Context, s *statements, kind format.Kind, ignore func(error) bool,
	parse func(payload []byte) (T, error), add func(T, time.Time),
) error {
	return s.eachStatement(ctx, kind, ignore, func(o store.Object, payload []byte) error {
		row, err := parse(payload)
		if err == nil {
			add(row, o.Time)
		}
		return err
	})
}

// eachStatement reads all statements of a kind, several at a time, and hands them to use one at a
// time. An error of one ends that, unless it is to be overlooked.
func (s *statements) eachStatement(
	ctx context.Context, kind format.Kind, ignore func(error) bool, use func(store.Object, []byte) error,
) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(64)
	var mu sync.Mutex
	var listErr error
	listed := map[string]bool{}
	for o, err := range s.list(ctx, kind.Folder()) {
		if err != nil {
			listErr = fmt.Errorf("list %s: %w", strings.TrimSuffix(kind.Folder(), "/"), err)
			break
		}
		if _, ok := store.ParseHash(strings.TrimPrefix(o.Name, kind.Folder())); !ok {
			continue
		}
		listed[o.Name] = true
		group.Go(func() error {
			payload, err := s.loadStatement(ctx, kind, o.Name)
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				if err = use(o, payload); err != nil {
					err = fmt.Errorf("read %s: %w", o.Name, err)
				}
			}
			// A hidden object that cannot be read was garbage that someone removed. A hidden one
			// that can be read still counts.
			if errors.Is(err, statement.ErrUnsigned) || o.Hidden && objects.Concerns(err) ||
				err != nil && ignore != nil && ignore(err) {
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if listErr == nil {
		s.objects.Cache.KeepListed(kind.Folder(), listed)
	}
	return listErr
}

func (s *statements) loadStatement(ctx context.Context, kind format.Kind, name string) ([]byte, error) {
	content, err := s.objects.Load(ctx, kind, name)
	if err != nil {
		return nil, err
	}
	payload, err := s.access.Verify(kind, content)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return payload, nil
}

// signAgain signs every statement of the old keeper with the new one. It seals them to the old
// writer, because hosts that have the repository open must still read them.
func (s *statements) signAgain(ctx context.Context, keeper ed25519.PrivateKey) error {
	for _, kind := range []format.Kind{format.KindMark, format.KindCondemnation, format.KindNote, format.KindErasure} {
		var payloads [][]byte
		err := s.eachStatement(ctx, kind, nil, func(_ store.Object, payload []byte) error {
			payloads = append(payloads, payload)
			return nil
		})
		if err != nil {
			return err
		}
		for _, payload := range payloads {
			content, err := statement.SignPayload(kind, s.objects.Codec.Repository, keeper, payload)
			if err != nil {
				return err
			}
			if err := s.putSigned(ctx, kind, content); err != nil {
				return err
			}
		}
	}
	return nil
}
