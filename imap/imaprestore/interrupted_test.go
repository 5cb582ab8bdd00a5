package imaprestore

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/restore"
)

// A restore checks and reports what an interrupted one appended and did not check, and reports what
// that one found and did not report. When a restore has ended, the next one repeats nothing.
func TestInterruptedRestore(t *testing.T) {
	there := []string{`* 1 FETCH (UID 10 FLAGS (\Seen) INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 17)`,
		`* 2 FETCH (UID 11 FLAGS () INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 14)`, "TAG OK x"}
	held := append(loggedIn("LITERAL+ UIDPLUS MULTIAPPEND", "< SELECT …", "* 2 EXISTS", "* OK [UIDVALIDITY 7] x", "* OK [UIDNEXT 12] x", "TAG OK x",
		"< UID FETCH 1:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE)"), there...)
	looks := append(slices.Clone(held), "< UID FETCH 10:11 (UID FLAGS INTERNALDATE RFC822.SIZE)")
	looks = append(append(looks, there...), "< UID FETCH 10 (UID BODY.PEEK[])", "* 1 FETCH (UID 10 BODY[] {17}\r\nX: y\r\nSubject:0\r\n)", "TAG OK x")
	killed := append(writable("LITERAL+ UIDPLUS MULTIAPPEND", `< APPEND "x" (\Seen)`+appended, "<{14}", `< (\Seen)`+appended, "<{14}", "<", "TAG OK [APPENDUID 7 10:11] x"), "!")
	opts := serve(t, killed, looks, held, held)
	opts.Journal, opts.Connections = t.TempDir(), 1
	open := func() (*Target, *folder) {
		target := NewTarget(*opts)
		target.pause = func(context.Context, time.Duration) error { return errors.New("killed") }
		f, err := target.Open(t.Context(), restore.Place{Name: "x"})
		if err != nil {
			t.Fatal(err)
		}
		return target, f.(*folder)
	}
	list := some(2, `\Seen`)
	_, f := open()
	if _, err := addTo(t.Context(), f, list); err == nil {
		t.Fatal("it is not killed")
	}
	for i, end := range []bool{false, true, true} {
		target, f := open()
		missing, err := f.Missing(t.Context(), list)
		if err != nil || len(missing) > 0 {
			t.Fatal(missing, err)
		}
		results, err := f.EarlierResults(t.Context(), list)
		if err != nil {
			t.Fatal(err)
		}
		want := map[int]restore.AppendResult{
			0: {Added: true, Changed: []string{"the server altered its bytes"}, Altered: true},
			1: {Added: true, Changed: []string{`flag \Seen was not kept`}, FlagsLost: true},
		}
		if i == 2 {
			want = map[int]restore.AppendResult{}
		}
		if !reflect.DeepEqual(results, want) {
			t.Errorf("restore %d: have %+v, want %+v", i+2, results, want)
		}
		f.Close()
		if target.pool.Close(); end {
			target.Close()
		}
	}
}

// A server may say that a mailbox is empty, although this host has added messages to it: they are
// looked for.
func TestEmptyIsDoubted(t *testing.T) {
	const list = " (UID FLAGS INTERNALDATE RFC822.SIZE)"
	opts := serve(t, append(writable("LITERAL+ UIDPLUS", `< APPEND "x" (\Seen)`+appended, "<{14}", "<",
		"TAG OK [APPENDUID 7 10] done", "< UID FETCH 10"+list), overview(10)...),
		append(writable("LITERAL+ UIDPLUS", "< UID FETCH 1:4294967295"+list), overview(10)...))
	opts.Journal = t.TempDir()
	f, message := openedOn(t, opts), some(1, `\Seen`)
	if results, err := addTo(t.Context(), f, message); err != nil || resultsOf(results) != "added" {
		t.Fatalf("have %s, %v", resultsOf(results), err)
	}
	f.Close()
	f = openedOn(t, opts)
	if missing, err := f.Missing(t.Context(), message); err != nil || len(missing) != 0 {
		t.Errorf("missing: %v, %v", missing, err)
	}
}
