package mail

import (
	"errors"
	"io"
	"testing"
)

// Recipes come from storage, so no recipe may make a Joiner panic, loop, or write nonsense.
func TestJoinRefusesImpossibleRecipes(t *testing.T) {
	for _, recipe := range []Recipe{
		{},
		{LineLength: 2},
		{LineLength: 75},
		{LineLength: 1000},
		{LineLength: 65532},
		{LineLength: 65535, CRLF: true},
	} {
		if err := NewJoiner(io.Discard).Begin(Base64Part, recipe); !errors.Is(err, ErrRecipe) {
			t.Errorf("%+v: %v, want ErrRecipe", recipe, err)
		}
	}
	for _, kind := range []PartKind{HeaderPart, TextPart} {
		if err := NewJoiner(io.Discard).Begin(kind, Recipe{LineLength: 76}); !errors.Is(err, ErrRecipe) {
			t.Errorf("%v with a recipe: %v, want ErrRecipe", kind, err)
		}
	}
}

func TestJoinRefusesImpossibleSequences(t *testing.T) {
	for name, call := range map[string]func(*Joiner){
		"unknown kind":           func(j *Joiner) { j.Begin(9, Recipe{}) },
		"kind 0":                 func(j *Joiner) { j.Begin(0, Recipe{}) },
		"bytes before any part":  func(j *Joiner) { j.Write([]byte("x")) },
		"base64 without bytes":   func(j *Joiner) { j.Begin(Base64Part, Recipe{LineLength: 76}) },
		"a part after the open":  func(j *Joiner) { openRun(j); j.Begin(TextPart, Recipe{}) },
		"bytes after the last":   func(j *Joiner) { j.Begin(TextPart, Recipe{}); j.Close(); j.Write([]byte("x")) },
		"a header after a text":  func(j *Joiner) { j.Begin(TextPart, Recipe{}); j.Begin(HeaderPart, Recipe{}) },
		"a header after another": func(j *Joiner) { j.Begin(HeaderPart, Recipe{}); j.Begin(HeaderPart, Recipe{}) },
	} {
		j := NewJoiner(io.Discard)
		call(j)
		if err := j.Close(); !errors.Is(err, ErrJoin) {
			t.Errorf("%s: %v, want ErrJoin", name, err)
		}
		if err := j.Begin(TextPart, Recipe{}); err == nil {
			t.Errorf("%s: the Joiner goes on", name)
		}
	}
}

func openRun(j *Joiner) {
	j.Begin(Base64Part, Recipe{LineLength: 76, Unterminated: true})
	j.Write([]byte("x"))
}

func TestJoinReturnsTheErrorOfTheWriter(t *testing.T) {
	full := errors.New("disk full")
	for _, part := range []piece{
		{HeaderPart, Recipe{}, "a: b\n"},
		{Base64Part, Recipe{LineLength: 4}, "abcde"},
	} {
		j := NewJoiner(brokenWriter{full})
		j.Begin(part.kind, part.recipe)
		io.WriteString(j, part.data)
		if err := j.Close(); err != full {
			t.Errorf("%v: %v, want %v", part, err, full)
		}
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }
