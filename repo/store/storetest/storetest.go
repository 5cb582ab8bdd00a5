// Package storetest tries whether a store.Store keeps what the interface promises, and gives tests stores of their own.
//
// Run is the one conformance suite: memory, a local directory, MinIO and versitygw all go through it. Memory is a
// store for tests that need none in particular. Faulty makes any store fail, lose a response or cut a body short
// at the n-th operation, for tests that crash at every step in turn.
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo/store"
	"golang.org/x/sync/errgroup"
)

// Run tries every promise of store.Store. Each call of open gives a new, empty store.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for name, try := range map[string]func(*testing.T, store.Store){
		"a round trip of every size":       roundTrip,
		"a large object":                   large,
		"put never replaces":               neverReplaces,
		"one winner of many":               oneWinner,
		"the same bytes many times":        sameBytes,
		"nothing is seen before it is all": atomic,
		"a failing body leaves nothing":    failingBody,
		"ranges":                           ranges,
		"names":                            names,
		"listing is ordered":               listOrder,
		"listing by prefix":                listPrefix,
		"listing many objects":             listMany,
		"delete":                           deletes,
		"the clock":                        clock,
		"a cancelled context":              cancelled,
	} {
		t.Run(name, func(t *testing.T) { try(t, open(t)) })
	}
}

func roundTrip(t *testing.T, s store.Store) {
	for _, size := range []int64{0, 1, 100, 4095, 4096, 4097, 1 << 20} {
		name := fmt.Sprintf("size/%d", size)
		data := random(size, size)
		put(t, s, name, data)
		if got := get(t, s, name); !bytes.Equal(got, data) {
			t.Errorf("%d bytes come back as %d other ones", size, len(got))
		}
	}
}

