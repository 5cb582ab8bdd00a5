package access

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/objectlock"
)

func examples() (Secrets, Config) {
	seed := make([]byte, ed25519.SeedSize)
	return Secrets{Role: RoleOwner, Seed: seed, Keeper: [32]byte(publicKey(seed)), Writers: []string{"w"}, Readers: []string{"r"}, Number: 1},
		Config{Number: 1, Polynomial: 0x2bba1850b3347d, Slots: []SlotRow{{Role: RoleOwner}}}
}

// Whatever is accepted as secrets or a config is encoded as the same bytes.
func FuzzParse(f *testing.F) {
	secrets, config := examples()
	for _, v := range []any{secrets, config} {
		b, err := format.Encode(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseSecrets(b); err == nil {
			again(t, s, b)
			_ = (&Access{Objects: new(objects.Objects)}).useSecrets(s)
		}
		if c, err := ParseConfig(b); err == nil {
			again(t, c, b)
			_ = (&Access{Objects: new(objects.Objects), Held: &Secrets{}}).useConfig(c)
		}
	})
}

func again(t *testing.T, v any, want []byte) {
	t.Helper()
	if got, err := format.Encode(v); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%x is accepted, but encodes as %x (%v)", want, got, err)
	}
}

// The example of docs/format.md, of a config with a lock that was made longer.
func TestLockVectors(t *testing.T) {
	made := time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)
	lock := &objectlock.Lock{Days: 90, ByDefault: true, Since: time.Date(2026, 4, 1, 2, 0, 0, 0, time.UTC)}
	c := &Config{
		Number: 2, Created: uint64(made.Unix()), Polynomial: 0x3DA3358B4DC173, Keeper: [32]byte(bytes.Repeat([]byte{7}, 32)),
		Slots: []SlotRow{{Hash: [32]byte(bytes.Repeat([]byte{0x11}, 32)), Role: RoleOwner, Created: uint64(made.Unix()), Recipient: []byte{}, Label: []byte{}}},
		Lock:  rowOf(lock), LockedSince: uint64(lock.Since.Unix()),
	}
	b, err := format.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	want := "a70102021a69ae0d80031b003da3358b4dc173065820" + strings.Repeat("07", 32) + "0781855820" + strings.Repeat("11", 32) +
		"656f776e65721a69ae0d804040" + "0883185af4f5" + "091a69cc7c20"
	if hex.EncodeToString(b) != want {
		t.Errorf("%x", b)
	}
	parsed, err := ParseConfig(b)
	if err != nil || !parsed.ObjectLock().Since.Equal(lock.Since) || parsed.ObjectLock().Days != 90 {
		t.Errorf("%+v, %v", parsed, err)
	}
	for name, spoil := range map[string]func(*Config){
		"no lock was lengthened":      func(c *Config) { c.Lock = nil },
		"a lock of no days":           func(c *Config) { c.Lock = &lockRow{} },
		"a lock of more than allowed": func(c *Config) { c.Lock = &lockRow{Days: objectlock.MaxDays + 1} },
	} {
		spoilt := *c
		spoil(&spoilt)
		if b, err := format.Encode(spoilt); err != nil {
			t.Fatal(err)
		} else if _, err := ParseConfig(b); !errors.Is(err, format.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "format.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"  02 1a 69ae0d80 ", "  08 83 18 5a f4 f5 ", "  09 1a 69cc7c20 "} {
		if !strings.Contains(string(doc), line) {
			t.Errorf("docs/format.md does not show %q", line)
		}
	}
}
