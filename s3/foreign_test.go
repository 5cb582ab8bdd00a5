package s3_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/s3"
)

// compressed answers as a proxy does that compresses what passes.
func compressed(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	whole := httptest.NewRecorder()
	next(whole, r)
	for _, name := range []string{"Etag", "Last-Modified"} {
		w.Header().Set(name, whole.Header().Get(name))
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(whole.Code)
	z := gzip.NewWriter(w)
	_, _ = z.Write(whole.Body.Bytes())
	_ = z.Close()
}

// A body that is compressed on the way has other bytes than the object. It is no damage of the
// object.
func TestCompressedAnswer(t *testing.T) {
	f := newFake(t)
	s := f.open()
	if err := put(t, s, "o", "content"); err != nil {
		t.Fatal(err)
	}
	f.next(compressed)
	body, _, err := s.Get(t.Context(), "o", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); string(got) != "content" || err != nil {
		t.Errorf("after one compressed answer: %q, %v", got, err)
	}
	s = f.open(func(o *s3.Options) { o.SetBrief(100 * time.Millisecond) })
	f.set(compressed)
	_, _, err = s.Get(t.Context(), "o", 0, -1)
	if err == nil || !strings.Contains(err.Error(), `something between this host and the store answers in its place: "Content-Encoding: gzip"`) {
		t.Errorf("all answers are compressed: %v", err)
	}
	if err := listError(t, s); err == nil || !strings.Contains(err.Error(), "Content-Encoding: gzip") {
		t.Errorf("a compressed listing: %v", err)
	}
}

// A redirect to another address is not followed, because requests are signed for one host. The
// error names the address, and comes at once.
func TestRedirectElsewhere(t *testing.T) {
	f := newFake(t)
	s := f.open()
	for _, text := range []string{"", "<html>301 Moved Permanently</html>"} {
		f.set(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
			w.Header().Set("Location", "https://other.example/bucket/o?secret")
			w.WriteHeader(http.StatusMovedPermanently)
			_, _ = w.Write([]byte(text))
		})
		f.next()
		err := put(t, s, "o", "x")
		if err == nil || !strings.Contains(err.Error(), `a redirect to "https://other.example" (status 301)`) || f.requests() != "PUT" {
			t.Errorf("%v after %s", err, f.requests())
		}
	}
}

// Headers that the client library cannot read are no failure of the store that passes in minutes.
func TestUnreadableHeaders(t *testing.T) {
	f := newFake(t)
	s := f.open(func(o *s3.Options) { o.Patience = time.Hour; o.SetBrief(100 * time.Millisecond) })
	if err := put(t, s, "o", "x"); err != nil {
		t.Fatal(err)
	}
	f.set(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		whole := httptest.NewRecorder()
		next(whole, r)
		_, _ = w.Write(whole.Body.Bytes()) // without Last-Modified
	})
	if _, _, err := s.Get(t.Context(), "o", 0, -1); err == nil || !strings.Contains(err.Error(), "answers with headers that a store does not send") {
		t.Error(err)
	}
}
