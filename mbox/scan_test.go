package mbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mailstrata/mailstrata/mail"
)

const stamp = " Tue Aug 20 03:19:26 2019\n"

// texts returns the From line and the text of each message of a file, without quotes.
func texts(t testing.TB, file string, v Variant) (list []string, doubts Doubts) {
	t.Helper()
	r := strings.NewReader(file)
	doubts, err := Scan(t.Context(), r, int64(len(file)), v, func(p Place) error {
		text, err := io.ReadAll(NewUnquoter(io.NewSectionReader(r, p.Start, p.End-p.Start), v))
		list = append(list, file[p.From:p.Start]+string(text))
		return err
	})
	if err != nil {
		t.Fatalf("%q: %v", file, err)
	}
	return list, doubts
}

// Messages begin where the variant of the mbox says so, and doubts are counted.
func TestScan(t *testing.T) {
	a, b := "From a"+stamp, "From b"+stamp
	for _, test := range []struct {
		name, file string
		variant    Variant
		want       []string
		doubts     Doubts
	}{
		{"nothing", "", RD, nil, Doubts{}},
		{"blank lines before", "\n\n" + a + "A: b\n\nx\n\n", RD, []string{a + "A: b\n\nx\n"}, Doubts{}},
		{"two", a + "A: b\n\nx\n\n" + b + "\n" + a, RD, []string{a + "A: b\n\nx\n", b, a}, Doubts{}},
		{"no empty line at the end", a + "A: b\n\nx", RD, []string{a + "A: b\n\nx"}, Doubts{}},
		{"text that is no From line", a + "\nFrom here on\n\nFrom now\n\n", RD, []string{a + "\nFrom here on\n\nFrom now\n"}, Doubts{}},
		{"no empty line between", a + "\nx\n" + b + "\ny\n\n", RD, []string{a + "\nx\n" + b + "\ny\n"}, Doubts{Beside: 1}},
		{"quotes", a + "\n>From x\n>>From y\n>from\n>Fro\n", RD, []string{a + "\nFrom x\n>From y\n>from\n>Fro\n"}, Doubts{}},
		{"quotes of mboxo", a + "\n>From x\n>>From y\n", O, []string{a + "\nFrom x\n>>From y\n"}, Doubts{}},
		{"CRLF", "From a Tue Aug 20 03:19:26 2019\r\nA: b\r\n\r\nx\r\n\r\n" + b, RD, []string{"From a Tue Aug 20 03:19:26 2019\r\nA: b\r\n\r\nx\r\n", b}, Doubts{}},
		{"Content-Length", a + "Content-Length: 41\n\nx\n\n" + b + ">From\n\n" + b + "\n", CL2, []string{a + "Content-Length: 41\n\nx\n\n" + b + ">From\n", b}, Doubts{}},
		{"wrong Content-Length", a + "Content-Length: 9\n\nx\n\n" + b + "\n", CL2, []string{a + "Content-Length: 9\n\nx\n", b}, Doubts{}},
		{"nothing after From", "From \r\nA: b\r\n\r\nx\r\n\r\nFrom \r\nA: c\r\n\r\n\nFrom - \nA: d\n", RD, []string{
			"From \r\nA: b\r\n\r\nx\r\n", "From \r\nA: c\r\n\r\n", "From - \nA: d\n",
		}, Doubts{}},
		{"nothing after From, and no field", a + "\nx\n\nFrom \nx\n\nFrom \n", RD, []string{a + "\nx\n\nFrom \nx\n\nFrom \n"}, Doubts{}},
		{"a date that cannot be read", a + "\nx\n\nFrom b 2019-08-20\nA: b\n\nx\n\nFrom here\non\n", RD, []string{
			a + "\nx\n\nFrom b 2019-08-20\nA: b\n\nx\n\nFrom here\non\n",
		}, Doubts{Undated: 1}},
	} {
		if have, doubts := texts(t, test.file, test.variant); !slices.Equal(have, test.want) || doubts != test.doubts {
			t.Errorf("%s: have %q and %+v, want %q", test.name, have, doubts, test.want)
		}
	}
	for _, file := range []string{"x", "Subject: x\n\n", "From here on\n"} {
		if _, err := Scan(t.Context(), strings.NewReader(file), int64(len(file)), RD, func(Place) error { return nil }); !errors.Is(err, ErrNotMbox) {
			t.Errorf("%q: %v", file, err)
		}
	}
}

