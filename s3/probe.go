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

	"github.com/mailstrata/mailstrata/repo/store"
	"golang.org/x/sync/errgroup"
)

// ProbeCreateOnly checks the property on which everything relies: if several different objects are put under one name,
// at once or one after another, the store keeps one and refuses the others. Some stores do not support If-None-Match,
// and keep the last one. If ProbeCreateOnly may not delete, it leaves a small object.
func (s *Store) ProbeCreateOnly(ctx context.Context) error {
	const rivals = 8
	name := "probe/" + strings.ToLower(rand.Text())
	defer func() { _ = s.Delete(context.WithoutCancel(ctx), name) }()

	data := func(i int) []byte { return fmt.Appendf(nil, "rival %d of several for one name", i) }
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
	if err := try(rivals); err != nil { // the last one is put after the others have ended
		return err
	}
	kept, err := s.read(ctx, name)
	if err != nil {
		return err
	}
	winner := slices.Index(won, true)
	if winner < 0 || slices.Contains(won[winner+1:], true) || !bytes.Equal(kept, data(winner)) {
		return fmt.Errorf("%s lets one object replace another: it does not honor \"If-None-Match: *\" when an object is put, "+
			"so archives there could be overwritten, and mailstrata does not use it", s.Endpoint)
	}
	return nil
}

func (s *Store) read(ctx context.Context, name string) ([]byte, error) {
	r, _, err := s.Get(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
