package main

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Each account has at least thirty messages, and a night brings more to as many accounts as were asked for.
func TestFleetMail(t *testing.T) {
	if exec.Command("chown", "nobody:nogroup", t.TempDir()).Run() != nil {
		t.Skip("chown needs root")
	}
	root := t.TempDir()
	f, err := newFleetMail(t.Context(), root, 4)
	if err != nil {
		t.Fatal(err)
	}
	before := make(map[string]int)
	for _, name := range strings.Fields(f.users()) {
		n, _, err := weigh(f.maildir(name).Root)
		if err != nil || n < 30 || n > 100 {
			t.Errorf("%s has %d messages: %v", name, n, err)
		}
		before[name] = n
	}
	if len(before) != 4 {
		t.Errorf("%d accounts", len(before))
	}
	if err := f.deliver(t.Context(), 1, 2); err != nil {
		t.Fatal(err)
	}
	grown := 0
	for name, n := range before {
		if now, _, err := weigh(f.maildir(name).Root); err != nil || now > n {
			grown++
		}
	}
	if grown != 2 {
		t.Errorf("%d accounts got mail", grown)
	}
}

// What passes on the way to the store is counted by method, and what is put by its folder.
func TestFleetStoreCounts(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte("12345"))
		}
	}))
	defer target.Close()
	s, err := newFleetStore(target.URL, 5*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for _, r := range []struct{ method, path, body string }{
		{http.MethodPut, "/fleet/manifests/a/b", "123"},
		{http.MethodPut, "/fleet/data/c", "1234"},
		{http.MethodPut, "/fleet/manifests/a/d", "1"},
		{http.MethodGet, "/fleet/data/c", ""},
		{http.MethodGet, "/fleet/?list-type=2&prefix=data", ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), r.method, s.endpoint()+r.path, strings.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		resp, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if time.Since(begin) < 5*time.Millisecond {
			t.Errorf("%s %s does not wait for a round trip", r.method, r.path)
		}
	}
	got := s.taken()
	objects, bytes := got.put()
	if objects != 3 || bytes != 8 || got.objects["manifests"] != 2 || got.requests() != 5 || got.methods["LIST"] != 1 || got.methods["GET"] != 1 || got.read != 10 {
		t.Errorf("%+v", got)
	}
	if again := s.taken(); again.requests() != 0 {
		t.Errorf("after that, %+v", again)
	}
}
