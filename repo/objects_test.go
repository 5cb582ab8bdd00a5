package repo

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// fixedRepo returns a repository with known secrets: the bytes 0, 1, 2, …
func fixedRepo(t testing.TB) *Repo {
	t.Helper()
	r := &Repo{locks: locks{statements{access{objects: new(objects.Objects)}}}}
	r.held = &slot{Role: RoleOwner}
	for i := range r.held.Secret {
		r.held.Secret[i] = byte(i)
	}
	decoder, err := format.NewFrameDecoder()
	if err != nil {
		t.Fatal(err)
	}
	r.objects.Codec = format.NewCodec([16]byte{}, r.held.Secret.Keys(), decoder)
	for i := range r.objects.Codec.Repository {
		r.objects.Codec.Repository[i] = byte(0xa0 + i)
	}
	return r
}

func FuzzSmallObjects(f *testing.F) {
	seed := make([]byte, ed25519.SeedSize)
	for _, v := range []any{
		slot{Role: RoleOwner, Seed: seed, Keeper: [32]byte(publicKey(seed)), Writers: []string{"w"}, Readers: []string{"r"}, Number: 1},
		config{Number: 1, Polynomial: 0x2bba1850b3347d, Slots: []slotRow{{Role: RoleOwner}}},
		statement.Mark{Manifest: []byte("manifests/x")},
		statement.Mark{Manifest: []byte("manifests/x"), More: []statement.MarkRow{{Manifest: []byte("manifests/y"), Parent: []byte{}}}},
		statement.Condemnation{Packs: []statement.CondemnedPack{{Kind: 1}}},
		statement.TagSet{Manifest: []byte("manifests/x"), Number: 1, Set: [][]byte{[]byte("pinned")}},
		statement.ErasureRow{Accounts: [][]byte{make([]byte, 16)}, Messages: []statement.ErasedRow{{Prefixes: make([]byte, 16)}}},
		statement.Signed{Payload: []byte{1}},
		checkRow{When: 1, Cursor: 2},
	} {
		b, err := format.Encode(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	r := fixedRepo(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseSlot(b); err == nil {
			again(t, s, b)
			_ = (&access{objects: new(objects.Objects)}).useSlot(s)
		}
		if c, err := parseConfig(b); err == nil {
			again(t, c, b)
			_ = (&access{objects: &objects.Objects{Codec: r.objects.Codec}, held: &slot{}}).useConfig(c)
		}
		if m, err := statement.ParseMark(b); err == nil {
			again(t, m, b)
		}
		if c, err := statement.ParseCondemnation(b); err == nil {
			again(t, c, b)
		}
		if n, err := statement.ParseTagSet(b); err == nil {
			again(t, n, b)
		}
		if e, err := statement.ParseErasure(b); err == nil {
			again(t, e, b)
		}
		if row := (checkRow{}); format.Decode(b, &row) == nil {
			again(t, row, b)
		}
		_, _ = r.verify(format.KindMark, b)
	})
}

// A small object with bytes missing or added is not accepted.
func TestTruncatedSmallObjects(t *testing.T) {
	seed := make([]byte, ed25519.SeedSize)
	for _, v := range []any{
		&slot{Role: RoleOwner, Seed: seed, Keeper: [32]byte(publicKey(seed)), Writers: []string{"w"}, Readers: []string{"r"}, Number: 1},
		&config{Number: 1, Polynomial: 0x2bba1850b3347d, Slots: []slotRow{{Role: RoleOwner}}},
		&statement.Mark{Manifest: []byte("manifests/x"), More: []statement.MarkRow{{Manifest: []byte("manifests/y"), Parent: []byte{}}}},
		&statement.Condemnation{Packs: []statement.CondemnedPack{{Kind: 1}}},
		&statement.TagSet{Manifest: []byte("manifests/x"), Number: 1, Set: [][]byte{[]byte("pinned")}},
		&statement.ErasureRow{Accounts: [][]byte{make([]byte, 16)}, Messages: []statement.ErasedRow{{Prefixes: make([]byte, 16)}}},
		&statement.Signed{Payload: []byte{1}},
		&checkRow{When: 1, Cursor: 2},
	} {
		b, err := format.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		fresh := func() any { return reflect.New(reflect.TypeOf(v).Elem()).Interface() }
		if err := format.Decode(b, fresh()); err != nil {
			t.Errorf("%T: %v", v, err)
		}
		for n := range b {
			if format.Decode(b[:n], fresh()) == nil {
				t.Errorf("%T is accepted after %d bytes of %d", v, n, len(b))
			}
		}
		if format.Decode(append(b, 0), fresh()) == nil {
			t.Errorf("%T is accepted with a byte too many", v)
		}
	}
}

func again(t *testing.T, v any, want []byte) {
	t.Helper()
	if got, err := format.Encode(v); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%x is accepted, but encodes as %x (%v)", want, got, err)
	}
}

// The examples of docs/format.md, of a config with a lock that was made longer, and of a renewal.
func TestLockVectors(t *testing.T) {
	made := time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)
	lock := &objectlock.Lock{Days: 90, ByDefault: true, Since: time.Date(2026, 4, 1, 2, 0, 0, 0, time.UTC)}
	c := &config{
		Number: 2, Created: uint64(made.Unix()), Polynomial: 0x3DA3358B4DC173, Keeper: [32]byte(bytes.Repeat([]byte{7}, 32)),
		Slots: []slotRow{{Hash: [32]byte(bytes.Repeat([]byte{0x11}, 32)), Role: RoleOwner, Created: uint64(made.Unix()), Recipient: []byte{}, Label: []byte{}}},
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
	parsed, err := parseConfig(b)
	if err != nil || !parsed.lock().Since.Equal(lock.Since) || parsed.lock().Days != 90 {
		t.Errorf("%+v, %v", parsed, err)
	}
	for name, spoil := range map[string]func(*config){
		"no lock was lengthened":      func(c *config) { c.Lock = nil },
		"a lock of no days":           func(c *config) { c.Lock = &lockRow{} },
		"a lock of more than allowed": func(c *config) { c.Lock = &lockRow{Days: objectlock.MaxDays + 1} },
	} {
		spoilt := *c
		spoil(&spoilt)
		if b, err := format.Encode(spoilt); err != nil {
			t.Fatal(err)
		} else if _, err := parseConfig(b); !errors.Is(err, format.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}

	at := time.UnixMilli(0x19d46c4dd00)
	b, err = format.Encode(renewalRow{When: uint64(at.UnixMilli())})
	if name := format.Stamped(at, [32]byte{}); err != nil || hex.EncodeToString(b) != "a1011b0000019d46c4dd00" || !strings.HasPrefix(name, "fffffe62b93b22ff-") {
		t.Errorf("%x, %s, %s, %v", b, name, at.UTC(), err)
	}
	doc, err := os.ReadFile(filepath.Join("..", "docs", "format.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"  02 1a 69ae0d80 ", "  08 83 18 5a f4 f5 ", "  09 1a 69cc7c20 ", "`a1 01 1b 0000019d46c4dd00`", "`renewals/fffffe62b93b22ff-`"} {
		if !strings.Contains(string(doc), line) {
			t.Errorf("docs/format.md does not show %q", line)
		}
	}
}
