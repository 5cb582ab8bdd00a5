package s3_test

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/s3"
)

// An answer to HEAD has no text, so a refused HEAD for an object is repeated by GET: a session that
// has ended is renewed, a wrong clock is named, and a proxy does not make an object missing.
func TestHeadRefused(t *testing.T) {
	f := newFake(t)
	provider := new(rotating)
	s := f.open(func(o *s3.Options) { o.Credentials = credentials.New(provider); o.SetBrief(time.Second) })
	if err := put(t, s, "o", "x"); err != nil {
		t.Fatal(err)
	}
	wordless := func(status int) fault {
		return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { w.WriteHeader(status) }
	}
	get := func() error {
		body, _, err := s.Get(t.Context(), "o", 0, 0) // which asks by HEAD
		if err == nil {
			body.Close()
		}
		return err
	}
	f.next(wordless(400), answering(400, "ExpiredToken"))
	if err := get(); err != nil || provider.asked.Load() != 2 {
		t.Errorf("a session that has ended: %v; credentials were read %d times", err, provider.asked.Load())
	}
	f.next(wordless(403), answering(403, "RequestTimeTooSkewed"))
	if err := get(); err == nil || !strings.Contains(err.Error(), "clock") {
		t.Errorf("a wrong clock: %v", err)
	}
	foreign := func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		w.WriteHeader(404)
		if r.Method != http.MethodHead {
			io.WriteString(w, "<html>no backend</html>")
		}
	}
	f.set(foreign)
	if err := get(); err == nil || errors.Is(err, store.ErrNotExist) || !strings.Contains(err.Error(), "no backend") {
		t.Errorf("a proxy that answers 404: %v", err)
	}
	f.set(nil)
	f.next(wordless(403))
	if err := get(); err != nil {
		t.Errorf("HEAD alone is refused: %v", err)
	}
}

// unsized sends bodies in chunks, as a proxy that changes them does, and so without their length.
// size is the Content-Length of its answers to HEAD; "" means none.
func unsized(size string) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			next(w, r)
			return
		}
		whole := httptest.NewRecorder()
		next(whole, r)
		maps.Copy(w.Header(), whole.Header())
		w.Header().Del("Content-Length")
		if r.Method == http.MethodHead && size != "" {
			w.Header().Set("Content-Length", size)
		}
		w.WriteHeader(whole.Code)
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write(whole.Body.Bytes())
	}
}

// Everything works behind a proxy that removes the length of answers.
func TestUnsized(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		f := newFake(t)
		f.set(unsized(""))
		return f.open()
	})
	for what, size := range map[string]string{"no length": "", "a length of 0 to HEAD": "0"} {
		f := newFake(t)
		f.set(unsized(size))
		if err := f.open().Probe(t.Context()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A proxy that removes the ranges too is refused before the store holds a repository.
func TestUnsizedWithoutRanges(t *testing.T) {
	f := newFake(t)
	f.set(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		r.Header.Del("Range")
		unsized("")(w, r, next)
	})
	if err := f.open().Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "does not say how large the object is") {
		t.Error(err)
	}
}