// large is larger than a pack, and than any buffer on the way; it also makes a single PUT on S3.
func large(t *testing.T, s store.Store) {
	const size = 40 << 20
	body := &pattern{seed: 7}
	if err := s.Put(t.Context(), "large", body, size); err != nil {
		t.Fatal(err)
	}
	r, total, err := s.Get(t.Context(), "large", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if total != size {
		t.Errorf("Get says %d bytes, want %d", total, size)
	}
	if got, want := digest(t, r), digest(t, io.NewSectionReader(body, 0, size)); got != want {
		t.Error("the bytes that come back are others")
	}
	if o := find(t, s, "large"); o.Size != size {
		t.Errorf("List says %d bytes, want %d", o.Size, size)
	}
}

func neverReplaces(t *testing.T, s store.Store) {
	put(t, s, "one", []byte("first"))
	for _, other := range []string{"other", "first and more", "fir", ""} {
		if err := putBytes(t.Context(), s, "one", []byte(other)); !errors.Is(err, store.ErrExist) {
			t.Errorf("putting %q over %q: %v, want ErrExist", other, "first", err)
		}
	}
	put(t, s, "one", []byte("first")) // the same bytes again are no error
	if got := get(t, s, "one"); string(got) != "first" {
		t.Errorf("the object was replaced by %q", got)
	}
}

func oneWinner(t *testing.T, s store.Store) {
	const writers = 16
	errs := together(writers, func(i int) error {
		return putBytes(t.Context(), s, "contested", random(int64(i), 64<<10))
	})
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("both %d and %d won", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, store.ErrExist):
			t.Errorf("writer %d: %v, want ErrExist", i, err)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	if !bytes.Equal(get(t, s, "contested"), random(int64(winner), 64<<10)) {
		t.Error("the object is not the winner's")
	}
}

func sameBytes(t *testing.T, s store.Store) {
	data := random(1, 64<<10)
	errs := together(16, func(int) error { return putBytes(t.Context(), s, "shared", data) })
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(get(t, s, "shared"), data) {
		t.Error("the object has other bytes")
	}
}

// atomic looks at the store while the second half of the body is asked for.
func atomic(t *testing.T, s store.Store) {
	const size = 4 << 20
	looks := 0
	body := &pattern{seed: 3, past: size / 2, hook: func() error {
		if looks++; looks > 8 {
			return nil // seen enough
		}
		if _, _, err := s.Get(t.Context(), "a/b", 0, -1); !errors.Is(err, store.ErrNotExist) {
			t.Errorf("Get during Put: %v, want ErrNotExist", err)
		}
		if got := list(t, s, ""); len(got) > 0 {
			t.Errorf("List during Put shows %v", got)
		}
		return nil
	}}
	if err := s.Put(t.Context(), "a/b", body, size); err != nil {
		t.Fatal(err)
	}
	if looks == 0 {
		t.Fatal("the body was never read")
	}
	if got := list(t, s, ""); !slices.Equal(got, []string{"a/b"}) {
		t.Errorf("afterwards List shows %v", got)
	}
}

func failingBody(t *testing.T, s store.Store) {
	broken := errors.New("the disk under the body broke")
	body := &pattern{past: 1 << 20, hook: func() error { return broken }}
	if err := s.Put(t.Context(), "torn", body, 2<<20); !errors.Is(err, broken) {
		t.Errorf("Put: %v, want the body's own error", err)
	}
	if err := s.Put(t.Context(), "short", bytes.NewReader(make([]byte, 99)), 100); err == nil {
		t.Error("a body of 99 bytes was put as 100")
	}
	if got := list(t, s, ""); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
}

func ranges(t *testing.T, s store.Store) {
	put(t, s, "ten", []byte("0123456789"))
	put(t, s, "empty", nil)
	for _, c := range []struct {
		name           string
		offset, length int64
		want           string
		err            error
	}{
		{name: "ten", offset: 0, length: -1, want: "0123456789"},
		{name: "ten", offset: 0, length: 10, want: "0123456789"},
		{name: "ten", offset: 0, length: 1, want: "0"},
		{name: "ten", offset: 3, length: 4, want: "3456"},
		{name: "ten", offset: 9, length: 1, want: "9"},
		{name: "ten", offset: 7, length: -1, want: "789"},
		{name: "ten", offset: -3, length: -1, want: "789"},
		{name: "ten", offset: -3, length: 3, want: "789"},
		{name: "ten", offset: -3, length: 2, want: "78"},
		{name: "ten", offset: -10, length: 1, want: "0"},
		{name: "ten", offset: -10, length: -1, want: "0123456789"},
		{name: "ten", offset: 0, length: 0, want: ""},
		{name: "ten", offset: 5, length: 0, want: ""},
		{name: "ten", offset: 10, length: 0, want: ""},
		{name: "ten", offset: 10, length: -1, want: ""},
		{name: "empty", offset: 0, length: -1, want: ""},
		{name: "empty", offset: 0, length: 0, want: ""},

		{name: "ten", offset: 0, length: 11, err: store.ErrRange},
		{name: "ten", offset: 9, length: 2, err: store.ErrRange},
		{name: "ten", offset: 10, length: 1, err: store.ErrRange},
		{name: "ten", offset: 11, length: 0, err: store.ErrRange},
		{name: "ten", offset: 11, length: -1, err: store.ErrRange},
		{name: "ten", offset: 1 << 40, length: 1, err: store.ErrRange},
		{name: "ten", offset: 1, length: 1<<63 - 1, err: store.ErrRange},
		{name: "ten", offset: -11, length: -1, err: store.ErrRange},
		{name: "ten", offset: -11, length: 5, err: store.ErrRange},
		{name: "ten", offset: -3, length: 4, err: store.ErrRange},
		{name: "empty", offset: 0, length: 1, err: store.ErrRange},
		{name: "empty", offset: 1, length: -1, err: store.ErrRange},
		{name: "empty", offset: -1, length: -1, err: store.ErrRange},

		{name: "none", offset: 0, length: -1, err: store.ErrNotExist},
		{name: "none", offset: 0, length: 0, err: store.ErrNotExist},
		{name: "none", offset: -5, length: 2, err: store.ErrNotExist},
	} {
		body, size, err := s.Get(t.Context(), c.name, c.offset, c.length)
		if !errors.Is(err, c.err) {
			t.Errorf("Get(%s, %d, %d): %v, want %v", c.name, c.offset, c.length, err, c.err)
		}
		if err != nil {
			continue
		}
		got, err := io.ReadAll(body)
		if string(got) != c.want || err != nil {
			t.Errorf("Get(%s, %d, %d) = %q, %v, want %q", c.name, c.offset, c.length, got, err, c.want)
		}
		if want := int64(10); c.name == "ten" && size != want {
			t.Errorf("Get(%s, %d, %d) says the object has %d bytes, want %d", c.name, c.offset, c.length, size, want)
		}
		if err := body.Close(); err != nil {
			t.Error(err)
		}
	}
}

func names(t *testing.T, s store.Store) {
	good := []string{
		"a", "0", "-", "..x", "x..", "...", "a.b-c", "deep/1/2/3/4/5", "dots/.a/b.", strings.Repeat("n", 200),
		strings.Repeat("seg/", 20) + "end",
	}
	for _, name := range good {
		put(t, s, name, []byte(name))
	}
	for _, name := range good {
		if got := get(t, s, name); string(got) != name {
			t.Errorf("object %s holds %q", name, got)
		}
	}
	bad := []string{"", ".", "..", "/", "x/", "/x", "x//y", "x/../y", "./x", "../x", "X", "x_y", "x y", "x\x00", `x\y`, "ä"}
	for _, name := range bad {
		if err := putBytes(t.Context(), s, name, []byte("x")); err == nil {
			t.Errorf("%q was taken for a name", name)
		}
		if _, _, err := s.Get(t.Context(), name, 0, -1); err == nil {
			t.Errorf("there is an object %q", name)
		}
	}
	slices.Sort(good)
	if got := list(t, s, ""); !slices.Equal(got, good) {
		t.Errorf("listed: %q\nwant:   %q", got, good)
	}
}

// listOrder has names that a walk of directories would bring in another order than that of their bytes: '-' and '.'
// sort before '/', digits and letters after.
func listOrder(t *testing.T, s store.Store) {
	want := []string{"x-1", "x-1.a", "x.1", "x/-", "x/.a", "x/1/2", "x/1/a/b", "x/10", "x/9", "x1", "x1-/0", "xx/1", "y/0"}
	for _, i := range rand.Perm(len(want)) {
		put(t, s, want[i], nil)
	}
	if got := list(t, s, ""); !slices.Equal(got, want) {
		t.Errorf("listed: %q\nwant:   %q", got, want)
	}
}

func listPrefix(t *testing.T, s store.Store) {
	all := []string{"index/0a", "packs/3/f", "packs/3a/1", "packs/3a/2", "packs/3b/1", "packs3", "pacs/1"}
	for _, name := range all {
		put(t, s, name, []byte("x"))
	}
	for _, prefix := range []string{
		"", "p", "packs", "packs/", "packs/3", "packs/3/", "packs/3a", "packs/3a/", "packs/3a/1", "packs/3a/1/",
		"packs/3a/11", "packs3", "none", "none/", "index/0", "z", "a",
	} {
		want := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !strings.HasPrefix(s, prefix) })
		if got := list(t, s, prefix); !slices.Equal(got, want) {
			t.Errorf("prefix %q lists %q, want %q", prefix, got, want)
		}
	}
}

