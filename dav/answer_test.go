package dav

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/collection"
)

// slowServer answers each request with an event whose parts come one after the other.
type slowServer struct {
	parts []string
	pause time.Duration
}

func (s *slowServer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: &slowBody{s.parts, s.pause, r.Context()}, Request: r}, nil
}

type slowBody struct {
	parts []string
	pause time.Duration
	ctx   context.Context
}

func (b *slowBody) Read(p []byte) (int, error) {
	if len(b.parts) == 0 {
		return 0, io.EOF
	}
	select {
	case <-time.After(b.pause):
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	}
	n := copy(p, b.parts[0])
	b.parts = b.parts[1:]
	return n, nil
}

func (b *slowBody) Close() error { return nil }

// TestSlowAnswers reads an event that takes longer than a server may be silent, and does not wait
// for one that never comes.
func TestSlowAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		parts int
		pause time.Duration
		says  string
	}{
		"ten minutes":        {9, time.Minute, ""},
		"silent":             {9, 3 * time.Minute, "has not answered for 2m0s"},
		"an answer for ever": {1000, time.Minute, "has not finished its answer within 30m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &url.URL{Scheme: "https", Host: "dav.example", Path: "/", User: url.User("jo")}
				c := New(collection.Calendars, Options{URL: u, Password: func(context.Context) (string, error) { return "pw", nil }})
				parts := append([]string{"BEGIN:VCALENDAR\r\n"}, slicesOf("X:y\r\n", test.parts)...)
				c.http.Transport = &slowServer{parts, test.pause}
				err := c.Read(t.Context(), work, []collection.Listed{{Name: "a.ics"}}, func(it collection.Item, err error) error {
					if err == nil && string(it.Content) != strings.Join(parts, "") {
						t.Errorf("%q", it.Content)
					}
					return err
				})
				if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
					t.Errorf("%v, want %q", err, test.says)
				}
			})
		})
	}
}

func slicesOf(text string, n int) (all []string) {
	for range n {
		all = append(all, text)
	}
	return all
}

// TestCodings reads answers that are compressed although nobody asked for that.
func TestCodings(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte("BEGIN:VCALENDAR\r\nX:1\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		coding string
		body   []byte
		ok     bool
	}{
		"gzip":               {"gzip", packed.Bytes(), true},
		"the old name":       {"X-GZIP", packed.Bytes(), true},
		"cut off":            {"gzip", packed.Bytes()[:packed.Len()-5], false},
		"not what it says":   {"gzip", []byte("BEGIN:VCALENDAR\r\n"), false},
		"an unknown coding":  {"br", packed.Bytes(), false},
		"packed and unnamed": {"", packed.Bytes(), false},
	} {
		f, c := newFake(t)
		f.on = func(w http.ResponseWriter, r *http.Request) bool {
			if got := r.Header.Get("Accept-Encoding"); got != "identity" {
				t.Errorf("asked for %q", got)
			}
			if test.coding != "" {
				w.Header().Set("Content-Encoding", test.coding)
			}
			_, _ = w.Write(test.body)
			return true
		}
		err := c.Read(t.Context(), work, []collection.Listed{{Name: "a.ics"}}, func(it collection.Item, err error) error {
			if err == nil && string(it.Content) != "BEGIN:VCALENDAR\r\nX:1\r\n" {
				t.Errorf("%s: %q", name, it.Content)
			}
			return err
		})
		if test.ok != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if !test.ok && test.coding == "br" && !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
