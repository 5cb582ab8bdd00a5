package textindex

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/mailstrata/mailstrata/fulltext"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/mail/extract"
	"github.com/mailstrata/mailstrata/repo"
)

// Index is the index of a repository on this host.
type Index struct {
	Documents extract.Documents // reads attachments; may be nil
	Progress  func(Report)      // called by Bring; may be nil
	Damaged   func(error)       // called by Bring with what cannot be read; may be nil
	Skipped   func(error)       // called by Bring with documents whose text cannot be read; may be nil
	Retry     bool              // Bring tries at once what could not be read before, and not only once a day

	repo  *repo.Repo
	words *fulltext.Index
	dir   string
}

// Dir returns the directory of the index of a repository on this host.
func Dir(r *repo.Repo) string { return filepath.Join(r.CacheDir(), repo.WordsDir) }

// Exists reports whether this host has an index of a repository.
func Exists(r *repo.Repo) bool {
	_, err := os.Stat(filepath.Join(Dir(r), "root"))
	return err == nil
}

// Open opens the index of a repository, which is empty if there is none. The key must be able to
// read mail: the key of the index is derived from it, so an index that was written before the keys
// were rotated is damaged. An index that is damaged, or of another version, is dropped, and dropped
// is true.
func Open(ctx context.Context, r *repo.Repo) (x *Index, dropped bool, err error) {
	key, err := r.WordsKey()
	if err != nil {
		return nil, false, err
	}
	x = &Index{repo: r, dir: Dir(r)}
	if err := os.MkdirAll(x.dir, 0o700); err != nil {
		return nil, false, local.Fail("make a directory for the index", x.dir, err)
	}
	for {
		x.words, err = fulltext.Open(x.dir, key)
		if err == nil {
			if _, err = loadState(ctx, x.words); err == nil {
				return x, dropped, nil
			}
			err = errors.Join(err, x.words.Close())
		}
		if dropped || !IsDamaged(err) {
			return nil, dropped, err
		}
		if err := fulltext.Drop(ctx, x.dir); err != nil {
			return nil, false, err
		}
		dropped = true
	}
}

// IsDamaged reports whether an error says that the index is of no use, and must be built again.
func IsDamaged(err error) bool {
	return errors.Is(err, fulltext.ErrDamaged) || errors.Is(err, errState)
}

// Close closes the index.
func (x *Index) Close() error { return x.words.Close() }

// Drop removes the index of a repository from this host.
func Drop(ctx context.Context, r *repo.Repo) error {
	if _, err := os.Stat(Dir(r)); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := fulltext.Drop(ctx, Dir(r)); err != nil {
		return err
	}
	return local.Fail("remove the index", Dir(r), os.RemoveAll(Dir(r)))
}

// Status describes an index.
type Status struct {
	fulltext.Status
	Manifests int // that were read

	// What lacks something, because it is damaged or because documents of a kind cannot be read on
	// this host. It is tried again.
	LackingMessages, LackingManifests int
}

// Status returns what the index has.
func (x *Index) Status(ctx context.Context) (s Status, err error) {
	if s.Status, err = x.words.Status(ctx); err != nil {
		return s, err
	}
	state, err := loadState(ctx, x.words)
	if err != nil {
		return s, err
	}
	for _, n := range state.nights {
		if n.kind == readNight {
			s.Manifests++
			if n.lacks {
				s.LackingManifests++
			}
		}
	}
	messages, err := x.lacking(ctx)
	s.LackingMessages = len(messages)
	return s, err
}
