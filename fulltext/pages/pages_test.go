package pages_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/mailstrata/mailstrata/fulltext/pages"
)

var key = [32]byte{1, 2, 3}

// page returns the contents of a page, which differ for each seed.
func page(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	p := make([]byte, pages.PageSize)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

func open(t *testing.T, dir string) *pages.File {
	t.Helper()
	f, err := pages.Open(dir, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// model is what the pages of a file must be: for each number, the seed of its contents; 0 is a page
// of zeros.
type model []uint64

func (m model) check(t *testing.T, f *pages.File) {
	t.Helper()
	if int(f.Pages()) != len(m) {
		t.Fatalf("%d pages, want %d", f.Pages(), len(m))
	}
	for number, seed := range m {
		got, err := f.Read(uint32(number))
		must(t, err)
		want := make([]byte, pages.PageSize)
		if seed != 0 {
			want = page(seed)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("page %d is not what was written", number)
		}
	}
	if _, err := f.Read(uint32(len(m))); err != io.EOF {
		t.Fatalf("after the last page: %v", err)
	}
}

func copyDir(t *testing.T, from string) string {
	to := t.TempDir()
	must(t, os.CopyFS(to, os.DirFS(from)))
	return to
}

// TestRandom writes, truncates, commits and reloads at random. After each step, it looks at a copy
// of the directory as a crash would leave it: the pages are those of the last commit.
func TestRandom(t *testing.T) {
	const numbers = 900 // more than two tables
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 2))
		dir := t.TempDir()
		f := open(t, dir)
		var now, committed model
		next := uint64(1)
		for range 300 {
			switch n := r.IntN(100); {
			case n < 80:
				number := r.IntN(40)
				if r.IntN(20) == 0 {
					number = r.IntN(numbers)
				}
				must(t, f.Write(uint32(number), page(next)))
				for len(now) <= number {
					now = append(now, 0)
				}
				now[number] = next
				next++
			case n < 82:
				if number := r.IntN(40); number < len(now) {
					must(t, f.Release(uint32(number)))
					now[number] = 0
				}
			case n < 84:
				to := r.IntN(len(now) + 1)
				must(t, f.Truncate(uint32(to)))
				now = now[:to]
			case n < 94:
				must(t, f.Commit())
				committed = append(model(nil), now...)
			case n < 97:
				must(t, f.Reload())
				now = append(model(nil), committed...)
			default:
				must(t, f.Close())
				f = open(t, dir)
				now = append(model(nil), committed...)
			}
			if r.IntN(30) == 0 {
				now.check(t, f)
				committed.check(t, open(t, copyDir(t, dir)))
			}
		}
		must(t, f.Commit())
		now.check(t, open(t, dir))
	}
}

// TestSlotsAreUsedAgain bounds the size of a file that is rewritten again and again, and which
// shrinks.
func TestSlotsAreUsedAgain(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	for round := range uint64(20) {
		for number := range uint32(10) {
			must(t, f.Write(number, page(round+1)))
		}
		must(t, f.Commit())
	}
	if most := int64(30 * pages.PageSize); f.Bytes() > most {
		t.Errorf("%d bytes for 10 pages, want at most %d", f.Bytes(), most)
	}
	must(t, f.Truncate(1))
	must(t, f.Commit())
	must(t, f.Write(0, page(99)))
	must(t, f.Commit())
	if most := int64(30 * pages.PageSize); f.Bytes() > most {
		t.Errorf("%d bytes for one page, want at most %d", f.Bytes(), most)
	}
	model{99}.check(t, open(t, dir))
}

// TestCompact bounds the size of a file of which most pages are released: pages move from its end
// into the free room.
func TestCompact(t *testing.T) {
	const all, kept = 2000, 300
	dir := t.TempDir()
	f := open(t, dir)
	want := make(model, all)
	for number := range uint32(all) {
		must(t, f.Write(number, page(uint64(number)+1)))
		want[number] = uint64(number) + 1
	}
	must(t, f.Commit())
	for number := range uint32(all - kept) {
		must(t, f.Release(number))
		want[number] = 0
	}
	for range 2 { // what moves in a commit leaves its place free in the next one
		must(t, f.Commit())
		must(t, f.Write(all-1, page(all)))
	}
	want.check(t, open(t, copyDir(t, dir)))
	must(t, f.Commit())
	if most := int64((kept*5/4 + 300) * pages.PageSize); f.Bytes() > most {
		t.Errorf("%d bytes for %d pages, want at most %d", f.Bytes(), kept, most)
	}
	want.check(t, open(t, dir))
}

// TestLostWrites replaces everything that was written since the last commit, as a power failure
// can: the last commit stays.
func TestLostWrites(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	for number := range uint32(5) {
		must(t, f.Write(number, page(uint64(number)+1)))
	}
	must(t, f.Commit())
	want := model{1, 2, 3, 4, 5}
	before, err := os.ReadFile(filepath.Join(dir, "pages"))
	must(t, err)
	for number := range uint32(8) {
		must(t, f.Write(number, page(uint64(number)+10)))
	}
	after, err := os.ReadFile(filepath.Join(dir, "pages"))
	must(t, err)
	if !bytes.HasPrefix(after, before) {
		t.Fatal("a write changed what the last commit refers to")
	}
	clear(after[len(before):])
	crashed := copyDir(t, dir)
	must(t, os.WriteFile(filepath.Join(crashed, "pages"), after, 0o600))
	want.check(t, open(t, crashed))
}

