package s3_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/s3"
)

// Often only the text of a store says what is wrong: the error has it, bounded and without control
// characters.
func TestOwnWords(t *testing.T) {
	f := newFake(t)
	s := f.open()
	for _, c := range []struct {
		words string
		want  []string
	}{
		{"Cannot upload files, storage cap exceeded.", []string{"no room left", `"Cannot upload files, storage cap exceeded."`, "(403 AccessDenied)"}},
		{"The bucket quota has been reached", []string{"no room left", "quota has been reached"}},
		{"Your key expires at the storage desk", []string{"s3:PutObject", "storage desk"}},
		{"a\x1b[31m\nb" + strings.Repeat("x", 1000), []string{`a\x1b[31m\nbxxx`, "…"}},
	} {
		f.next(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, "<Error><Code>AccessDenied</Code><Message><![CDATA[%s]]></Message></Error>", strings.ReplaceAll(c.words, "\x1b", "&#27;"))
		})
		err := put(t, s, "o", "x")
		if err == nil || len(err.Error()) > 700 || strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("%.40q: %v", c.words, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) && !strings.Contains(want, `\x1b`) {
				t.Errorf("%.40q: %v; want %q", c.words, err, want)
			}
		}
	}
}

// An answer that no store gives, such as that of a web server, fails within seconds.
func TestNoStore(t *testing.T) {
	f := newFake(t)
	s := f.open(func(o *s3.Options) { o.Patience = time.Hour; o.SetBrief(50 * time.Millisecond) })
	if err := put(t, s, "o", "x"); err != nil {
		t.Fatal(err)
	}
	var always []fault
	for range 1000 {
		always = append(always, func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
			io.WriteString(w, "<html><p>Welcome</html>")
		})
	}
	f.next(always...)
	if err := listError(t, s); err == nil {
		t.Error("a web page passes for a listing")
	}
	if got := len(f.requests()); got > 400 {
		t.Errorf("%d bytes of requests", got)
	}
}

// Waiting is called while a run waits.
func TestWaiting(t *testing.T) {
	f := newFake(t)
	var heard atomic.Pointer[string]
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := f.open(func(o *s3.Options) {
		o.SetWaitingAfter(time.Nanosecond)
		o.Waiting = func(err error) { text := err.Error(); heard.Store(&text) }
	})
	f.next(answering(503, "SlowDown"), answering(503, "SlowDown"))
	if err := s.Put(ctx, "o", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	if text := heard.Load(); text == nil || !strings.Contains(*text, "put o: ") || !strings.Contains(*text, "SlowDown") {
		t.Errorf("heard %v", text)
	}
}

// Errors of the network are in plain words, also while a run waits: none of the client library or
// of package net, with calls of the system, ports of this host and whole addresses.
func TestPlainWords(t *testing.T) {
	hangUp := func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	}
	spoke := false // an attempt can take all of its patience on a loaded machine
	for what, c := range map[string]struct {
		answers bool // once, before
		fault   fault
		change  func(f *fake, o *s3.Options)
		want    string
	}{
		"nobody listens": {change: func(f *fake, _ *s3.Options) { f.Server.Close() }, want: "cannot reach %s: connection refused"},
		"no TLS": {
			change: func(_ *fake, o *s3.Options) { o.Endpoint = strings.Replace(o.Endpoint, "http:", "https:", 1) },
			want:   "cannot reach %s: there is no TLS at this port",
		},
		"it hangs up":       {fault: hangUp, want: "cannot reach %s: it was closed without an answer"},
		"it hangs up later": {answers: true, fault: hangUp, want: "the connection to %s keeps failing: it was closed without an answer"},
		"an error of its own": {
			answers: true, fault: answering(500, "InternalError"), want: "%s has an error of its own. It answers: \"so it is\" (500 InternalError)",
		},
		"too many requests": {
			answers: true, fault: answering(503, "SlowDown"), want: "%s is overloaded, or limits how many requests it takes. It answers: \"so it is\" (503 SlowDown)",
		},
		"damage on the way": {
			answers: true, fault: answering(400, "BadDigest"), want: "what %s received is not what was sent. It answers: \"so it is\" (400 BadDigest)",
		},
	} {
		f := newFake(t)
		var heard atomic.Pointer[string]
		var endpoint string
		s := f.open(func(o *s3.Options) {
			o.Patience = 200 * time.Millisecond
			o.SetWaitingAfter(time.Nanosecond)
			o.Waiting = func(err error) { text := err.Error(); heard.Store(&text) }
			if c.change != nil {
				c.change(f, o)
			}
			endpoint = o.Endpoint
		})
		if c.answers {
			if err := put(t, s, "first", "x"); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		f.set(c.fault)
		want := "put o: " + strings.ReplaceAll(c.want, "%s", endpoint)
		if err := put(t, s, "o", "x"); err == nil || err.Error() != want {
			t.Errorf("%s: %v; want %q", what, err, want)
		}
		if text := heard.Load(); text != nil {
			if spoke = true; *text != want {
				t.Errorf("%s: while it waits, %q; want %q", what, *text, want)
			}
		}
	}
	if !spoke {
		t.Error("it waited in silence")
	}
}

// page answers every listing with the same page.
func page(truncated bool, names ...string) fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		io.WriteString(w, listing(truncated, names...))
	}
}

