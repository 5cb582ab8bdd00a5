package recovery

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
	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/chunk"
)

// testOptions are those of a repository's log, in a new directory.
func testOptions(t *testing.T, sealed bool) Options {
	t.Helper()
	o := Options{Dir: t.TempDir(), Repository: [16]byte{1, 2, 3}, KeyID: [8]byte{4}, Tag: chunk.Key{5}}
	if sealed {
		writer, err := age.GenerateHybridIdentity()
		if err != nil {
			t.Fatal(err)
		}
		o.Recipients, o.Identity = []age.Recipient{writer.Recipient()}, writer
	}
	return o
}

// of returns the options for an account.
func (o Options) of(account string) Options {
	copy(o.Account[:], account)
	return o
}

func smallLimits() limits {
	l := usualLimits
	l.spare = 0
	return l
}

func mustOpen(t *testing.T, o Options, account string, limits limits) *Log {
	t.Helper()
	s, err := open(o.of(account), limits)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no log is kept on this system")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func put(s *Log, key, body string) {
	e := s.Begin([]byte(key))
	for len(body) > 0 {
		n := min(len(body), 1000)
		e.Write([]byte(body[:n]))
		body = body[n:]
	}
	e.End()
}

// entriesLeft returns the whole entries that killed runs left.
func entriesLeft(t *testing.T, s *Log) map[string]string {
	t.Helper()
	found := map[string]string{}
	_, err := s.Recover(t.Context(), func(key []byte, body io.Reader) error {
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

func TestNextRunRecovers(t *testing.T) {
	for _, sealed := range []bool{true, false} {
		o := testOptions(t, sealed)
		first := mustOpen(t, o, "anna", smallLimits())
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

		// While the run lives, no other run recovers its entries. Another account never does.
		other := mustOpen(t, o, "anna", smallLimits())
		if left := entriesLeft(t, other); len(left) > 0 {
			t.Errorf("%d entries of a run that still runs", len(left))
		}
		other.Close()
		first.Close()
		other = mustOpen(t, o, "bert", smallLimits())
		if left := entriesLeft(t, other); len(left) > 0 {
			t.Errorf("%d entries of another account", len(left))
		}
		other.Close()
		second := mustOpen(t, o, "anna", smallLimits())
		if left := entriesLeft(t, second); !maps.Equal(left, want) {
			t.Errorf("sealed %v: of %d entries, %d are recovered", sealed, len(want), len(left))
		}
		second.Close() // it committed nothing
		third := mustOpen(t, o, "anna", smallLimits())
		if left := entriesLeft(t, third); len(left) != len(want) {
			t.Errorf("after a run that committed nothing, %d entries are recovered", len(left))
		}
		third.Clear(true)
		third.Close()
		if files := filesBelow(t, o.Dir); len(files) > 0 {
			t.Errorf("after a commit there are files %q", files)
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

// A file that is cut anywhere, or has a wrong byte anywhere, yields only entries that were written.
func TestDamagedFile(t *testing.T) {
	for _, sealed := range []bool{true, false} {
		o := testOptions(t, sealed)
		s := mustOpen(t, o, "anna", smallLimits())
		want := map[string]string{}
		for i := range 20 {
			key, body := fmt.Sprint("key ", i), strings.Repeat(fmt.Sprint(i), 400*i)
			put(s, key, body)
			want[key] = body
		}
		s.Close()
		path := entryFiles(s.dir)[0]
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		most := 0
		try := func(what string, content []byte) {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			next := mustOpen(t, o, "anna", smallLimits())
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
			t.Errorf("sealed %v: only %d entries of a damaged file are recovered", sealed, most)
		}
	}
}

// A killed run leaves what was in its files: all but the last buffers.
func TestKilledRun(t *testing.T) {
	o := testOptions(t, true)
	s := mustOpen(t, o, "anna", smallLimits())
	body := strings.Repeat("0123456789", 1000)
	for i := range 100 {
		put(s, fmt.Sprint(i), body)
	}
	var copies [][]byte
	for _, path := range entryFiles(s.dir) {
		b, err := os.ReadFile(path) // while the file is open
		if err != nil {
			t.Fatal(err)
		}
		copies = append(copies, b)
		if bytes.Contains(b, []byte("0123456789")) {
			t.Error("the disk holds plain mail")
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, mode %v", err, info.Mode())
		}
	}
	dir := s.dir
	s.Close()
	for i, path := range entryFiles(dir) {
		if err := os.WriteFile(path, copies[i], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	left := entriesLeft(t, mustOpen(t, o, "anna", smallLimits()))
	if most := ((64 << 10) + bufferSize) / len(body); len(left) < 100-most-2 {
		t.Errorf("of 100 messages %d are recovered", len(left))
	}
}

// Logs of runs that did not commit keep within their limits, and those that are stale are not read.
func TestLimits(t *testing.T) {
	o := testOptions(t, false)
	limits := smallLimits()
	limits.bytes, limits.entries = 10_000, 20
	for run := range 8 { // none of them commits
		s := mustOpen(t, o, "anna", limits)
		for i := range 30 {
			put(s, fmt.Sprint(run, i), strings.Repeat("x", 400))
		}
		if !s.Full() || s.Failed() != nil {
			t.Errorf("full %v, failed %v", s.Full(), s.Failed())
		}
		s.Close()
	}
	s := mustOpen(t, o, "anna", limits)
	if left := entriesLeft(t, s); len(left) != 2*limits.entries || len(s.left) != 3 {
		t.Errorf("%d entries of %d runs", len(left), len(s.left))
	}
	put(s, "large", strings.Repeat("x", 20_000))
	if !s.Full() {
		t.Error("a log of 10,000 bytes takes 20,000")
	}
	if s.Clear(false); s.Full() || len(s.left) == 0 {
		t.Error("after Clear the log is full, or has released the logs of killed runs")
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
	if left := entriesLeft(t, mustOpen(t, o, "anna", limits)); len(left) > 0 {
		t.Errorf("%d entries are stale", len(left))
	}
}

// An early entry is not kept, and creates no file.
func TestAfter(t *testing.T) {
	o := testOptions(t, true)
	limits := smallLimits()
	synctest.Test(t, func(t *testing.T) {
		const after = 5 * time.Second
		o.After = after
		s, err := open(o.of("anna"), limits)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip("no log is kept on this system")
		}
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		time.Sleep(after - time.Nanosecond)
		if put(s, "early", "x"); len(entryFiles(s.dir)) > 0 || s.Failed() != nil {
			t.Errorf("too early there are files %q; failed: %v", entryFiles(s.dir), s.Failed())
		}
		time.Sleep(time.Nanosecond)
		if put(s, "late", "x"); len(entryFiles(s.dir)) != 1 || s.Failed() != nil {
			t.Errorf("in time, there are files %q; failed: %v", entryFiles(s.dir), s.Failed())
		}
	})
}

// A full disk ends the log and removes its files.
func TestFullDisk(t *testing.T) {
	o := testOptions(t, true)
	limits := smallLimits()
	s := mustOpen(t, o, "anna", limits)
	put(s, "1", "x")
	s.limits.spare, s.limits.age = 1<<62, 0
	if e := s.Begin([]byte("2")); e != nil || s.Failed() == nil || len(entryFiles(s.dir)) > 0 {
		t.Errorf("failed: %v; files %q", s.Failed(), entryFiles(s.dir))
	}
	var none *Log
	put(none, "1", "x")
	none.Clear(true)
	none.Close()
}

// The frozen vector of docs/format.md, "Spill".
func TestFormat(t *testing.T) {
	o := testOptions(t, false)
	for i := range o.Repository {
		o.Repository[i] = 0xa0 + byte(i)
	}
	var secret [32]byte
	for i := range secret {
		secret[i] = byte(i)
	}
	var account chunk.Key
	blake3.DeriveKey("mailstrata v1 tag", secret[:], o.Tag[:])
	blake3.DeriveKey("mailstrata v1 key id", secret[:], o.KeyID[:])
	blake3.DeriveKey("mailstrata v1 account", secret[:], account[:])
	home := account.Sum([]byte("home"))
	o.Account = [16]byte(home[:16])
	s := mustOpen(t, o, "", smallLimits())
	put(s, "key", "Hello\r\n")
	e := s.Begin([]byte("k"))
	e.Write([]byte("Hel"))
	e.Drop()
	s.Close()
	have, err := os.ReadFile(entryFiles(s.dir)[0])
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	if dump := hexLines(have); !bytes.Contains(text, []byte(dump)) {
		t.Errorf("docs/format.md does not hold these bytes:\n%s", dump)
	}
}

func hexLines(b []byte) string {
	var lines []string
	for piece := range slices.Chunk(b, 24) {
		lines = append(lines, fmt.Sprintf("%x", piece))
	}
	return strings.Join(lines, "\n")
}
