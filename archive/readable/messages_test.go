package readable_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive/readable"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mail/entity"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

func read(
	t *testing.T, s *archivetest.MemReader, wants func(*entity.Entity) bool, bodies ...[]byte,
) (raw [][]byte, errs []error) {
	t.Helper()
	var entries []*manifest.Entry
	for i, b := range bodies {
		e := s.Record(t, archivetest.Message{UID: mail.UID(i + 1), Body: b, Date: archivetest.SomeDate})
		entries = append(entries, &e)
	}
	return readEntries(t, s, wants, entries)
}

func readEntries(
	t *testing.T, s *archivetest.MemReader, wants func(*entity.Entity) bool, entries []*manifest.Entry,
) (raw [][]byte, errs []error) {
	t.Helper()
	o := readable.Options[*manifest.Entry]{Chunks: s, Wants: wants, Record: func(e *manifest.Entry) *manifest.Record { return &e.Record }}
	for m, err := range readable.Messages(t.Context(), o, inorder.Slice(entries)) {
		if err != nil {
			return raw, append(errs, err)
		}
		if m.Item != entries[len(raw)] {
			t.Fatalf("message %d is out of order", len(raw))
		}
		raw, errs = append(raw, m.Raw), append(errs, m.Err)
	}
	return raw, errs
}

// If every body is wanted, each message is as it was archived.
func TestAllBodies(t *testing.T) {
	var bodies [][]byte
	for _, m := range archivetest.OddMessages() {
		bodies = append(bodies, m.Body)
	}
	for i := range 700 {
		bodies = append(bodies, fmt.Appendf(nil, "Subject: %d\r\n\r\ntext\r\n%s--end", i, archivetest.Base64(archivetest.RandomBytes(uint64(i), 40*i))))
	}
	raw, errs := read(t, archivetest.NewMemReader(t), nil, bodies...)
	if len(raw) != len(bodies) {
		t.Fatalf("%d messages of %d", len(raw), len(bodies))
	}
	for i := range raw {
		if errs[i] != nil || !bytes.Equal(raw[i], bodies[i]) {
			t.Errorf("message %d of %d bytes: %d bytes, %v", i, len(bodies[i]), len(raw[i]), errs[i])
		}
	}
}

// Of a text that is very large, the beginning is read, and the message says that it is cut. A
// document is read whole or not at all.
func TestLargeBodies(t *testing.T) {
	s := archivetest.NewMemReader(t)
	const entities = "X: y\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: %s\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n--b\r\n\r\nend\r\n--b--\r\n"
	large := bytes.Repeat([]byte("some words "), readable.MaxBody/10)
	header := "X: " + strings.Repeat("x", readable.MaxText+readable.MaxBody) + "\r\n\r\nbody"
	for _, test := range []struct {
		name, body string
		cut        bool
		least      int // of the large part
	}{
		{"text", fmt.Sprintf(entities, "text/plain", archivetest.Base64(large)), true, readable.MaxBody * 4 / 3},
		{"small text", fmt.Sprintf(entities, "text/plain", archivetest.Base64(large[:1<<20])), false, 4 << 20 / 3},
		{"document", fmt.Sprintf(entities, "application/pdf", archivetest.Base64(large)), false, 0},
		{"header", header, true, readable.MaxText},
	} {
		e := s.Record(t, archivetest.Message{UID: 1, Body: []byte(test.body), Date: archivetest.SomeDate})
		o := readable.Options[*manifest.Record]{Chunks: s, Record: recordOf}
		for m, err := range readable.Messages(t.Context(), o, inorder.Slice([]*manifest.Record{&e.Record})) {
			if err != nil || m.Err != nil {
				t.Fatal(err, m.Err)
			}
			if most := test.least*11/10 + 1<<10; m.Cut != test.cut || len(m.Raw) < test.least || len(m.Raw) > most {
				t.Errorf("%s: cut %v, %d bytes of %d to %d", test.name, m.Cut, len(m.Raw), test.least, most)
			}
			if test.name != "header" && !bytes.HasSuffix(m.Raw, []byte("end\r\n--b--\r\n")) {
				t.Errorf("%s: what follows is not read", test.name)
			}
		}
	}
}

