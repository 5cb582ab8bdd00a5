package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/repo/store"
)

// Probe checks what a new repository needs of a store, beyond what making it shows:
// ProbeCreateOnly, ProbeSize and ProbeReads.
func (s *Store) Probe(ctx context.Context) error {
	if err := s.ProbeCreateOnly(ctx); err != nil {
		return err
	}
	if err := s.ProbeSize(ctx); err != nil {
		return err
	}
	return s.ProbeReads(ctx)
}

// probeLength is the length of the first object of ProbeReads. The packs of a repository are
// larger, but take minutes on slow links, so ProbeSize announces one and does not send it. nginx
// allows requests of 1 MiB by default.
const probeLength = 2 << 20

// ProbeReads checks that the store accepts and returns an object, the requested range of it and its
// size, and lists objects by prefix, in order and in pages. A store that lacks one of these would
// fail once the repository has many objects, or large ones. If ProbeReads may not delete, it leaves
// two objects of 3 MiB together.
func (s *Store) ProbeReads(ctx context.Context) error {
	base := "probe/" + strings.ToLower(rand.Text())
	names := []string{base + "1", base + "2"}
	if err := s.probeListing(ctx, base, nil); err != nil { // so that a cache on the way has an answer
		return err
	}
	data := make([]byte, probeLength)
	_, _ = rand.Read(data) // it never fails
	for i, name := range names {
		if err := s.Put(ctx, name, bytes.NewReader(data), int64(probeLength>>i)); err != nil {
			return err
		}
		defer func() { _ = s.Delete(context.WithoutCancel(ctx), name) }()
	}
	if err := s.probeSize(ctx, names[0], data); err != nil {
		return err
	}
	if err := s.probeRange(ctx, names[0], data); err != nil {
		return err
	}
	return s.probeListing(ctx, base, names)
}

// probeSize reads an object, and asks for its size.
func (s *Store) probeSize(ctx context.Context, name string, data []byte) error {
	got, err := s.read(ctx, name, 0, -1)
	if err != nil {
		return err
	}
	_, size, err := s.Get(ctx, name, 0, 0)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, data) || size != int64(len(data)) {
		return s.otherBytes()
	}
	return nil
}

func (s *Store) otherBytes() error {
	return fmt.Errorf("%s returns other bytes of an object than were put, or another size: it cannot hold a repository", s.Endpoint)
}

// probeRange reads a range within an object.
func (s *Store) probeRange(ctx context.Context, name string, data []byte) error {
	const from, to = 3, 9
	got, err := s.read(ctx, name, from, to-from)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, data[from:to]) {
		return fmt.Errorf("%s returns other bytes of an object than the requested range: it cannot hold a repository", s.Endpoint)
	}
	return nil
}

// probeListing lists objects in pages of one.
func (s *Store) probeListing(ctx context.Context, prefix string, names []string) error {
	var got []string
	for o, err := range s.objects(ctx, &listing{prefix: s.prefix + prefix, page: 1}, "list objects "+prefix) {
		if err != nil {
			return err
		}
		got = append(got, o.Name)
	}
	if !slices.Equal(got, names) {
		return fmt.Errorf("%s has %d objects with the prefix %s, and lists %q: it cannot hold a repository, or a proxy before it keeps old answers",
			s.Endpoint, len(names), prefix, got)
	}
	return nil
}

// Bounds of ProbeCreateOnly. A contest takes some 20 requests, and five round trips.
const (
	rivals       = 8               // objects that are put at once in a contest
	contests     = 6               // of a name each
	contestsTime = 5 * time.Second // after which no other contest begins
)

// ProbeCreateOnly checks the property on which everything relies: if several different objects are
// put under one name, at once or one after another, the store keeps one and refuses the others.
// Some stores do not support If-None-Match, and keep the last one. Others look whether the name is
// taken, and put the object later: two that are put at once succeed now and then, so there are
// several contests, and the first one that two objects win ends them. If ProbeCreateOnly may not
// delete, it leaves a small object of each contest.
func (s *Store) ProbeCreateOnly(ctx context.Context) error {
	var names []string
	defer func() { s.deleteAll(context.WithoutCancel(ctx), names) }()
	for began := time.Now(); len(names) == 0 || len(names) < contests && time.Since(began) < contestsTime; {
		names = append(names, "probe/"+strings.ToLower(rand.Text()))
		if err := s.contest(ctx, names[len(names)-1]); err != nil {
			return err
		}
	}
	return nil
}

// contest puts rivals under one name at once, and one more afterwards. It returns an error unless
// exactly one of the first is kept.
func (s *Store) contest(ctx context.Context, name string) error {
	// Each has another size, so that a HEAD distinguishes them.
	data := func(i int) []byte { return []byte("a rival for one name" + strings.Repeat(".", i)) }
	won := make([]bool, rivals+1)
	try := func(i int) error {
		err := s.Put(ctx, name, bytes.NewReader(data(i)), int64(len(data(i))))
		won[i] = err == nil
		if errors.Is(err, store.ErrExist) {
			return nil
		}
		return err
	}
	var g errgroup.Group
	for i := range rivals {
		g.Go(func() error { return try(i) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := try(rivals); err != nil {
		return err
	}
	kept, err := s.read(ctx, name, 0, -1)
	if err != nil {
		return err
	}
	winner := slices.Index(won, true)
	foreign := true // kept has other bytes than each rival
	for i := range rivals + 1 {
		foreign = foreign && !bytes.Equal(kept, data(i))
	}
	if foreign {
		return s.otherBytes()
	}
	if winner < 0 || slices.Contains(won[winner+1:], true) || !bytes.Equal(kept, data(winner)) {
		return fmt.Errorf("%s lets one object replace another: it does not honor \"If-None-Match: *\" when an object is put, "+
			"so archives there could be overwritten, and mailstrata does not use it", s.Endpoint)
	}
	return nil
}

// deleteAll deletes objects of a probe, if it may.
func (s *Store) deleteAll(ctx context.Context, names []string) {
	var g errgroup.Group
	for _, name := range names {
		g.Go(func() error { return s.Delete(ctx, name) })
	}
	_ = g.Wait()
}

func (s *Store) read(ctx context.Context, name string, offset, length int64) ([]byte, error) {
	r, _, err := s.Get(ctx, name, offset, length)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
