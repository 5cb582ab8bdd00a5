package fulltext_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/fulltext"
	"github.com/mailstrata/mailstrata/fulltext/words"
)

var key = [32]byte{1, 2, 3}

func open(t testing.TB, dir string) *fulltext.Index {
	t.Helper()
	x, err := fulltext.Open(dir, key)
	must(t, err)
	t.Cleanup(func() { _ = x.Close() })
	return x
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hash returns the hash of the message with a number.
func hash(n int) (id chunk.ID) {
	copy(id[:], fmt.Sprintf("%08d", n*7919%100_000_000))
	copy(id[8:], fmt.Sprint(n))
	return id
}

// day is the date of messages, counted in days.
func day(n int) time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).AddDate(0, 0, n) }

func add(t testing.TB, x *fulltext.Index, all ...fulltext.Message) {
	t.Helper()
	must(t, x.Update(context.Background(), func(u *fulltext.Update) error {
		for _, m := range all {
			if err := u.Add(context.Background(), m); err != nil {
				return err
			}
		}
		return nil
	}))
}

func message(n int, body string) fulltext.Message {
	return fulltext.Message{Hash: hash(n), Date: day(n), Fields: words.Fields{Body: []string{body}}}
}

func parse(t testing.TB, query string) *words.Query {
	t.Helper()
	q, err := words.Parse(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return q
}

// find returns the hashes of all hits.
func find(t testing.TB, x *fulltext.Index, query string, b fulltext.Bounds) []chunk.ID {
	t.Helper()
	return collect(t, x.Search(t.Context(), parse(t, query), b))
}

func collect(t testing.TB, hits iter.Seq2[fulltext.Hit, error]) (all []chunk.ID) {
	t.Helper()
	for hit, err := range hits {
		must(t, err)
		all = append(all, hit.Hash)
	}
	return all
}

func hashes(numbers ...int) (all []chunk.ID) {
	for _, n := range numbers {
		all = append(all, hash(n))
	}
	return all
}

func wants(t testing.TB, x *fulltext.Index, query string, numbers ...int) {
	t.Helper()
	if got := find(t, x, query, fulltext.Bounds{}); !slices.Equal(got, hashes(numbers...)) {
		t.Errorf("%s: %s, want %s", query, got, hashes(numbers...))
	}
}

func TestNewestFirst(t *testing.T) {
	x := open(t, t.TempDir())
	wants(t, x, "bridge")
	add(t, x, message(3, "the old bridge"), message(1, "a bridge"), message(2, "a river"))
	wants(t, x, "bridge", 3, 1)
	wants(t, x, "-bridge", 2)
	wants(t, x, "in:INBOX", 3, 2, 1)
	add(t, x, message(0, "older bridge"), message(4, "new bridge"), message(1, "an other text of a message that is there"))
	wants(t, x, "bridge", 4, 3, 1, 0)
	wants(t, x, "other")
	status, err := x.Status(t.Context())
	must(t, err)
	if status.Messages != 5 || status.Generation != 2 || status.Bytes == 0 {
		t.Errorf("%+v", status)
	}
	q := parse(t, "bridge")
	for hit, err := range x.Search(t.Context(), q, fulltext.Bounds{}) {
		must(t, err)
		if hit.Hash != hash(4) || !hit.Date.Equal(day(4)) {
			t.Errorf("first hit %+v", hit)
		}
		break
	}
}

// A search returns the messages between its bounds, or among given ones, the newest first.
func TestBounds(t *testing.T) {
	x := open(t, t.TempDir())
	var all []fulltext.Message
	for n := range 200 {
		all = append(all, message(n, "bridge"))
	}
	for n := 200; n < 1500; n++ { // all of one second
		m := message(n, "bridge")
		m.Date = day(150)
		all = append(all, m)
	}
	add(t, x, all...)
	if got := find(t, x, "bridge", fulltext.Bounds{}); len(got) != 1500 {
		t.Errorf("%d hits", len(got))
	}
	got := find(t, x, "bridge", fulltext.Bounds{Since: day(10), Before: day(13)})
	if want := hashes(12, 11, 10); !slices.Equal(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	if got := find(t, x, "bridge", fulltext.Bounds{Since: day(150), Before: day(151)}); len(got) != 1301 {
		t.Errorf("%d hits of one second", len(got))
	}
	if got := find(t, x, "bridge", fulltext.Bounds{Since: day(150).Add(time.Second)}); len(got) != 49 {
		t.Errorf("%d hits after it", len(got))
	}
	within := append(hashes(5, 199, 7, 5), chunk.ID{1})
	if got, want := find(t, x, "bridge", fulltext.Bounds{Within: within}), hashes(199, 7, 5); !slices.Equal(got, want) {
		t.Errorf("within: %s, want %s", got, want)
	}
	if got, want := find(t, x, "bridge", fulltext.Bounds{Within: within, Before: day(6)}), hashes(5); !slices.Equal(got, want) {
		t.Errorf("within and before: %s, want %s", got, want)
	}
	if got := find(t, x, "river", fulltext.Bounds{Within: within}); got != nil {
		t.Errorf("another word: %s", got)
	}
	if got := find(t, x, "bridge", fulltext.Bounds{Within: []chunk.ID{}}); got != nil {
		t.Errorf("within nothing: %s", got)
	}
	var every []chunk.ID
	for n := range 1500 {
		every = append(every, hash(n))
	}
	if got := find(t, x, "bridge", fulltext.Bounds{Within: every}); len(got) != 1500 {
		t.Errorf("within all: %d", len(got))
	}
}

// A removed message is not found, and can be added again. Removing one that is not there is no
// error.
func TestRemove(t *testing.T) {
	x := open(t, t.TempDir())
	add(t, x, message(1, "old bridge"), message(2, "bridge"), message(3, "bridge"))
	must(t, x.Update(t.Context(), func(u *fulltext.Update) error {
		return errors.Join(u.Remove(t.Context(), hash(2)), u.Remove(t.Context(), hash(9)),
			u.Add(t.Context(), message(4, "bridge")), u.Remove(t.Context(), hash(4)))
	}))
	wants(t, x, "bridge", 3, 1)
	wants(t, x, "-river", 3, 1)
	add(t, x, message(2, "another river"))
	wants(t, x, "bridge", 3, 1)
	wants(t, x, "river", 2)
	if status, err := x.Status(t.Context()); err != nil || status.Messages != 3 {
		t.Errorf("%+v, %v", status, err)
	}
}

func TestDataAndState(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	x := open(t, dir)
	if pairs, err := x.State(ctx, nil); err != nil || pairs != nil {
		t.Errorf("%v, %v", pairs, err)
	}
	m := message(1, "bridge")
	m.Data = []byte("page 7")
	add(t, x, m)
	must(t, x.Update(ctx, func(u *fulltext.Update) error {
		return errors.Join(u.SetData(ctx, hash(1), []byte("page 8")), u.Put(ctx, []byte("a/1"), []byte("x")), u.Put(ctx, []byte("a/2"), nil),
			u.Put(ctx, []byte("a\xff"), []byte("z")), u.Put(ctx, []byte("b"), []byte("w")), u.Put(ctx, []byte("c"), []byte("w")),
			u.Put(ctx, []byte("a/1"), []byte("y")), u.Delete(ctx, []byte("c")))
	}))
	x = open(t, dir)
	for prefix, want := range map[string]string{"a/": "a/1=y a/2= ", "": "a/1=y a/2= a\xff=z b=w ", "a\xff": "a\xff=z ", "d": ""} {
		pairs, err := x.State(ctx, []byte(prefix))
		must(t, err)
		var got strings.Builder
		for _, p := range pairs {
			fmt.Fprintf(&got, "%s=%s ", p.Key, p.Value)
		}
		if got.String() != want {
			t.Errorf("%q: %q, want %q", prefix, got.String(), want)
		}
	}
	found, err := x.Messages(ctx, hashes(1, 2))
	if err != nil || len(found) != 1 || string(found[0].Data) != "page 8" || !found[0].Date.Equal(day(1)) {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestFailedUpdate shows that an update that fails changes nothing, and that the index can be
// updated after it.
func TestFailedUpdate(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	add(t, x, message(1, "bridge"))
	failure := errors.New("no")
	for range 3 {
		err := x.Update(t.Context(), func(u *fulltext.Update) error {
			must(t, u.Add(t.Context(), message(2, "bridge "+strings.Repeat("some words of text ", 1e6))))
			must(t, u.Remove(t.Context(), hash(1)))
			return failure
		})
		if err != failure {
			t.Fatal(err)
		}
		wants(t, x, "bridge", 1)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	err := x.Update(ctx, func(u *fulltext.Update) error {
		cancel(failure)
		return u.Add(ctx, message(2, "bridge"))
	})
	if err != failure {
		t.Errorf("canceled: %v", err)
	}
	add(t, x, message(3, "bridge"))
	wants(t, x, "bridge", 3, 1)
	wants(t, open(t, dir), "bridge", 3, 1)
}

func TestDropAndKeys(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	add(t, x, message(1, "bridge"))
	if _, err := fulltext.Open(dir, [32]byte{7}); !errors.Is(err, fulltext.ErrDamaged) {
		t.Errorf("another key: %v", err)
	}
	must(t, fulltext.Drop(t.Context(), dir))
	wants(t, open(t, dir), "bridge")
	wants(t, x, "bridge")
	add(t, x, message(3, "bridge"))
	wants(t, x, "bridge", 3)
	must(t, fulltext.Drop(t.Context(), dir))
	y, err := fulltext.Open(dir, [32]byte{7})
	must(t, err)
	defer y.Close()
	add(t, y, message(2, "bridge"))
	wants(t, y, "bridge", 2)
	for _, err := range x.Search(t.Context(), parse(t, "bridge"), fulltext.Bounds{}) {
		if !errors.Is(err, fulltext.ErrDamaged) {
			t.Errorf("with the old key: %v", err)
		}
	}
}

func wantDamage(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, fulltext.ErrDamaged) {
		t.Fatalf("%v, want damage", err)
	}
}

// TestManyMembers searches within many messages, of which few or none are among the first that
// match.
func TestManyMembers(t *testing.T) {
	x := open(t, t.TempDir())
	const all = 30_000
	messages := make([]fulltext.Message, all)
	for n := range messages {
		messages[n] = message(n, "bridge")
		messages[n].Date = time.Unix(int64(n*100), 0)
	}
	add(t, x, messages...)
	var within []chunk.ID
	for n := range 5000 {
		within = append(within, hash(n)) // the oldest
	}
	within = append(within, hash(all-1), hash(all-20_000), hash(all-20_001), hash(all-20_002))
	got := find(t, x, "bridge", fulltext.Bounds{Within: within})
	if len(got) != 5004 || got[0] != hash(all-1) || got[1] != hash(all-20_000) || got[3] != hash(all-20_002) || got[4] != hash(4999) || got[5003] != hash(0) {
		t.Errorf("%d hits: %s…", len(got), got[:min(len(got), 6)])
	}
	if got := find(t, x, "bridge", fulltext.Bounds{Within: within, Before: time.Unix(5000*100, 0)}); len(got) != 5000 {
		t.Errorf("%d hits before a date", len(got))
	}
}

// TestManyWords adds messages of which each word is another, as in encoded data: many in the dates
// of many years, and one as large as messages get.
func TestManyWords(t *testing.T) {
	for _, c := range []struct{ messages, bytes, days int }{{40, 200_000, 400}, {1, 8 << 20, 1}} {
		x := open(t, t.TempDir())
		must(t, x.Update(t.Context(), func(u *fulltext.Update) error {
			word := uint32(1)
			for n := range c.messages {
				var body strings.Builder
				for body.Len() < c.bytes {
					word = word*1664525 + 1013904223
					body.WriteString(strconv.FormatUint(uint64(word%(36*36*36*36*36)), 36) + " ")
				}
				m := message(n, body.String()+" bridge")
				m.Date = day(n * c.days)
				if err := u.Add(t.Context(), m); err != nil {
					return err
				}
			}
			return nil
		}))
		if got := len(find(t, x, "bridge", fulltext.Bounds{})); got != c.messages {
			t.Errorf("%d messages, want %d", got, c.messages)
		}
	}
}

// TestGoroutines searches in some goroutines while another one updates: each search sees whole
// updates.
func TestGoroutines(t *testing.T) {
	x := open(t, t.TempDir())
	q := parse(t, "bridge")
	done := make(chan struct{})
	var searching sync.WaitGroup
	for range 3 {
		searching.Go(func() {
			for last := 0; ; {
				select {
				case <-done:
					return
				default:
				}
				status, err := x.Status(t.Context())
				if n := int(status.Messages); err != nil || n%10 != 0 || n < last {
					t.Errorf("%d messages after %d, %v", n, last, err)
					return
				}
				last = int(status.Messages)
				found := 0
				for _, err := range x.Search(t.Context(), q, fulltext.Bounds{}) {
					if err != nil {
						t.Error(err)
						return
					}
					found++
				}
				if found < last {
					t.Errorf("%d hits of %d messages", found, last)
					return
				}
			}
		})
	}
	for n := range 20 {
		var all []fulltext.Message
		for i := range 10 {
			all = append(all, message(10*n+i, "old bridge"))
		}
		add(t, x, all...)
	}
	close(done)
	searching.Wait()
	if got := len(find(t, x, "bridge", fulltext.Bounds{})); got != 200 {
		t.Errorf("%d hits", got)
	}
}
