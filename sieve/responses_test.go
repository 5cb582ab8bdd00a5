package sieve

import (
	"bufio"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestReadResponse(t *testing.T) {
	for _, test := range []struct {
		text string
		want [][]token
		code string
		err  error
	}{
		{text: "OK\r\n"},
		{text: "ok \"done\"\n"},
		{text: "OK (WARNINGS) {2}\r\nhi\r\n", code: "WARNINGS"},
		{text: "\"a\\\"b\" ACTIVE\r\n{3+}\r\na\r\n\r\nOK\r\n", want: [][]token{{{false, `a"b`}, {true, "ACTIVE"}}, {{false, "a\r\n"}}}},
		{text: "\"a\"\r\n", err: io.ErrUnexpectedEOF},
		{text: "{5}\r\nab", err: io.ErrUnexpectedEOF},
		{text: "{99999999999}\r\n", err: ErrProtocol},
		{text: "{4294967295}\r\n", err: ErrProtocol},
		{text: "\"a\r\n", err: ErrProtocol},
		{text: strings.Repeat("a ", maxTokens+1) + "\r\n", err: ErrProtocol},
		{text: "<html>\r\n", err: ErrProtocol},
		{text: "* OK IMAP4rev1\r\n", err: ErrProtocol},
	} {
		got, err := readResponse(bufio.NewReader(strings.NewReader(test.text)))
		if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
			t.Errorf("%q: %v, want %v", test.text, err, test.err)
		} else if err == nil && (!reflect.DeepEqual(got.lines, test.want) || got.code != test.code) {
			t.Errorf("%q: %+v", test.text, got)
		}
	}
	var refused *RefusedError
	_, err := readResponse(bufio.NewReader(strings.NewReader("NO (QUOTA/MAXSIZE \"x\") \"too\tlarge\"\r\n")))
	if !errors.As(err, &refused) || *refused != (RefusedError{"NO", "QUOTA/MAXSIZE", "too\tlarge"}) {
		t.Errorf("%v", err)
	}
}

// FuzzReadResponse checks that a string survives quoting, and that no input panics or is read past
// its end.
func FuzzReadResponse(f *testing.F) {
	f.Add("\"a\" ACTIVE\r\n{3}\r\nabc\r\nOK (X \"y\") \"z\"\r\n")
	f.Add("NO {1}\r\nx\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := readResponse(bufio.NewReader(strings.NewReader(text)))
		if err == nil && len(got.lines) > maxLines {
			t.Error("too many lines")
		}
		line, err := readLine(bufio.NewReader(strings.NewReader(quote(text) + "\r\n")))
		if len(text) <= maxLiteral && (err != nil || len(line) != 1 || line[0].text != text) {
			t.Errorf("%q is read as %v, %v", text, line, err)
		}
	})
}
