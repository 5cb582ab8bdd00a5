package dav

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestRootWithoutToken opens a server that fails when it is asked for the sync token of its root,
// as DAViCal does, by its URL and by that of a collection.
func TestRootWithoutToken(t *testing.T) {
	for _, path := range []string{"/", "/dav/", "/cal/jo/office/"} {
		f, c := newFake(t)
		f.on = func(w http.ResponseWriter, r *http.Request) bool {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			root := r.URL.Path == "/dav/" && bytes.Contains(body, []byte("sync-token"))
			if root {
				http.Error(w, "Fatal Error", http.StatusInternalServerError)
				return true
			}
			if r.URL.Path == "/cal/jo/office/" && r.Header.Get("Depth") == "0" {
				described := `<resourcetype><collection/><C:calendar/></resourcetype>`
				if bytes.Contains(body, []byte("displayname")) {
					described = calendarType
				}
				w.WriteHeader(http.StatusMultiStatus)
				_, _ = io.Copy(w, strings.NewReader(multi(props(r.URL.Path, described))))
				return true
			}
			return false
		}
		c.base.Path = path
		_, all, err := c.Open(t.Context())
		if err != nil || len(all) != 1 || all[0].Path != work.Path || all[0].Name != "Work" || all[0].SyncToken != "t1" {
			t.Errorf("%s: %+v, %v", path, all, err)
		}
	}
}