func TestFindVariant(t *testing.T) {
	a, b := "From a"+stamp, "From b"+stamp
	for file, want := range map[string]Variant{
		"":                RD,
		a + "\nx\n\n" + b: RD,
		a + "Content-Length: 40\n\nx\n\n" + b + "From\n\n" + b + "Content-Length: 0\n\n\n": CL2,
		a + "Content-Length: 2\n\nx\n\n" + b + "Content-Length: 2\n\ny\n\n":                RD, // it does not matter
		a + "Content-Length: 40\n\nx\n\n" + b + "From\n\n" + b + "\n\n":                    RD, // one has none
		a + "Content-Length: 99\n\nx\n\n" + b + "\n":                                       RD,
		a + "Content-Length: -1\n\nx\n\n":                                                  RD,
	} {
		if have, err := FindVariant(t.Context(), strings.NewReader(file), int64(len(file))); have != want || err != nil {
			t.Errorf("%q: have %v, want %v, %v", file, have, want, err)
		}
	}
}

func TestParseHead(t *testing.T) {
	for head, want := range map[string]Head{
		"A: b\n":                          {},
		"A: b\nStatus: RO\nX-Status: F\n": {Flags: mail.NewFlags(`\Seen`, `\Flagged`), Cuts: []Span{{5, 28}}},
		"A: b\nStatus: O\n":               {Flags: mail.NewFlags(), Cuts: []Span{{5, 15}}},
		"Status: RO\nA: b\nStatus: O\n":   {Flags: mail.NewFlags(), Cuts: []Span{{16, 26}}},
		"Status: RO\nX-Status: AFTD\nX-Keywords: b a\nA: b\n":       {Flags: mail.NewFlags(`\Seen`, `\Answered`, `\Flagged`, `\Draft`, "a", "b"), Cuts: []Span{{0, 42}}},
		"A: b\nX-Mozilla-Status: 0009\n":                            {Flags: mail.NewFlags(`\Seen`), Own: true},
		"X-UIDL: 1\nX-Mozilla-Status: 0009\nX-Mozilla-Status: 2\n":  {Flags: mail.NewFlags(`\Seen`, `\Deleted`), Cuts: []Span{{10, 53}}},
		"A: b\nX-Mozilla-Status: 0005\nX-Mozilla-Keys: $label1  \n": {Flags: mail.NewFlags(`\Seen`, `\Flagged`, "$label1"), Cuts: []Span{{5, 54}}},
		"Status: RO\n": {Flags: mail.NewFlags(`\Seen`), Cuts: []Span{{0, 11}}},
	} {
		have := ParseHead([]byte(head), "From a")
		if !have.Flags.Equal(want.Flags) || have.Own != want.Own || !slices.Equal(have.Cuts, want.Cuts) {
			t.Errorf("%q: have %+v, want %+v", head, have, want)
		}
	}
}

// A line of any length needs no more memory.
func TestLongLines(t *testing.T) {
	file := "From a" + stamp + "\n" + strings.Repeat(">", 3<<20) + "From x" + strings.Repeat("y", 3<<20) + "\n\n" + "From b" + stamp
	have, _ := texts(t, file, RD)
	if len(have) != 2 || len(have[0]) != len("From a"+stamp)+1+6<<20+len("From x\n")-1 {
		t.Errorf("%d messages, %d bytes", len(have), len(have[0]))
	}
}

