package repo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"
)

// noStore is for what never reaches the store.
type noStore struct{ Store }

// spillRepo is a repository as far as spilling needs one.
func spillRepo(t *testing.T, sealed bool) *Repo {
	t.Helper()
	r := &Repo{store: noStore{}, id: [16]byte{1, 2, 3}, held: &slot{Secret: secret{4}}}
	r.keys = r.held.Secret.keys()
	if sealed {
		writer, err := age.GenerateHybridIdentity()
		reader, errReader := age.GenerateHybridIdentity()
		if err = errors.Join(err, errReader); err != nil {
			t.Fatal(err)
		}
		r.seals = seals{writers: []age.Recipient{writer.Recipient()}, readers: []age.Recipient{reader.Recipient()}, writer: writer}
	}
	var err error
	if r.cache, err = openCache(t.TempDir(), r.id); err != nil {
		t.Fatal(err)
	}
	return r
}

func smallSpill() spillLimits {
	l := usualSpill
	l.spare = 0
	return l
}

func mustSpill(t *testing.T, r *Repo, account string, limits spillLimits) *Spill {
	t.Helper()
	s, err := r.spill(account, 0, limits)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("nothing is spilled on this system")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func put(s *Spill, key, body string) {
	e := s.Begin([]byte(key))
	for len(body) > 0 {
		n := min(len(body), 1000)
		e.Write([]byte(body[:n]))
		body = body[n:]
	}
	e.End()
}

// entriesLeft are the whole entries that dead runs have left.
func entriesLeft(t *testing.T, s *Spill) map[string]string {
	t.Helper()
	found := map[string]string{}
	_, err := s.Left(t.Context(), func(key []byte, body io.Reader) error {
		b, err := io.ReadAll(body)
		if err == nil {
			found[string(key)] = string(b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestSpillIsTakenUpByTheNextRun(t *testing.T) {
	for _, sealed := range []bool{true, false} {
		r := spillRepo(t, sealed)
		first := mustSpill(t, r, "anna", smallSpill())
		want := map[string]string{}
		first.Begin([]byte("given up")).Write([]byte("half"))
		for i := range 50 {
			key, body := fmt.Sprint("key ", i), strings.Repeat(fmt.Sprint("secret ", i, " "), 300*i)
			put(first, key, body)
			want[key] = body
		}
		dropped := first.Begin([]byte("dropped"))
		dropped.Write([]byte("half"))
		dropped.Drop()
		put(first, "after", "it")
		want["after"] = "it"

		// While it lives, nobody else takes what it has; nor does another account ever.
		other := mustSpill(t, r, "anna", smallSpill())
		if left := entriesLeft(t, other); len(left) > 0 {
			t.Errorf("%d entries of a run that is at work", len(left))
		}
		other.Close()
		first.Close()
		other = mustSpill(t, r, "bert", smallSpill())
		if left := entriesLeft(t, other); len(left) > 0 {
			t.Errorf("%d entries of another account", len(left))
		}
		other.Close()
		second := mustSpill(t, r, "anna", smallSpill())
		if left := entriesLeft(t, second); !maps.Equal(left, want) {
			t.Errorf("sealed %v: of %d entries, %d are there", sealed, len(want), len(left))
		}
		second.Close() // it committed nothing
		third := mustSpill(t, r, "anna", smallSpill())
		if left := entriesLeft(t, third); len(left) != len(want) {
			t.Errorf("after a run that committed nothing, %d entries are there", len(left))
		}
		third.Empty(true)
		third.Close()
		if files := filesBelow(t, r.cache.spills()); len(files) > 0 {
			t.Errorf("after a commit there is left %q", files)
		}
	}
}

func filesBelow(t *testing.T, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// A file that ends anywhere, or has a wrong byte anywhere, gives entries that were written, and never anything else.
func TestSpillDamaged(t *testing.T) {
	for _, sealed := range []bool{true, false} {
		r := spillRepo(t, sealed)
		s := mustSpill(t, r, "anna", smallSpill())
		want := map[string]string{}
		for i := range 20 {
			key, body := fmt.Sprint("key ", i), strings.Repeat(fmt.Sprint(i), 400*i)
			put(s, key, body)
			want[key] = body
		}
		s.Close()
		path := spillFiles(s.dir)[0]
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		most := 0
		try := func(what string, content []byte) {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			next := mustSpill(t, r, "anna", smallSpill())
			left := entriesLeft(t, next)
			next.Close()
			for key, body := range left {
				if want[key] != body {
					t.Fatalf("sealed %v, %s: an entry that was not written: %q", sealed, what, key)
				}
			}
			most = max(most, len(left))
		}
		for at := 1; at < len(whole); at += 1 + len(whole)/60 {
			try(fmt.Sprint("cut at ", at), whole[:at])
			wrong := bytes.Clone(whole)
			wrong[at] ^= 0x10
			try(fmt.Sprint("wrong at ", at), wrong)
		}
		if most < 10 {
			t.Errorf("sealed %v: of a damaged file no more than %d entries are had", sealed, most)
		}
	}
}

// What a killed run leaves is what was in its file then: all but the last buffers.
func TestSpillOfAKilledRun(t *testing.T) {
	r := spillRepo(t, true)
	s := mustSpill(t, r, "anna", smallSpill())
	body := strings.Repeat("0123456789", 1000)
	for i := range 100 {
		put(s, fmt.Sprint(i), body)
	}
	var copies [][]byte
	for _, path := range spillFiles(s.dir) {
		b, err := os.ReadFile(path) // as it is now, and nothing is closed
		if err != nil {
			t.Fatal(err)
		}
		copies = append(copies, b)
		if bytes.Contains(b, []byte("0123456789")) {
			t.Error("mail is on the disk in clear")
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, mode %v", err, info.Mode())
		}
	}
	dir := s.dir
	s.Close()
	for i, path := range spillFiles(dir) {
		if err := os.WriteFile(path, copies[i], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	left := entriesLeft(t, mustSpill(t, r, "anna", smallSpill()))
	if most := (agePiece + spillBuffer) / len(body); len(left) < 100-most-2 {
		t.Errorf("of 100 messages %d are had", len(left))
	}
}

func TestSpillIsBounded(t *testing.T) {
	r := spillRepo(t, false)
	limits := smallSpill()
	limits.bytes, limits.entries = 10_000, 20
	for run := range 8 { // none of them commits
		s := mustSpill(t, r, "anna", limits)
		for i := range 30 {
			put(s, fmt.Sprint(run, i), strings.Repeat("x", 400))
		}
		if !s.Full() || s.Failed() != nil {
			t.Errorf("full %v, failed %v", s.Full(), s.Failed())
		}
		s.Close()
	}
	s := mustSpill(t, r, "anna", limits)
	if left := entriesLeft(t, s); len(left) != 2*limits.entries || len(s.left) != 3 {
		t.Errorf("%d entries of %d runs", len(left), len(s.left))
	}
	put(s, "large", strings.Repeat("x", 20_000))
	if !s.Full() {
		t.Error("20,000 bytes in a spill of 10,000")
	}
	if s.Empty(false); s.Full() || len(s.left) == 0 {
		t.Error("emptied, it is full still, or has let go of what was left")
	}
	s.Close()

	dirs, err := os.ReadDir(filepath.Dir(s.dir))
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-limits.stale - time.Hour)
	for _, d := range dirs {
		if err := os.Chtimes(filepath.Join(filepath.Dir(s.dir), d.Name()), long, long); err != nil {
			t.Fatal(err)
		}
	}
	if left := entriesLeft(t, mustSpill(t, r, "anna", limits)); len(left) > 0 {
		t.Errorf("%d entries are stale", len(left))
	}
}

// What comes early is not kept, nor does it cost anything.
func TestSpillWaits(t *testing.T) {
	r := spillRepo(t, true)
	limits := smallSpill()
	synctest.Test(t, func(t *testing.T) {
		const after = 5 * time.Second
		s, err := r.spill("anna", after, limits)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip("nothing is spilled on this system")
		}
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		time.Sleep(after - time.Nanosecond)
		if put(s, "early", "x"); len(spillFiles(s.dir)) > 0 || s.Failed() != nil {
			t.Errorf("too early, there are files %q; failed: %v", spillFiles(s.dir), s.Failed())
		}
		time.Sleep(time.Nanosecond)
		if put(s, "late", "x"); len(spillFiles(s.dir)) != 1 || s.Failed() != nil {
			t.Errorf("in time, there are files %q; failed: %v", spillFiles(s.dir), s.Failed())
		}
	})
}

// A disk without room ends the spilling, and what was spilled makes room.
func TestSpillGivesWay(t *testing.T) {
	r := spillRepo(t, true)
	limits := smallSpill()
	s := mustSpill(t, r, "anna", limits)
	put(s, "1", "x")
	s.limits.spare, s.limits.age = 1<<62, 0
	if e := s.Begin([]byte("2")); e != nil || s.Failed() == nil || len(spillFiles(s.dir)) > 0 {
		t.Errorf("failed: %v; files %q", s.Failed(), spillFiles(s.dir))
	}
	var none *Spill
	put(none, "1", "x")
	none.Empty(true)
	none.Close()
}

// The frozen form (docs/format.md, "Spill").
func TestSpillFormat(t *testing.T) {
	r := spillRepo(t, false)
	for i := range r.id {
		r.id[i] = 0xa0 + byte(i)
	}
	for i := range r.held.Secret {
		r.held.Secret[i] = byte(i)
	}
	r.keys = r.held.Secret.keys()
	s := mustSpill(t, r, "home", smallSpill())
	put(s, "key", "Hello\r\n")
	e := s.Begin([]byte("k"))
	e.Write([]byte("Hel"))
	e.Drop()
	s.Close()
	have, err := os.ReadFile(spillFiles(s.dir)[0])
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	if dump := hexLines(have); !bytes.Contains(text, []byte(dump)) {
		t.Errorf("docs/format.md does not have these bytes:\n%s", dump)
	}
}

func hexLines(b []byte) string {
	var lines []string
	for piece := range slices.Chunk(b, 24) {
		lines = append(lines, fmt.Sprintf("%x", piece))
	}
	return strings.Join(lines, "\n")
}
