package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// Any response, legal or not, becomes a tree of nodes.
func TestResponses(t *testing.T) {
	for _, test := range []struct{ wire, want string }{
		{"* LIST (\\HasNoChildren) \"/\" INBOX\r\n", `* LIST (\HasNoChildren) "/" INBOX`},
		{"* LIST (\\HasNoChildren) NIL 123\n", `* LIST (\HasNoChildren) NIL 123`},
		{"* LIST () \"/\" \"a\\\"b\\\\c\\d\"\r\n", `* LIST () "/" "a\"b\\c\\d"`},
		{"* LIST () \"/\" {5}\r\na\r\nb)\r\n", `* LIST () "/" "a\r\nb)"`},
		{"* LIST () \"/\" ~{3+}\r\na\x00b\r\n", `* LIST () "/" "a\x00b"`},
		{"* LIST () \"/\" \"caf\xc3\xa9\xe9\"\r\n", `* LIST () "/" "café\xe9"`},
		{"*   23   EXISTS  \r\n", `* 23 EXISTS`},
		{"* 1 FETCH (FLAGS (\\Seen foo[bar] [baz NIL $Junk {x}) UID 4827)\r\n", `* 1 FETCH (FLAGS (\Seen foo[bar] [baz NIL $Junk {x}) UID 4827)`},
		{"* 1 FETCH (BODY[HEADER.FIELDS (DATE FROM)]<0> {3}\r\nabc UID 7)\r\n", `* 1 FETCH (BODY[HEADER.FIELDS (DATE FROM)]<0> {…} UID 7)`},
		{"* 1 FETCH (BODY[] NIL UID 7)\r\n", `* 1 FETCH (BODY[] NIL UID 7)`},
		{"* 1 FETCH (BODY[] \"abc\" UID 7)\r\n", `* 1 FETCH (BODY[] "abc" UID 7)`},
		{"* 1 FETCH (UID 7 X-NEW (a (b {1}\r\n( \"c\")) Y-NEW {2}\r\n\r\n)\r\n", `* 1 FETCH (UID 7 X-NEW (a (b "(" "c")) Y-NEW "\r\n")`},
		{"* 1 FETCH (UID 7 FLAGS (\\Seen)\r\n", `* 1 FETCH (UID 7 FLAGS (\Seen))`},
		{"* 1 FETCH (UID 7)) FLAGS\r\n", `* 1 FETCH (UID 7) FLAGS`},
		{"* 1 FETCH (MODSEQ (18446744073709551615) UID 4294967296)\r\n", `* 1 FETCH (MODSEQ (18446744073709551615) UID 4294967296)`},
		{"* 1 FETCH (X \"open\r\n", `* 1 FETCH (X "open")`},
		{"* SEARCH 1 2 3 7 99999999999999999999 0 (MODSEQ 5)\r\n", `* SEARCH 1:3,7`},
		{"* SEARCH\r\n", `* SEARCH `},
		{"* OK [UIDNEXT 4392] predicted\r\n", `* OK [UIDNEXT 4392] predicted`},
		{"* OK [PERMANENTFLAGS (\\Seen foo[bar] \\*)] limited\r\n", `* OK [PERMANENTFLAGS (\Seen foo[bar] \*)] limited`},
		{"* OK [half of a code\r\n", `* OK [half of a code`},
		{"* OK [] nothing\r\n", `* OK [] nothing`},
		{"M1 NO [X-UNKNOWN (a b) c] why\r\n", `M1 NO [X-UNKNOWN (a b) c] why`},
		{"* X-UNHEARD-OF (of) {2}\r\nit\r\n", `* X-UNHEARD-OF (of) "it"`},
		{"+ go on\r\n", `+ go on`},
		{"+\r\n", `+ `},
		{"\r\n", ` `},
	} {
		for _, source := range []io.Reader{strings.NewReader(test.wire), iotest.OneByteReader(strings.NewReader(test.wire))} {
			r := NewReader(source)
			resp, err := r.Next()
			if err != nil {
				t.Errorf("%q: %v", test.wire, err)
				continue
			}
			if have := written(resp); have != test.want {
				t.Errorf("%q\nhave %s\nwant %s", test.wire, have, test.want)
			}
			if _, err := r.Next(); err != io.EOF {
				t.Errorf("%q: not read to its end: %v", test.wire, err)
			}
		}
	}
}

// written describes a response.
func written(resp *Response) string {
	s := resp.Tag
	if resp.Number > 0 {
		s += fmt.Sprint(" ", resp.Number)
	}
	if resp.Tag != "+" {
		s += " " + resp.Name
	}
	if resp.Name == "SEARCH" {
		return s + " " + resp.UIDs.Set().String()
	}
	for _, n := range resp.Args {
		s += " " + n.String()
	}
	if resp.HasSet {
		s += " " + resp.UIDs.Set().String()
	}
	if resp.Code.Name != "" {
		s += " [" + resp.Code.Name
		for _, n := range resp.Code.Args {
			s += " " + n.String()
		}
		s += "]"
	}
	if resp.Text != "" || resp.Tag == "+" {
		s += " " + resp.Text
	}
	return s
}

