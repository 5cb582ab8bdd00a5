package dav

import (
	"errors"
	"net/http"
	"testing"

	"github.com/mailstrata/mailstrata/collection"
)

// TestAnswersThatDidNothing has answers that a restore must not take for success.
func TestAnswersThatDidNothing(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		kind   string
		ok     bool
	}{
		"created, with a page": {http.StatusCreated, "text/html", true},
		"no content":           {http.StatusNoContent, "", true},
		"done":                 {http.StatusOK, "text/plain", true},
		"a page to log in":     {http.StatusOK, "text/html; charset=utf-8", false},
		"several answers":      {http.StatusMultiStatus, "text/xml", false},
	} {
		f, c := newFake(t)
		f.on = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", test.kind)
			w.WriteHeader(test.status)
			return true
		}
		item := collection.Item{Listed: collection.Listed{Name: "a.ics", ETag: `"1"`}, Content: []byte("BEGIN:VCALENDAR")}
		for what, err := range map[string]error{
			"put":                 c.Put(t.Context(), work, item, nil),
			"replace":             c.Put(t.Context(), work, item, &item.Listed),
			"delete":              c.Delete(t.Context(), work, item.Listed),
			"delete a collection": c.DeleteCollection(t.Context(), work),
		} {
			if test.ok != (err == nil) {
				t.Errorf("%s, %s: %v", what, name, err)
			}
		}
	}
}

// TestListThatWasCutOff reads a list that the server says is not whole: what is missing was not
// removed.
func TestListThatWasCutOff(t *testing.T) {
	f, c := newFake(t)
	f.on = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusMultiStatus)
		_, _ = w.Write([]byte(multi(item("a.ics", "1") + `<response><href>/cal/jo/office/</href><status>HTTP/1.1 507 Insufficient Storage</status></response>`)))
		return true
	}
	var status *StatusError
	if l, err := c.List(t.Context(), work, ""); !errors.As(err, &status) || status.Status != http.StatusInsufficientStorage {
		t.Errorf("%+v, %v", l, err)
	}
}
