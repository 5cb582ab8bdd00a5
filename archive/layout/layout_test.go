package layout_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/layout"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
)

// lines returns base64 lines.
func lines(n, length int, end string, terminated bool) string {
	text := base64.StdEncoding.EncodeToString(archivetest.RandomBytes(uint64(n), n))
	var b strings.Builder
	for len(text) > 0 {
		size := min(length, len(text))
		b.WriteString(text[:size])
		if text = text[size:]; text != "" || terminated {
			b.WriteString(end)
		}
	}
	return b.String()
}

// messages have runs of base64 lines in every place.
func messages() map[string]string {
	const header = "From: a@example.org\r\nSubject: s\r\n\r\n"
	return map[string]string{
		"empty":        "",
		"plain":        header + "hello\r\n",
		"no header":    strings.Repeat("x", 3000),
		"run":          header + lines(3000, 76, "\r\n", true),
		"unterminated": header + lines(3001, 76, "\r\n", false),
		"LF":           strings.ReplaceAll(header, "\r", "") + lines(3002, 60, "\n", true) + "--b--\n",
		"two runs":     header + "--b\r\n\r\n" + lines(1500, 76, "\r\n", true) + "--b\r\n\r\n" + lines(57*40, 76, "\r\n", true) + "\r\n--b--\r\n",
		"full lines":   header + lines(57*30, 76, "\r\n", false),
		"large":        header + "text\r\n" + lines(1<<20, 76, "\r\n", true) + "text\r\n",
	}
}

func open(t *testing.T, body string) (*archivetest.MemReader, *archive.Contents, *layout.Layout) {
	t.Helper()
	r := archivetest.NewMemReader(t)
	c, l := add(t, r, body)
	return r, c, l
}

// add stores a message.
func add(t *testing.T, r *archivetest.MemReader, body string) (*archive.Contents, *layout.Layout) {
	t.Helper()
	entry := r.Record(t, archivetest.Message{UID: 1, Date: archivetest.SomeDate, Body: []byte(body)})
	c := r.Contents(t)
	l, err := layout.Of(context.Background(), c, &entry.Record)
	if err != nil {
		t.Fatal(err)
	}
	return c, l
}

// Any range of a message has the bytes of the message.
func TestRangesAreThoseOfTheMessage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, body := range messages() {
		_, _, l := open(t, body)
		if l.Size != int64(len(body)) {
			t.Errorf("%s: %d bytes, want %d", name, l.Size, len(body))
		}
		for n := range 400 {
			from := random.IntN(len(body) + 1)
			length := random.IntN(len(body) - from + 1)
			if n == 0 {
				from, length = 0, len(body)
			} else if n%2 == 0 {
				length = min(length, 100)
			}
			var b bytes.Buffer
			if err := l.WriteRange(context.Background(), &b, int64(from), int64(length)); err != nil || b.String() != body[from:from+length] {
				t.Fatalf("%s: bytes %d to %d: %v, %d bytes", name, from, from+length, err, b.Len())
			}
		}
		for _, bad := range [][2]int64{{-1, 1}, {0, l.Size + 1}, {l.Size + 1, 0}, {1, l.Size}, {0, -1}} {
			if err := l.WriteRange(context.Background(), new(bytes.Buffer), bad[0], bad[1]); err == nil {
				t.Errorf("%s: bytes %d and %d more are read", name, bad[0], bad[1])
			}
		}
	}
}

// A range reads the chunks that it is in, and no others.
func TestARangeReadsItsChunks(t *testing.T) {
	body := messages()["large"]
	r, _, l := open(t, body)
	before := r.Reads
	var b bytes.Buffer
	if err := l.WriteRange(context.Background(), &b, 700_000, 1000); err != nil {
		t.Fatal(err)
	}
	if n := r.Reads - before; n < 1 || n > 2 {
		t.Errorf("1000 bytes read %d chunks", n)
	}
}