// A body goes to the sink and is not held; the reader discards what the sink leaves.
func TestBodiesStream(t *testing.T) {
	const size = 64 << 20
	head := fmt.Sprintf("* 9 FETCH (UID 7 BODY[] {%d}\r\n", size)
	source := io.MultiReader(strings.NewReader(head), io.LimitReader(zeros{}, size), strings.NewReader(" FLAGS ())\r\n* 1 EXISTS\r\n"))
	r := NewReader(source)
	var taken int64
	r.Sink = func(b *BodyLiteral) error {
		if b.Size != size || b.seq != 9 || len(b.Before) != 2 {
			t.Errorf("the sink gets %+v", b)
		}
		var err error
		taken, err = io.CopyN(io.Discard, b.Content, size/2)
		return err
	}
	resp, err := r.Next()
	if err != nil || taken != size/2 || written(resp) != "* 9 FETCH (UID 7 BODY[] {…} FLAGS ())" {
		t.Errorf("have %v, %v after %d bytes", written(resp), err, taken)
	}
	if cap(r.memory) > maxKept {
		t.Errorf("%d bytes are held", cap(r.memory))
	}
	if resp, err := r.Next(); err != nil || resp.Name != "EXISTS" {
		t.Errorf("the connection is out of step: %v, %v", resp, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A body cut short is an error for its reader and for the connection, even if the sink ignores it.
func TestShortBodyIsAnError(t *testing.T) {
	r := NewReader(strings.NewReader("* 1 FETCH (UID 7 BODY[] {10}\r\nabc"))
	r.Sink = func(b *BodyLiteral) error {
		if _, err := io.ReadAll(b.Content); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the sink reads %v", err)
		}
		return nil
	}
	if _, err := r.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the reader says %v", err)
	}
}

// A server cannot make the reader hold more than the limits.
func TestResponsesAreBounded(t *testing.T) {
	for name, source := range map[string]io.Reader{
		"endless line":   zeros{},
		"deep lists":     strings.NewReader("* X " + strings.Repeat("(", 40) + "\r\n"),
		"many tokens":    strings.NewReader("* X " + strings.Repeat("a ", maxTokens+1) + "\r\n"),
		"large literal":  strings.NewReader("* LIST () \"/\" {1048577}\r\n"),
		"huge literal":   strings.NewReader("* LIST () \"/\" {9223372036854775807}\r\n"),
		"many literals":  strings.NewReader("* X " + strings.Repeat("{1048576}\r\n"+strings.Repeat("a", 1<<20), 17) + "\r\n"),
		"short literal":  strings.NewReader("* LIST () \"/\" {10}\r\nabc"),
		"end in a line":  strings.NewReader("* LIST ()"),
		"end in a label": strings.NewReader("* 1 FETCH (BODY[] {3}\r\nabc"),
	} {
		if _, err := NewReader(source).Next(); err == nil || err == io.EOF {
			t.Errorf("%s: %v", name, err)
		}
	}
	// An attribute that was not asked for may be large: it is skipped.
	r := NewReader(strings.NewReader("* 1 FETCH (UID 7 X-BIG {2000000}\r\n" + strings.Repeat("a", 2000000) + " FLAGS ())\r\n"))
	if resp, err := r.Next(); err != nil || written(resp) != "* 1 FETCH (UID 7 X-BIG {…} FLAGS ())" {
		t.Errorf("have %v, %v", resp, err)
	}
}

// A SEARCH of a million numbers is not held as text.
func TestLongSearch(t *testing.T) {
	var line bytes.Buffer
	line.WriteString("* SEARCH")
	for i := range 1_000_000 {
		fmt.Fprintf(&line, " %d", i+1)
	}
	line.WriteString("\r\n")
	r := NewReader(&line)
	resp, err := r.Next()
	if err != nil || resp.UIDs.Set().String() != "1:1000000" || len(r.memory) > len("* SEARCH") {
		t.Errorf("have %v, %v", resp.UIDs.Set(), err)
	}
}

// The reader takes any bytes without panic, holds a limited number of them, and ends.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		"* OK [CAPABILITY IMAP4rev1] hi\r\n", "* 1 FETCH (UID 7 BODY[] {3}\r\nabc FLAGS (\\Seen))\r\n", "* SEARCH 1 2 (MODSEQ 3)\r\n",
		"* LIST (\\A \\B) \"/\" ~{2+}\r\nab\r\n", "* 1 FETCH (BODY[HEADER.FIELDS (A)]<0> \"x\\\"\" X NIL)\n", "M1 NO [A (b]) c] d\r\n+ x\r\n",
		"* 1 FETCH ((((((", "* ESEARCH (TAG \"M1\") UID ALL 1:3,5\r\n", "* SEARCH", "* 1 FETCH (BODY[ {1}\r\n", "* VANISHED (EARLIER) 1:5\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		r := NewReader(bytes.NewReader(wire))
		r.Sink = func(b *BodyLiteral) error {
			if n, err := io.Copy(io.Discard, b.Content); err == nil && n != b.Size {
				t.Errorf("a body of %d bytes has %d", b.Size, n)
			}
			return nil
		}
		for {
			resp, err := r.Next()
			if err != nil {
				return
			}
			written(resp)
			if len(r.memory) > maxResponse || r.tokens > maxTokens {
				t.Fatalf("%d bytes and %d tokens are held", len(r.memory), r.tokens)
			}
		}
	})
}
