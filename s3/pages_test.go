package s3_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// spelled lets another fault or the store answer, and writes the XML of its answer in another way.
func spelled(as func(text string) string, by fault) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		whole := httptest.NewRecorder()
		if by == nil {
			next(whole, r)
		} else {
			by(whole, r, next)
		}
		w.WriteHeader(whole.Code)
		_, _ = w.Write([]byte(as(whole.Body.String())))
	}
}

// A store may write the XML of a page in any way: with a prefix for the namespace, attributes,
// white space, or a byte order mark. A listing that ends early is detected in each.
func TestPagesOfOtherXML(t *testing.T) {
	replaced := func(oldnew ...string) func(string) string { return strings.NewReplacer(oldnew...).Replace }
	f := newFake(t)
	f.page = 3
	want := strings.Fields("a b c d e f g h")
	for _, name := range want {
		f.objects[name] = nil
	}
	for what, as := range map[string]func(string) string{
		"a prefix":          replaced("</", "</s3:", "<ListBucketResult", `<s3:ListBucketResult xmlns:s3="http://s3.amazonaws.com/doc/2006-03-01/"`, "<", "<s3:"),
		"attributes":        replaced("<Contents>", `<Contents xmlns="">`, "<IsTruncated>", `<IsTruncated xmlns="">`),
		"white space":       replaced("><", ">\n  <", "true", "\n true\n", "</ListBucketResult>", "</ListBucketResult\n>\n"),
		"other truth":       replaced("true", "True"),
		"a byte order mark": func(text string) string { return "\ufeff" + text },
	} {
		s := f.open()
		f.set(spelled(as, nil))
		for _, c := range []struct {
			what     string
			faults   []fault
			requests int
		}{
			{"whole", nil, 3},
			{"ends empty", []fault{spelled(as, nil), spelled(as, page(true)), spelled(as, page(false))}, 1 + 2 + 2},
			{"cut", []fault{spelled(func(text string) string { return as(text)[:len(as(text))-5] }, nil)}, 1 + 3},
		} {
			f.next(c.faults...)
			if got := list(t, s, ""); !slices.Equal(got, want) {
				t.Errorf("%s, %s: listed %v", what, c.what, got)
			}
			if got := strings.Count(f.requests(), "GET"); got != c.requests {
				t.Errorf("%s, %s: %d requests, want %d", what, c.what, got, c.requests)
			}
		}
	}
}

// The answer to another question, such as the list of all buckets, is not an empty listing.
func TestOtherListing(t *testing.T) {
	f := newFake(t)
	f.objects["a"] = nil
	f.next(text(`<ListAllMyBucketsResult><Buckets></Buckets></ListAllMyBucketsResult>`))
	if got := list(t, f.open(), ""); !slices.Equal(got, []string{"a"}) {
		t.Errorf("listed %v", got)
	}
}

// Some stores do not know start-after, and begin at the first name again. A listing is complete
// without repetition there too, after an error, in parts, and if each listing ends with an empty
// page.
func TestListWithoutStartAfter(t *testing.T) {
	f := newFake(t)
	f.rewind = true
	want := long(f, 1500)
	s := f.open()
	f.next(nil, hangUp, nil, answering(503, "SlowDown"), nil, page(true))
	if got := list(t, s, "data/"); !slices.Equal(got, want) {
		t.Errorf("listed %d names, want %d", len(got), len(want))
	}
	f.set(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		whole := httptest.NewRecorder()
		if next(whole, r); !strings.Contains(whole.Body.String(), "<IsTruncated>false") {
			_, _ = w.Write(whole.Body.Bytes())
			return
		}
		if r.URL.Query().Get("continuation-token") == "~" {
			page(false)(w, r, next)
			return
		}
		_, _ = w.Write([]byte(strings.Replace(whole.Body.String(), "<IsTruncated>false</IsTruncated>",
			"<IsTruncated>true</IsTruncated><NextContinuationToken>~</NextContinuationToken>", 1)))
	})
	f.next()
	if got := list(t, s, "keys/"); len(got) != 0 {
		t.Errorf("listed %v", got)
	}
	if got := list(t, s, "e/"); !slices.Equal(got, []string{"e/1"}) {
		t.Errorf("listed %v", got)
	}
}
