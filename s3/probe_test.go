package s3_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A store that ignores ranges, or lists otherwise than S3, is refused before it holds a repository,
// and by its reason.
func TestProbe(t *testing.T) {
	for what, c := range map[string]struct {
		change func(f *fake)
		want   string // in the error; "": none
	}{
		"none":      {func(*fake) {}, ""},
		"no ranges": {func(f *fake) { f.set(withoutRange) }, "the store answers with bytes 0 to 2097151, where 3 to 8 were asked for"},
		"backwards": {func(f *fake) { f.reverse = true }, "has 2 objects with the prefix probe/"},
		"one page": {func(f *fake) { f.set(edited("true</IsTruncated>", "false</IsTruncated>")) },
			"has 2 objects with the prefix probe/"},
		"no tokens":         {func(f *fake) { f.set(edited("NextContinuationToken", "NextMarker")) }, "continuation token"},
		"a cache":           {func(f *fake) { f.set(f.cached()) }, "a proxy before it keeps old answers"},
		"a limit of 1 MiB":  {func(f *fake) { f.set(limited(1 << 20)) }, "a proxy before it, takes no object of this size"},
		"a limit of 32 MiB": {func(f *fake) { f.set(limited(32 << 20)) }, "a proxy before it, takes no object of this size"},
		"a limit of 33 MiB": {func(f *fake) { f.set(limited(33 << 20)) }, ""},
		"other bytes":       {func(f *fake) { f.set(otherBytes) }, "returns other bytes of an object than were put"},
		"replaces":          {func(f *fake) { f.careful = false }, "lets one object replace another"},
	} {
		f := newFake(t)
		c.change(f)
		err := f.open().Probe(t.Context())
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", what, err)
		}
		if len(f.objects) != 0 {
			t.Errorf("%s: left %v", what, f.objects)
		}
	}
}

// otherBytes answers each GET of an object with other bytes.
func otherBytes(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	if r.Method != http.MethodGet || r.URL.Query().Has("list-type") {
		next(w, r)
		return
	}
	whole := httptest.NewRecorder()
	next(whole, r)
	maps.Copy(w.Header(), whole.Header())
	body := bytes.Clone(whole.Body.Bytes())
	if len(body) > 0 {
		body[0] ^= 1
	}
	w.WriteHeader(whole.Code)
	_, _ = w.Write(body)
}

func withoutRange(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	r.Header.Del("Range")
	next(w, r)
}

// cached answers like a proxy that keeps listings.
func (f *fake) cached() fault {
	kept := map[string]*httptest.ResponseRecorder{}
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		if r.Method != http.MethodGet || !r.URL.Query().Has("list-type") {
			next(w, r)
			return
		}
		f.mu.Lock()
		whole := kept[r.URL.String()]
		f.mu.Unlock()
		if whole == nil {
			whole = httptest.NewRecorder()
			next(whole, r)
			f.mu.Lock()
			kept[r.URL.String()] = whole
			f.mu.Unlock()
		}
		_, _ = w.Write(whole.Body.Bytes())
	}
}

// limited refuses large requests as nginx does.
func limited(most int64) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		if r.ContentLength > most {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			_, _ = io.WriteString(w, "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n</html>")
			return
		}
		next(w, r)
	}
}

// edited replaces some words in the answers to listings.
func edited(old, new string) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		if r.Method != http.MethodGet || !r.URL.Query().Has("list-type") {
			next(w, r)
			return
		}
		whole := httptest.NewRecorder()
		next(whole, r)
		_, _ = w.Write([]byte(strings.ReplaceAll(whole.Body.String(), old, new)))
	}
}