// text answers with status 200 and a text.
func text(text string) fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) { io.WriteString(w, text) }
}

func listing(truncated bool, names ...string) string {
	text := fmt.Sprintf("<ListBucketResult><IsTruncated>%t</IsTruncated>", truncated)
	if truncated {
		text += "<NextContinuationToken>t</NextContinuationToken>"
	}
	for _, name := range names {
		text += "<Contents><Key>" + name + "</Key><Size>0</Size><LastModified>2026-03-09T00:00:00.000Z</LastModified></Contents>"
	}
	return text + "</ListBucketResult>"
}

// A listing that stops in the middle is not taken as complete: a page that is cut off, an empty
// page after one that promised more, and an answer that is no page. A complete listing that ends so
// costs one request.
func TestListEndsEarly(t *testing.T) {
	f := newFake(t)
	f.page = 3
	want := "a b c d e f g h"
	for name := range strings.FieldsSeq(want) {
		f.objects[name] = nil
	}
	cutText := func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		whole := listing(false, "a", "b", "c")
		io.WriteString(w, whole[:len(whole)-len("</ListBucketResult>")])
	}
	s := f.open()
	for what, c := range map[string]struct {
		faults   []fault
		requests int
	}{
		"whole":            {nil, 3},
		"an empty end":     {[]fault{nil, page(false)}, 2 + 2},
		"an empty page":    {[]fault{nil, page(true), nil}, 1 + 2 + 2},
		"ends empty twice": {[]fault{nil, page(true), page(false)}, 1 + 2 + 2},
		"cut":              {[]fault{cutText, nil}, 1 + 3},
		"an error":         {[]fault{text("<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code></Error>")}, 1 + 3},
		"a later error":    {[]fault{nil, text("<Error><Code>SlowDown</Code></Error>")}, 2 + 2},
		"a portal":         {[]fault{text("<!DOCTYPE html><html><body>Log in first</body></html>")}, 1 + 3},
		"nothing":          {[]fault{text("")}, 1 + 3},
	} {
		f.next(c.faults...)
		if got := strings.Join(list(t, s, ""), " "); got != want {
			t.Errorf("%s: listed %s, want %s", what, got, want)
		}
		if got := strings.Count(f.requests(), "GET"); got != c.requests {
			t.Errorf("%s: %d requests, want %d", what, got, c.requests)
		}
	}
}

// A store that lists without end ends with an error.
func TestEndlessListing(t *testing.T) {
	f := newFake(t)
	s := f.open()
	var always []fault
	for range 3000 {
		always = append(always, page(true))
	}
	f.next(always...)
	if err := listError(t, s); err == nil || !strings.Contains(err.Error(), "page after page") {
		t.Errorf("an endless listing: %v", err)
	}
}