// TestDamage flips bits everywhere: a page that is read is right, or damage.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	want := model{1, 2, 3, 4}
	for number, seed := range want {
		must(t, f.Write(uint32(number), page(seed)))
	}
	must(t, f.Commit())
	for _, name := range []string{"root", "pages"} {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		must(t, err)
		for at := 0; at < len(text); at += 1 + len(text)/500 {
			text[at] ^= 1 << (at % 8)
			must(t, os.WriteFile(path, text, 0o600))
			if wasRight(t, dir, want) && name == "root" {
				t.Errorf("bit of byte %d of %s: not noticed", at, name)
			}
			text[at] ^= 1 << (at % 8)
		}
		for _, n := range []int{0, 1, len(text) / 2, len(text) - 1} {
			must(t, os.WriteFile(path, text[:n], 0o600))
			if wasRight(t, dir, want) {
				t.Errorf("%s cut to %d bytes: not noticed", name, n)
			}
		}
		must(t, os.WriteFile(path, text, 0o600))
	}
	want.check(t, open(t, dir))
	if _, err := pages.Open(dir, [32]byte{9}); !errors.Is(err, pages.ErrDamaged) {
		t.Errorf("another key: %v", err)
	}
}

// wasRight reads all pages. It reports whether none was damaged, and fails if one is wrong.
func wasRight(t *testing.T, dir string, want model) bool {
	t.Helper()
	f, err := pages.Open(dir, key)
	if err != nil {
		if !errors.Is(err, pages.ErrDamaged) {
			t.Fatal(err)
		}
		return false
	}
	defer f.Close()
	right := true
	for number, seed := range want {
		got, err := f.Read(uint32(number))
		switch {
		case errors.Is(err, pages.ErrDamaged):
			right = false
		case err != nil:
			t.Fatal(err)
		case !bytes.Equal(got, page(seed)):
			t.Fatalf("page %d is wrong, and no error", number)
		}
	}
	return right
}

// TestOlderPage puts an older version of a page in the place of the newer one, and a page in the
// place of another.
func TestOlderPage(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	path := filepath.Join(dir, "pages")
	slots := func() [][]byte {
		text, err := os.ReadFile(path)
		must(t, err)
		var all [][]byte
		for ; len(text) > 0; text = text[pages.PageSize:] {
			all = append(all, text[:pages.PageSize])
		}
		return all
	}
	var older [][][]byte
	for seed := range uint64(6) {
		must(t, f.Write(0, page(seed+1)))
		must(t, f.Write(1, page(seed+100)))
		must(t, f.Commit())
		older = append(older, slots())
	}
	now := older[len(older)-1]
	for _, then := range older {
		for slot := range then {
			for place := range now {
				if bytes.Equal(then[slot], now[place]) {
					continue
				}
				exchanged := append([][]byte(nil), now...)
				exchanged[place] = then[slot]
				must(t, os.WriteFile(path, bytes.Join(exchanged, nil), 0o600))
				wasRight(t, dir, model{6, 105})
			}
		}
	}
}

// TestReaders reads while another File commits: a reader sees a commit as a whole, or damage and
// that the root has changed.
func TestReaders(t *testing.T) {
	dir := t.TempDir()
	writer := open(t, dir)
	reader := open(t, dir)
	behind := 0
	for seed := range uint64(50) {
		for number := range uint32(3) {
			must(t, writer.Write(number, page(seed+1)))
		}
		if seed%3 == 0 && reader.Changed() {
			t.Fatal("a change was seen before its commit")
		}
		must(t, writer.Commit())
		if !reader.Changed() {
			t.Fatal("a commit was not noticed")
		}
		for number := range reader.Pages() {
			got, err := reader.Read(number)
			if errors.Is(err, pages.ErrDamaged) {
				behind++
			} else if err != nil || bytes.Equal(got, page(seed+1)) {
				t.Fatalf("commit %d: a reader saw a part of it, or %v", seed, err)
			}
		}
		if seed%3 == 2 {
			must(t, reader.Reload())
			model{seed + 1, seed + 1, seed + 1}.check(t, reader)
		}
	}
	if behind == 0 {
		t.Error("no slot was used again; the test shows nothing")
	}
}

// aRoot is a root of one page.
const aRoot = "6d61696c737472617461207061676573010e4a23d60c9d5b779027b3d03d6cce3fda89895ded84d4ceb0dccbd05d90e8cf41bf4d2ddc34db6145bfaa9d4325b4" +
	"92d9e0628fd6b41780b534e52fac1b862ed3985f49e45a9bb0fba1c7c7ce1276d114313197db9d1922c2396b7af920eca2246d51fc9f61a586be1c66eacfdd96" +
	"f198e82279a0e2537919c4554892a7c96a"

// FuzzRoot changes a root: it opens only as it was written.
func FuzzRoot(f *testing.F) {
	right, err := hex.DecodeString(aRoot)
	if err != nil {
		f.Fatal(err)
	}
	dir := f.TempDir()
	f.Add(right)
	f.Add(right[:50])
	f.Fuzz(func(t *testing.T, text []byte) {
		must(t, os.WriteFile(filepath.Join(dir, "root"), text, 0o600))
		file, err := pages.Open(dir, key)
		if err == nil {
			file.Close()
		}
		if right := bytes.Equal(text, right); right != (err == nil) || !right && !errors.Is(err, pages.ErrDamaged) {
			t.Errorf("%x: %v", text, err)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	f, err := pages.Open(b.TempDir(), key)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	p := page(1)
	b.SetBytes(pages.PageSize)
	for i := 0; b.Loop(); i++ {
		if err := f.Write(uint32(i%10_000), p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	f, err := pages.Open(b.TempDir(), key)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for number := range uint32(1000) {
		if err := f.Write(number, page(1)); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(pages.PageSize)
	for i := 0; b.Loop(); i++ {
		if _, err := f.Read(uint32(i % 1000)); err != nil {
			b.Fatal(err)
		}
	}
}
