package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/internal/keyring"
	"github.com/mailstrata/mailstrata/internal/local"
)

// Store keeps grants, each in a file of its own that only its owner can read, in a directory that
// only its owner can enter. A grant that is to be sealed is sealed to a key in the keyring.
type Store struct{ dir string }

// NewStore returns a store of grants in a directory, which the first Put creates.
func NewStore(dir string) *Store { return &Store{dir} }

// maxGrant is the maximum size of a file.
const maxGrant = 1 << 20

func (s *Store) path(user, host string) string {
	name := sha256.Sum256([]byte(user + "\x00" + host))
	return filepath.Join(s.dir, hex.EncodeToString(name[:16])+".json")
}

// Has reports whether there is a grant for the account, valid or not.
func (s *Store) Has(user, host string) bool {
	_, err := os.Stat(s.path(user, host))
	return err == nil
}

// Get returns the grant of an account, or ErrConsent.
func (s *Store) Get(ctx context.Context, user, host string) (*Grant, error) {
	path := s.path(user, host)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is none for %s@%s", ErrConsent, user, host)
	}
	if err != nil {
		return nil, fmt.Errorf("read the token of %s@%s: %w", user, host, err)
	}
	defer f.Close()
	if err := private(f, path); err != nil {
		return nil, err
	}
	file, err := io.ReadAll(io.LimitReader(f, maxGrant))
	if err != nil {
		return nil, fmt.Errorf("read the token of %s@%s: %w", user, host, err)
	}
	text, isSealed, err := open(ctx, file, user, host)
	if err != nil {
		return nil, err
	}
	g := Grant{Sealed: isSealed}
	if json.Unmarshal(text, &g) != nil || g.Version != grantVersion || g.User != user || g.Host != host ||
		g.RefreshToken == "" {
		return nil, fmt.Errorf("%w: %s cannot be read as a token of %s@%s", ErrConsent, path, user, host)
	}
	return &g, nil
}

// private returns an error for a file that other users can read.
func private(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s holds a token, and other users can read it: run chmod 600, and if somebody may have read it, revoke the consent at the provider", path)
	}
	return nil
}

// Put replaces the grant. After a crash, the old or the new one is there as a whole.
func (s *Store) Put(ctx context.Context, g *Grant) error {
	unlock, err := s.lock(ctx, g.User, g.Host)
	if err != nil {
		return err
	}
	defer unlock()
	next, err := s.begin(ctx, g)
	if err != nil {
		return err
	}
	return next.finish(g)
}

// Sealed reports whether the grant of an account is sealed.
func (s *Store) Sealed(user, host string) bool {
	f, err := os.Open(s.path(user, host))
	if err != nil {
		return false
	}
	defer f.Close()
	begin := make([]byte, len(sealed))
	_, err = io.ReadFull(f, begin)
	return err == nil && string(begin) == sealed
}

// Delete deletes the grant of an account and the key that it is sealed to, if they exist.
func (s *Store) Delete(ctx context.Context, user, host string) error {
	unlock, err := s.lock(ctx, user, host)
	if err != nil {
		return err
	}
	defer unlock()
	wasSealed := s.Sealed(user, host)
	if err := os.Remove(s.path(user, host)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the token of %s@%s: %w", user, host, err)
	}
	if wasSealed {
		return keyring.Delete(ctx, keyName(user, host))
	}
	return nil
}

// lock locks the grant. A refresh token may be valid for one use only, so only one process may use
// it.
func (s *Store) lock(ctx context.Context, user, host string) (unlock func(), err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("create a directory for tokens: %w", err)
	}
	unlock, _, err = local.Lock(ctx, s.path(user, host)+".lock", nil)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("lock the token of %s@%s: %w", user, host, err)
	}
	return unlock, err
}

// newFile is a new file of a grant. It exists before the provider is asked: a new refresh token
// that could not be stored would be lost, and the consent with it.
type newFile struct {
	text *local.Replacement
	key  *age.X25519Identity // nil: it is not sealed
}

// room is more than the size of a grant. A full disk causes an error before the provider is asked.
const room = 16 << 10

func (s *Store) begin(ctx context.Context, g *Grant) (n *newFile, err error) {
	n = new(newFile)
	if g.Sealed {
		if n.key, err = keyOrNew(ctx, g.User, g.Host); err != nil {
			return nil, err
		}
	}
	if n.text, err = local.NewReplacement(s.path(g.User, g.Host)); err != nil {
		return nil, fmt.Errorf("store the token of %s: %w", g, err)
	}
	if _, err = n.text.Write(make([]byte, room)); err == nil {
		_, err = n.text.Seek(0, io.SeekStart)
	}
	if err != nil {
		n.text.Discard()
		return nil, fmt.Errorf("store the token of %s: %w", g, err)
	}
	return n, nil
}

func (n *newFile) finish(g *Grant) error {
	text, err := json.MarshalIndent(g, "", "  ")
	if err == nil {
		text, err = seal(append(text, '\n'), n.key)
	}
	if err == nil {
		_, err = n.text.Write(text)
	}
	if err == nil {
		err = n.text.Truncate(int64(len(text)))
	}
	if err == nil {
		err = n.text.Commit()
	}
	if err != nil {
		n.text.Discard()
		return fmt.Errorf("store the token of %s: %w", g, err)
	}
	return nil
}
