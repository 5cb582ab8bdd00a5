package mbox

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/lineend"
	"github.com/mailstrata/mailstrata/mail"
)

func write(t *testing.T, messages ...sent) (string, []Result) {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	var results []Result
	for _, m := range messages {
		r, err := w.Write(&m.Message, func(w io.Writer) error {
			_, err := io.WriteString(w, m.text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, r)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String(), results
}

type sent struct {
	Message
	text string
}

var march = time.Date(2026, 3, 3, 2, 10, 0, 0, time.FixedZone("", 3600))

// A message is written with quoted From lines and the fields of its flags, and what is lost is
// reported.
func TestWriter(t *testing.T) {
	const from = "From MAILER-DAEMON Tue Mar  3 01:10:00 2026\n"
	seen := mail.NewFlags(`\Seen`, `\Flagged`, "work")
	for _, test := range []struct {
		sent
		want   string
		result Result
	}{
		{sent{Message{Arrived: march, LF: true}, "A: b\r\n\r\nFrom here\r\n>From\r\n>>From x\r\nfrom y\r\n"}, from + "A: b\n\n>From here\n>From\n>>>From x\nfrom y\n\n", Result{}},
		{sent{Message{Arrived: march}, "A: b\r\n\r\nx\ny\r\n"}, from + "A: b\r\n\r\nx\ny\r\n\n", Result{}},
		{sent{Message{Arrived: march, LF: true, Flags: seen}, "A: b\r\n\r\nx\r\n"}, from + "A: b\nStatus: RO\nX-Status: F\nX-Keywords: work\n\nx\n\n", Result{}},
		{sent{Message{Arrived: march, LF: true}, "Status: RO\r\nA: b\r\n\r\nx\r\n"}, from + "Status: RO\nA: b\nStatus: O\n\nx\n\n", Result{}},
		{sent{Message{Arrived: march, LF: true, Own: true, Flags: seen}, "STATUS: RO\r\n\r\nStatus: x\r\n"}, from + "STATUS: RO\n\nStatus: x\n\n", Result{}},
		{sent{Message{From: "From - Tue Mar  3 01:10:00 2026\r", Flags: seen}, "A: b\r\n\r\nx\r\n"}, "From - Tue Mar  3 01:10:00 2026\r\nA: b\r\nStatus: RO\r\nX-Status: F\r\nX-Keywords: work\r\n\r\nx\r\n\r\n", Result{}},
		{sent{Message{Arrived: march, LF: true, Flags: mail.NewFlags(`\Odd`, "a b")}, "\r\nx"}, from + "Status: O\n\nx\n\n", Result{Lost: []string{`\Odd`, "a b"}, Terminated: true}},
		{sent{Message{Arrived: march}, ""}, from + "\n", Result{}},
		{sent{Message{Arrived: march, Flags: seen}, "A: b"}, from + "A: b\nStatus: RO\nX-Status: F\nX-Keywords: work\n\n", Result{Terminated: true}},
		{sent{Message{Arrived: march}, "Fro"}, from + "Fro\n\n", Result{Terminated: true}},
		{sent{Message{Arrived: march}, "Fro\r\r"}, from + "Fro\r\r\n\n", Result{Terminated: true}},
		{sent{Message{Arrived: march}, ">\rFrom x\n"}, from + ">\rFrom x\n\n", Result{}},
	} {
		have, results := write(t, test.sent)
		if have != test.want || !slices.Equal(results[0].Lost, test.result.Lost) || results[0].Terminated != test.result.Terminated {
			t.Errorf("%q:\nhave %q\nwant %q, %+v", test.text, have, test.want, results)
		}
	}
}

func TestFromLine(t *testing.T) {
	want := time.Date(2019, 8, 20, 3, 19, 26, 0, time.UTC)
	for line, seconds := range map[string]int64{
		FromLine(want):                                             0,
		"From - Tue Aug 20 03:19:26 2019\r\n":                      0,
		"From 156627@xxx Tue Aug 20 03:19:26 +0000 2019":           0,
		"From anna@mail.example  Tue Aug 20 05:19:26 2019 +0200":   0,
		"From \"a b\"@mail.example Tue Aug 20 03:19:26 UTC 2019\n": 0,
		"From anna Tue Aug 20 03:19 2019 remote from host":         -26,
		"From - Tue Aug 20 2019 03:19:26":                          0,
		"From anna Tue, 20 Aug 2019 03:19:26 GMT":                  0,
		"From anna Tue, 20 Aug 2019 05:19:26 +0200 (CEST)":         0,
		"From anna Tue Aug 20 03:19:26 MET DST 2019":               0,
		"From anna@mail.example Tue Aug  6 03:19:26 2019":          -14 * 86400,
	} {
		have, ok := ParseFromLine(line)
		if !ok || have.Unix()-want.Unix() != seconds {
			t.Errorf("%q: %v, %v", line, have, ok)
		}
	}
	for _, line := range []string{"From", "From ", "From here on", "From: Anna", ">From anna Tue Aug 20 03:19:26 2019", "From Tue to Wed", "From anna Tue Aug 20"} {
		if have, ok := ParseFromLine(line); ok {
			t.Errorf("%q is a From line of %v", line, have)
		}
	}
}

// A From line of a damaged record is not written, and no year breaks a From line.
func TestOddFromLine(t *testing.T) {
	for _, from := range []string{
		"x", "From a", "From a\nFrom b Tue Aug 20 03:19:26 2019", "From a Tue Aug 20 03:19:26 2019\n", "Subject: x\r",
		"From a\rb Tue Aug 20 03:19:26 2019", "From " + strings.Repeat("a", maxFromLine) + " Tue Aug 20 03:19:26 2019",
	} {
		have, _ := write(t, sent{Message{From: from, Arrived: march}, "A: b\n\nx\n"})
		if want := FromLine(march) + "\nA: b\n\nx\n\n"; have != want {
			t.Errorf("%q: have %q, want %q", from, have, want)
		}
	}
	for seconds, want := range map[int64]string{
		-1 << 40: "Thu Jan  1 00:00:00 1970", 1 << 40: "Fri Dec 31 23:59:59 9999",
	} {
		line := FromLine(time.Unix(seconds, 0))
		if _, ok := ParseFromLine(line); !ok || line != "From MAILER-DAEMON "+want {
			t.Errorf("%d: %q", seconds, line)
		}
	}
}

// An error of the body is returned as it is.
func TestWriterError(t *testing.T) {
	broken := errors.New("the chunk is damaged")
	_, err := NewWriter(io.Discard).Write(&Message{Arrived: march}, func(io.Writer) error { return broken })
	if !errors.Is(err, broken) {
		t.Error(err)
	}
}

// What a Writer wrote does not depend on how the text is cut, and removing one ">" gives the lines
// back.
func FuzzWriter(f *testing.F) {
	f.Add("A: b\r\n\r\n>From x\r\nFrom y\r\n", 3)
	f.Fuzz(func(t *testing.T, body string, cut int) {
		cut = min(max(cut, 0), len(body))
		whole, _ := write(t, sent{Message{Arrived: march}, body})
		var b bytes.Buffer
		w := NewWriter(&b)
		_, err := w.Write(&Message{Arrived: march}, func(w io.Writer) error {
			_, err := io.WriteString(w, body[:cut])
			if err == nil {
				_, err = io.WriteString(w, body[cut:])
			}
			return err
		})
		if err := errors.Join(err, w.Flush()); err != nil || b.String() != whole {
			t.Fatalf("cut at %d: %q and %q, %v", cut, b.String(), whole, err)
		}
		_, text, _ := strings.Cut(whole, "\n")
		if strings.Contains("\n"+text, "\nFrom ") {
			t.Fatalf("%q has a line that looks like a From line", text)
		}
	})
}

// A message that is archived with CRLF and recorded line ends is written as with the line ends that
// it had.
func FuzzRecordedLineEnds(f *testing.F) {
	f.Add("A: b\nStatus: RO\r\n\nx\r\n\r\r\nFrom y\r", uint8(2))
	f.Fuzz(func(t *testing.T, text string, flags uint8) {
		var c lineend.Checker
		_, _ = c.Write([]byte(text))
		if c.Ends() == "" {
			return
		}
		wire, err := io.ReadAll(lineend.NewCRLFReader(strings.NewReader(text)))
		if err != nil {
			t.Fatal(err)
		}
		m := Message{Arrived: march, Own: flags&1 == 1, Flags: mail.NewFlags([]string{`\Seen`, `\Flagged`, "a"}[:flags%4&^1]...)}
		want, _ := write(t, sent{m, text})
		m.Ends = c.Ends()
		if have, _ := write(t, sent{m, string(wire)}); have != want {
			t.Fatalf("have %q, want %q", have, want)
		}
	})
}