func recordOf(r *manifest.Record) *manifest.Record { return r }

// prefetches counts the frames that are fetched before they are read.
type prefetches struct {
	*archivetest.MemReader
	frames int
}

func (p *prefetches) Prefetch(_ context.Context, frames []repo.Frame) (int, error) {
	p.frames += len(frames)
	return len(frames), nil
}

// Of bodies whose size alone is asked for, nothing is fetched.
func TestSizesAreNotFetched(t *testing.T) {
	s := archivetest.NewMemReader(t)
	body := fmt.Appendf(nil, mixed, "", archivetest.Base64(archivetest.RandomBytes(1, 2<<20)), "")
	e := s.Record(t, archivetest.Message{UID: 1, Body: body, Date: archivetest.SomeDate})
	counted := &prefetches{MemReader: s}
	o := readable.Options[*manifest.Record]{
		Chunks: counted, Record: recordOf, Sizes: true, Wants: func(*entity.Entity) bool { return false },
	}
	for m, err := range readable.Messages(t.Context(), o, inorder.Slice([]*manifest.Record{&e.Record})) {
		if err != nil || len(m.Left) != 1 || m.Left[0].Size != 2<<20 {
			t.Fatalf("%+v, %v", m.Left, err)
		}
	}
	if counted.frames > 5 { // a list of parts, and text
		t.Errorf("%d frames are fetched", counted.frames)
	}
}

const mixed = "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n" +
	"--b\r\nContent-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n" +
	"--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n--b--\r\n"

func noImages(e *entity.Entity) bool { return e.Type != "image" }

// A body that is not wanted is empty, and its chunks are not read. The structure of the message is
// the same.
func TestUnwantedBodies(t *testing.T) {
	s := archivetest.NewMemReader(t)
	text, image, pdf := archivetest.Base64(bytes.Repeat([]byte("words "), 500)), archivetest.Base64(archivetest.RandomBytes(1, 2<<20)), archivetest.Base64(archivetest.RandomBytes(2, 9000))
	body := fmt.Appendf(nil, mixed, text, image, pdf)
	e := s.Record(t, archivetest.Message{UID: 1, Body: body, Date: archivetest.SomeDate})
	s.Reads = 0
	raw, errs := readEntries(t, s, noImages, []*manifest.Entry{&e})
	if want := fmt.Sprintf(mixed, text, "", pdf); len(raw) != 1 || errs[0] != nil || string(raw[0]) != want {
		t.Errorf("%d bytes read, want %d: %v", len(raw[0]), len(want), errs)
	}
	if s.Reads > 10 {
		t.Errorf("%d chunks read", s.Reads)
	}
}

// A message that is damaged is reported, and does not hide others. An image that is damaged does
// not matter. If the store is gone, reading ends.
func TestDamage(t *testing.T) {
	s := archivetest.NewMemReader(t)
	var entries []*manifest.Entry
	for i := range 3 {
		text := strings.Repeat(fmt.Sprint(i, " "), 3000)
		e := s.Record(t, archivetest.Message{UID: mail.UID(i + 1), Body: fmt.Appendf(nil, fmt.Sprint("X: ", i, "\r\n", mixed), archivetest.Base64([]byte(text)),
			archivetest.Base64(archivetest.RandomBytes(uint64(i), 4000)), "none")})
		entries = append(entries, &e)
	}
	part := func(i, n int) *manifest.Part { return &entries[i].Parts[n] }
	s.Lose(part(0, 2).Chunks[0]) // the text of the first
	s.Lose(part(1, 4).Chunks[0]) // the image of the second
	s.Lose(part(2, 0).Chunks[0]) // the header of the third
	raw, errs := readEntries(t, s, noImages, entries)
	if len(raw) != 3 || errs[0] == nil || raw[0] != nil || errs[1] != nil || len(raw[1]) < 8000 || errs[2] == nil {
		t.Errorf("%v", errs)
	}
	s.FailAt = s.Reads + 2
	if raw, errs := readEntries(t, s, noImages, entries); len(raw) != 0 || len(errs) != 1 || !errors.Is(errs[0], archivetest.ErrStoreGone) {
		t.Errorf("%d messages, %v", len(raw), errs)
	}
}