// A file that can be read is written again, byte for byte.
func FuzzReadAndWrite(f *testing.F) {
	f.Add("From a" + stamp + "A: b\nStatus: RO\n\n>From x\n\nFrom b" + stamp + "Status: O\n\n\n")
	f.Add("From a" + stamp + "Status: O\nStatus: RO\nX-Keywords: a b\n\n\nFrom b" + stamp + "\n")
	f.Add("From a Tue Aug 20 03:19:26 2019\r\nStatus: RO\r\n\r\nx\r\n\r\n")
	f.Fuzz(func(t *testing.T, file string) {
		var again bytes.Buffer
		w := NewWriter(&again)
		r := strings.NewReader(file)
		odd := !strings.HasPrefix(file, fromWord)
		_, err := Scan(t.Context(), r, int64(len(file)), RD, func(p Place) error {
			text, err := io.ReadAll(NewUnquoter(iotest.OneByteReader(io.NewSectionReader(r, p.Start, p.End-p.Start)), RD))
			from := strings.TrimSuffix(file[p.From:p.Start], "\n")
			odd = odd || !usable(from) || strings.Contains("\n"+file[p.Start:p.End], "\n"+fromWord) || len(text) > 0 && text[len(text)-1] != '\n' ||
				strings.HasSuffix(from, "\r") != strings.HasSuffix(file[:min(int(p.End)+2, len(file))], "\r\n") || !strings.HasSuffix(file[:p.Start], "\n")
			head, _, empty := strings.Cut("\n"+string(text), "\n\n")
			if head = strings.TrimPrefix(head+"\n", "\n"); !empty || strings.Contains(string(text), "\r") {
				head, odd = "", true
			}
			h := ParseHead([]byte(head), from)
			for _, cut := range slices.Backward(h.Cuts) {
				text = slices.Delete(text, cut.From, cut.To)
			}
			_, errWrite := w.Write(&Message{From: from, Fields: h.Fields, Flags: h.Flags, Own: h.Own}, func(w io.Writer) error {
				_, err := w.Write(text)
				return err
			})
			return errors.Join(err, errWrite)
		})
		if err := errors.Join(err, w.Flush()); err != nil || odd || !strings.HasSuffix(file, "\n\n") {
			return
		}
		if again.String() != file {
			t.Errorf("have %q, want %q", again.String(), file)
		}
	})
}

// What a Writer wrote is read as it was, with its flags.
func FuzzWriteAndRead(f *testing.F) {
	f.Add("A: b\n\nFrom x\n", "\n", uint8(3))
	f.Fuzz(func(t *testing.T, first, second string, flags uint8) {
		var set []string
		for i, flag := range []string{`\Seen`, `\Answered`, `\Flagged`, `\Draft`, `\Deleted`, "a", "$b"} {
			if flags>>i&1 == 1 {
				set = append(set, flag)
			}
		}
		var messages []sent
		for _, text := range []string{first, second} {
			messages = append(messages, sent{Message{Arrived: march, Flags: mail.NewFlags(set...)}, text})
		}
		file, _ := write(t, messages...)
		have, _ := texts(t, file, RD)
		if len(have) != 2 {
			t.Fatalf("%d messages: %q", len(have), file)
		}
		for i, m := range messages {
			_, text, _ := strings.Cut(have[i], "\n")
			at := strings.Index("\n"+text, "\n\n") // the empty line
			if crlf := strings.Index("\n"+text, "\n\r\n"); at < 0 || crlf >= 0 && crlf < at {
				at = crlf
			}
			if at < 0 {
				at = len(text)
			}
			h := ParseHead([]byte(text[:at]), "From a")
			if h.Own {
				t.Fatalf("%q: the flags are taken for its own", text)
			}
			for _, cut := range slices.Backward(h.Cuts) {
				text = text[:cut.From] + text[cut.To:]
			}
			if want := m.text; text != want && text != want+"\n" || !h.Flags.Equal(m.Flags) && !reflect.DeepEqual(h.Flags, m.Flags) && len(h.Flags)+len(m.Flags) > 0 {
				t.Fatalf("have %q with %v, want %q with %v, of %q", text, h.Flags, want, m.Flags, fmt.Sprint(file))
			}
		}
	})
}