// What answers in the store's place is not taken for the store: a page with status 404 does not
// mean that an object is missing, and one with 403 no missing right. A store's own refusal, in XML
// or empty, counts.
func TestForeignAnswers(t *testing.T) {
	f := newFake(t)
	s := f.open(func(o *s3.Options) { o.Patience = time.Hour; o.SetBrief(time.Second) })
	if err := put(t, s, "o", "x"); err != nil {
		t.Fatal(err)
	}
	get := func() error {
		body, _, err := s.Get(t.Context(), "o", 0, -1)
		if err == nil {
			body.Close()
		}
		return err
	}
	page := func(status int, text string) fault {
		return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
			w.WriteHeader(status)
			io.WriteString(w, text)
		}
	}
	for _, status := range []int{403, 404, 409, 412} {
		f.next(slices.Repeat([]fault{page(status, "<html><body>no\nroute\x1b</body></html>")}, 1000)...)
		err := get()
		if err == nil || errors.Is(err, store.ErrNotExist) || !strings.Contains(err.Error(), fmt.Sprintf(`no route\x1b</body></html>" (status %d)`, status)) {
			t.Errorf("%d: %v", status, err)
		}
		f.next(page(status, "404 backend unknown"))
		if err := get(); err != nil {
			t.Errorf("%d once: %v", status, err)
		}
	}
	for _, text := range []string{"", "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code></Error>"} {
		f.next(page(404, text))
		if err := get(); !errors.Is(err, store.ErrNotExist) {
			t.Errorf("%q: %v", text, err)
		}
	}
	f.next(slices.Repeat([]fault{page(412, "<html>")}, 1000)...)
	if err := put(t, s, "new", "x"); err == nil || errors.Is(err, store.ErrExist) {
		t.Errorf("a page passes for an object that exists: %v", err)
	}
}

// A status without a text is not repeated.
func TestStatusAlone(t *testing.T) {
	f := newFake(t)
	f.next(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) { w.WriteHeader(http.StatusGone) })
	if err := put(t, f.open(), "o", "x"); err == nil || !strings.HasSuffix(err.Error(), `"410 Gone" (410 Gone)`) {
		t.Error(err)
	}
}

// An answer to HEAD has no text, so a refused HEAD is repeated by GET, and explained.
func TestRefusalWithoutWords(t *testing.T) {
	for _, c := range []struct {
		status     int
		code, want string
	}{
		{403, "RequestTimeTooSkewed", "clock of this host"}, {403, "InvalidAccessKeyId", "does not accept the access key"},
		{301, "PermanentRedirect", "another region"}, {400, "InvalidBucketName", "cannot be the name of a bucket"},
	} {
		f := newFake(t)
		f.next(answering(c.status, ""), answering(c.status, c.code))
		if _, err := f.open().Now(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.code, err, c.want)
		}
	}
}

// The signature covers a checksum of every body, and over a network without TLS its SHA-256 too.
// Elsewhere that would cost a quarter of the time of a large upload.
func TestSignaturesCoverBodies(t *testing.T) {
	const body = "sealed"
	sum := sha256.Sum256([]byte(body))
	for name, c := range map[string]struct {
		exposed    bool
		want, also string
	}{
		"this host": {false, "UNSIGNED-PAYLOAD", "x-amz-checksum-crc32c"},
		"a network": {true, hex.EncodeToString(sum[:]), "content-md5"},
	} {
		f := newFake(t)
		s := f.open()
		if c.exposed {
			s.Expose()
		}
		var header http.Header
		f.set(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			header = r.Header.Clone()
			next(w, r)
		})
		if err := put(t, s, "o", body); err != nil {
			t.Fatal(err)
		}
		if got := header.Get("X-Amz-Content-Sha256"); got != c.want {
			t.Errorf("%s: the signature covers the hash %q, want %q", name, got, c.want)
		}
		_, signed, _ := strings.Cut(header.Get("Authorization"), "SignedHeaders=")
		if signed, _, _ = strings.Cut(signed, ","); !slices.Contains(strings.Split(signed, ";"), c.also) {
			t.Errorf("%s: the signature covers only the headers %s", name, signed)
		}
	}
}

// A store that answers each third request with an error of its own holds a repository all the same,
// whatever the requests between are.
func TestEachThirdRequestFails(t *testing.T) {
	for from := range 3 {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeInBubble(t)
			s := f.open()
			n := from
			f.set(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				f.mu.Lock()
				n++
				fails := n%3 == 0
				f.mu.Unlock()
				if fails {
					answering(500, "")(w, r, next)
					return
				}
				next(w, r)
			})
			for i := range 6 {
				name := fmt.Sprintf("data/%d", i)
				if err := s.Put(t.Context(), name, strings.NewReader("x"), 1); err != nil {
					t.Fatalf("from %d: %v", from, err)
				}
			}
		})
	}
}