func listMany(t *testing.T, s store.Store) {
	const n = 2500 // more than two pages of 1,000
	var want []string
	var g errgroup.Group
	g.SetLimit(16)
	for i := range n {
		name := fmt.Sprintf("many/%02x/%04d", i%7, i)
		want = append(want, name)
		g.Go(func() error { return putBytes(t.Context(), s, name, []byte(name)) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if got := list(t, s, "many/"); !slices.Equal(got, want) {
		t.Errorf("%d names were listed, want %d in order", len(got), len(want))
	}
	for _, stop := range []int{1, 999, 1000, 1001} {
		seen := 0
		for o, err := range s.List(t.Context(), "many/") {
			if err != nil {
				t.Fatal(err)
			}
			if o.Name != want[seen] || o.Size != int64(len(o.Name)) {
				t.Fatalf("object %d is %s of %d bytes, want %s", seen, o.Name, o.Size, want[seen])
			}
			if seen++; seen == stop {
				break
			}
		}
	}
	unfinished(t, s, n)
}

// unfinished cancels a listing under way: it may still come to its end, but what ends without an error is whole.
func unfinished(t *testing.T, s store.Store, whole int) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen, failed := 0, false
	for _, err := range s.List(ctx, "many/") {
		cancel()
		if failed {
			t.Fatal("something is yielded after an error")
		}
		if failed = err != nil; !failed {
			seen++
		} else if !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled List: %v", err)
		}
	}
	if !failed && seen < whole {
		t.Errorf("a cancelled List ended after %d objects of %d without an error", seen, whole)
	}
}

func deletes(t *testing.T, s store.Store) {
	put(t, s, "d/1", []byte("x"))
	put(t, s, "d/2", []byte("x"))
	for range 2 { // the second time there is none
		if err := s.Delete(t.Context(), "d/1"); err != nil {
			t.Error(err)
		}
	}
	if err := s.Delete(t.Context(), "never/was"); err != nil {
		t.Error(err)
	}
	if _, _, err := s.Get(t.Context(), "d/1", 0, -1); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("Get of a deleted object: %v, want ErrNotExist", err)
	}
	if got := list(t, s, ""); !slices.Equal(got, []string{"d/2"}) {
		t.Errorf("left: %v", got)
	}
	put(t, s, "d/1", []byte("other")) // the name is free again
	if got := get(t, s, "d/1"); string(got) != "other" {
		t.Errorf("put after delete holds %q", got)
	}
}