// A skeleton has every byte that is not base64, in its place.
func TestSkeletonsKeepTheirPlaces(t *testing.T) {
	for name, body := range messages() {
		_, _, l := open(t, body)
		s, err := l.Skeleton(context.Background(), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		var last int64 = -1
		for i := range s.Text {
			at := s.Offset(i)
			if at <= last || at >= int64(len(body)) {
				t.Fatalf("%s: byte %d of the skeleton is byte %d of the message, the one before was %d", name, i, at, last)
			}
			last = at
			if c := s.Text[i]; c != body[at] && c != 'A' {
				t.Fatalf("%s: byte %d of the skeleton is %q, byte %d of the message is %q", name, i, c, at, body[at])
			}
		}
		if end := s.Offset(len(s.Text)); end != int64(len(body)) {
			t.Errorf("%s: the end is at %d of %d", name, end, len(body))
		}
		count := strings.Count(string(s.Text), "\n") + int(s.Lines(0, len(s.Text)))
		if want := strings.Count(body, "\n"); count != want {
			t.Errorf("%s: %d lines, want %d", name, count, want)
		}
		if len(s.Text) > 4000 {
			t.Errorf("%s: the skeleton of %d bytes has %d", name, len(body), len(s.Text))
		}
	}
}

// A skeleton is no longer than it may be.
func TestSkeletonsAreBounded(t *testing.T) {
	_, _, l := open(t, "From: a\r\n\r\n"+strings.Repeat("a line\r\n", 10000))
	if s, err := l.Skeleton(context.Background(), 5000); err != nil || len(s.Text) != 5000 {
		t.Errorf("have %d bytes, %v", len(s.Text), err)
	}
}

// Damage is an error of reading, wherever it is.
func TestDamageIsAnErrorOfReading(t *testing.T) {
	body := messages()["two runs"]
	r, c, _ := open(t, body)
	entry := r.Record(t, archivetest.Message{UID: 1, Date: archivetest.SomeDate, Body: []byte(body)})
	l, err := layout.Of(context.Background(), c, &entry.Record)
	if err != nil {
		t.Fatal(err)
	}
	for n, part := range entry.Parts {
		if part.Kind != mail.Base64Part {
			continue
		}
		r.Lose(part.Chunks[0])
		err := l.WriteRange(context.Background(), new(bytes.Buffer), 0, l.Size)
		if read := (*archive.ReadError)(nil); !errors.As(err, &read) {
			t.Errorf("part %d: %v", n, err)
		}
	}
	entry.Size++
	if _, err := layout.Of(context.Background(), c, &entry.Record); !errors.Is(err, layout.ErrSizes) {
		t.Errorf("a message that is longer than its parts: %v", err)
	}
}

// Ranges of any message, cut anywhere, are those of the message.
func FuzzRanges(f *testing.F) {
	for _, body := range messages() {
		f.Add([]byte(body[:min(len(body), 8<<10)]), uint32(10), uint32(100))
	}
	var r *archivetest.MemReader // of many messages, because its tables take longer to compute than all else
	f.Fuzz(func(t *testing.T, body []byte, from, length uint32) {
		if r == nil || r.Reads > 10_000 {
			r = archivetest.NewMemReader(t)
		}
		_, l := add(t, r, string(body))
		at := int64(from) % (l.Size + 1)
		n := int64(length) % (l.Size - at + 1)
		var b bytes.Buffer
		if err := l.WriteRange(context.Background(), &b, at, n); err != nil || !bytes.Equal(b.Bytes(), body[at:at+n]) {
			t.Fatal(fmt.Sprint("bytes ", at, " and ", n, " more: ", err))
		}
		s, err := l.Skeleton(context.Background(), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Text) > len(body) || s.Offset(len(s.Text)) != int64(len(body)) {
			t.Fatal("the skeleton is longer than the message, or ends elsewhere")
		}
	})
}
