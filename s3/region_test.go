package s3_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/s3"
)

// inRegion accepts requests that are signed for a region, and refuses the others as the stores do
// that check it.
func inRegion(region string, refuse func(w http.ResponseWriter, r *http.Request)) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		switch {
		case r.URL.Query().Has("location"): // which is asked with any region
			fmt.Fprintf(w, "<LocationConstraint>%s</LocationConstraint>", region)
		case !strings.Contains(r.Header.Get("Authorization"), "/"+region+"/s3/aws4_request"):
			_, _ = io.Copy(io.Discard, r.Body)
			refuse(w, r)
		default:
			next(w, r)
		}
	}
}

// refusals of a wrong region.
var refusals = map[string]func(w http.ResponseWriter, r *http.Request){
	"MinIO names it in the text, and in the header": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amz-Bucket-Region", "eu-central-7")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-central-7</Region></Error>")
	},
	"versitygw names it in the text": func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-central-7</Region></Error>")
	},
	"AWS redirects": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amz-Bucket-Region", "eu-central-7")
		w.WriteHeader(http.StatusMovedPermanently)
		fmt.Fprint(w, "<Error><Code>PermanentRedirect</Code></Error>")
	},
	"another only refuses": func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "<Error><Code>SignatureDoesNotMatch</Code></Error>")
	},
}

// The region is not asked for, but learned when the store refuses the first one.
func TestRegion(t *testing.T) {
	f := newFake(t)
	noRegion := func(o *s3.Options) { o.Region = "" }
	s := f.open(noRegion)
	f.next()
	if err := put(t, s, "o", "mail"); err != nil {
		t.Fatal(err)
	}
	if got := f.requests(); got != "PUT" {
		t.Errorf("requests %s, want one", got)
	}
	for what, refuse := range refusals {
		f.set(inRegion("eu-central-7", refuse))
		for doing, do := range map[string]func(s *s3.Store) error{
			"get": func(s *s3.Store) error { return getOne(t, s) },
			"put": func(s *s3.Store) error { return put(t, s, "new/"+strings.ToLower(strings.Fields(what)[0]), "mail") },
			"now": func(s *s3.Store) error { _, err := s.Now(t.Context()); return err },
			"list": func(s *s3.Store) error {
				if got := list(t, s, "o"); len(got) != 1 {
					return fmt.Errorf("listed %q", got)
				}
				return nil
			},
		} {
			s := f.open(noRegion)
			if err := do(s); err != nil {
				t.Errorf("%s: first %s: %v", what, doing, err)
			}
			f.next()
			if err := getOne(t, s); err != nil || f.requests() != "GET" {
				t.Errorf("%s: later: %v after %s", what, err, f.requests())
			}
		}
	}
}

// All requests that were refused at the same time succeed.
func TestRegionAtOnce(t *testing.T) {
	f := newFake(t)
	s := f.open()
	if err := put(t, s, "o", "mail"); err != nil {
		t.Fatal(err)
	}
	for what, refuse := range refusals {
		f.set(inRegion("eu-central-7", refuse))
		s := f.open(func(o *s3.Options) { o.Region = "" })
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if err := getOne(t, s); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			})
		}
		group.Wait()
	}
}

// A region that was configured is not replaced: the error says which one it should be.
func TestConfiguredRegion(t *testing.T) {
	f := newFake(t)
	for what, refuse := range refusals {
		f.set(inRegion("eu-central-7", refuse))
		f.next()
		err := put(t, f.open(), "o", "mail")
		if err == nil || f.requests() != "PUT" {
			t.Errorf("%s: %v after %s", what, err, f.requests())
		}
		if !strings.Contains(what, "another") && !strings.Contains(fmt.Sprint(err), "set AWS_REGION to eu-central-7") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A right that is missing is reported, though the region may be another.
func TestRefusedInUnknownRegion(t *testing.T) {
	f := newFake(t)
	f.set(inRegion("us-east-1", nil))
	s := f.open(func(o *s3.Options) { o.Region = "" })
	for range 2 {
		f.next(answering(403, "AccessDenied"))
		if err := put(t, s, "o", "x"); err == nil || !strings.Contains(err.Error(), "s3:PutObject") {
			t.Error(err)
		}
	}
	if got := f.requests(); got != "PUT" {
		t.Errorf("requests %s, want one: the region is known", got)
	}
}

func getOne(t *testing.T, s *s3.Store) error {
	body, _, err := s.Get(t.Context(), "o", 0, -1)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(io.Discard, body)
	return err
}