func clock(t *testing.T, s store.Store) {
	const second = 2 * time.Second // times are told to the second, so two can differ by nearly two
	before := now(t, s)
	put(t, s, "dated", []byte("x"))
	after := now(t, s)
	if after.Before(before.Add(-second)) {
		t.Errorf("the clock went back from %v to %v", before, after)
	}
	made := find(t, s, "dated").Time
	if made.Before(before.Add(-second)) || made.After(after.Add(second)) {
		t.Errorf("made at %v, which is not between %v and %v", made, before, after)
	}
	put(t, s, "dated", []byte("x"))
	if again := find(t, s, "dated").Time; !again.Equal(made) {
		t.Errorf("putting the same bytes again moved the time from %v to %v", made, again)
	}
}

func cancelled(t *testing.T, s store.Store) {
	put(t, s, "there", []byte("x"))
	ctx, cancel := context.WithCancel(t.Context())
	body := &pattern{past: 1 << 20, hook: func() error { cancel(); return nil }}
	if err := s.Put(ctx, "half", body, 16<<20); !errors.Is(err, context.Canceled) {
		t.Errorf("Put cancelled under way: %v", err)
	}
	if err := putBytes(ctx, s, "new", []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: %v", err)
	}
	if _, _, err := s.Get(ctx, "there", 0, -1); !errors.Is(err, context.Canceled) {
		t.Errorf("Get: %v", err)
	}
	if err := s.Delete(ctx, "there"); !errors.Is(err, context.Canceled) {
		t.Errorf("Delete: %v", err)
	}
	if _, err := s.Now(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Now: %v", err)
	}
	for _, err := range s.List(ctx, "") {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("List: %v", err)
		}
	}
	if got := list(t, s, ""); !slices.Equal(got, []string{"there"}) {
		t.Errorf("afterwards there are %v", got)
	}
}

// together calls do for 0 to n-1 at the same time.
func together(n int, do func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var g errgroup.Group
	for i := range n {
		g.Go(func() error {
			<-start
			errs[i] = do(i)
			return nil
		})
	}
	close(start)
	_ = g.Wait()
	return errs
}

func put(t *testing.T, s store.Store, name string, data []byte) {
	t.Helper()
	if err := putBytes(t.Context(), s, name, data); err != nil {
		t.Fatal(err)
	}
}

func putBytes(ctx context.Context, s store.Store, name string, data []byte) error {
	return s.Put(ctx, name, bytes.NewReader(data), int64(len(data)))
}

func get(t *testing.T, s store.Store, name string) []byte {
	t.Helper()
	body, size, err := s.Get(t.Context(), name, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		t.Fatal(err)
	}
	if size != int64(len(data)) {
		t.Errorf("Get of %s says %d bytes and gives %d", name, size, len(data))
	}
	return data
}

func list(t *testing.T, s store.Store, prefix string) []string {
	t.Helper()
	var names []string
	for o, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, o.Name)
	}
	return names
}

func find(t *testing.T, s store.Store, name string) store.Object {
	t.Helper()
	for o, err := range s.List(t.Context(), name) {
		if err != nil {
			t.Fatal(err)
		}
		if o.Name == name {
			return o
		}
	}
	t.Fatalf("%s is not listed", name)
	return store.Object{}
}

func now(t *testing.T, s store.Store) time.Time {
	t.Helper()
	now, err := s.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return now
}

func digest(t *testing.T, r io.Reader) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func random(seed, size int64) []byte {
	data := make([]byte, size)
	_, _ = (&pattern{seed: byte(seed)}).ReadAt(data, 0)
	return data
}

// pattern is a body without end that needs little memory: one block of noise, over and over. Its length is prime,
// so that a piece of the body in a wrong place is noticed. Each read that reaches beyond past calls hook first.
type pattern struct {
	seed byte
	past int64
	hook func() error

	once  sync.Once
	block [65521]byte
}

func (b *pattern) ReadAt(p []byte, off int64) (int, error) {
	b.once.Do(func() { _, _ = rand.NewChaCha8([32]byte{b.seed}).Read(b.block[:]) })
	if b.hook != nil && off+int64(len(p)) > b.past {
		if err := b.hook(); err != nil {
			return 0, err
		}
	}
	for done := 0; done < len(p); {
		done += copy(p[done:], b.block[(off+int64(done))%int64(len(b.block)):])
	}
	return len(p), nil
}
