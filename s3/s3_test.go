package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/s3"
)

// Without faults, the fake passes the tests that real stores pass.
func TestFake(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return newFake(t).open() })
}

// Put survives every transient error, whether or not the object was made before it, and never
// replaces an object.
func TestPutThroughTrouble(t *testing.T) {
	f := newFake(t)
	slow, broken, busy := answering(503, "SlowDown"), answering(500, "InternalError"), answering(429, "TooManyRequests")
	for name, faults := range map[string][]fault{
		"slow down":                {slow, nil, slow},
		"internal error":           {broken, broken, nil, broken},
		"too many requests":        {busy},
		"a conflict":               {answering(409, "ConditionalRequestConflict")},
		"damage on the way":        {answering(400, "BadDigest")},
		"hung up":                  {hangUp, hangUp},
		"the answer lost":          {lose},
		"the answer lost, and 412": {lose, slow, nil}, // the comparison is refused; the PUT goes out again and meets its own object
		"lost, then hung up":       {lose, hangUp, lose},
		"all of it":                {slow, broken, hangUp, busy, lose, slow, hangUp},
		"a gateway with no XML": {func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
			_, _ = io.Copy(io.Discard, r.Body)
			http.Error(w, "<html>502", http.StatusBadGateway)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := f.open()
			f.next(faults...)
			if err := put(t, s, "packs/1", name); err != nil {
				t.Error(err)
			}
			f.next(faults...)
			if err := put(t, s, "packs/1", "other"); !errors.Is(err, store.ErrExist) {
				t.Errorf("putting other bytes: %v, want ErrExist", err)
			}
			if got := string(f.objects["packs/1"]); got != name {
				t.Errorf("the object holds %q", got)
			}
			delete(f.objects, "packs/1")
		})
	}
}

// A body that ends early is resumed, and its reader gets all of it.
func TestGetThroughTrouble(t *testing.T) {
	f := newFake(t)
	f.objects["o"] = bytes.Repeat([]byte("0123456789"), 1000)
	s := f.open()
	for name, faults := range map[string][]fault{
		"cut":                  {cut(4000)},
		"cut at once":          {cut(0), cut(0), nil},
		"cut again and again":  {cut(1), cut(1), cut(4000), answering(503, "SlowDown"), hangUp, cut(10)},
		"refused at first":     {answering(503, "SlowDown"), hangUp},
		"cut before last byte": {cut(4999)},
	} {
		for _, offset := range []int64{0, 5000, -5000} {
			t.Run(fmt.Sprint(name, " from ", offset), func(t *testing.T) {
				f.next(faults...)
				body, size, err := s.Get(t.Context(), "o", offset, 5000)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(body)
				if !bytes.Equal(got, f.objects["o"][:5000]) || err != nil || size != 10000 {
					t.Errorf("%d bytes of %d, %v", len(got), size, err)
				}
				if err := body.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A connection that carries nothing is ended, in either direction.
func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeInBubble(t)
		f.objects["o"] = bytes.Repeat([]byte("0123456789"), 1000)
		s := f.open(func(o *s3.Options) { o.Stall = time.Second })

		f.next(f.stall(4000), f.stall(0))
		body, _, err := s.Get(t.Context(), "o", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(body); !bytes.Equal(got, f.objects["o"]) || err != nil {
			t.Errorf("%d bytes, %v", len(got), err)
		}

		f.next(f.deaf)
		big := make([]byte, 16<<20) // more than the buffers of a connection hold
		if err := s.Put(t.Context(), "big", bytes.NewReader(big), int64(len(big))); err != nil {
			t.Error(err)
		}
	})
}

// Patience bounds stalls: no attempt begins that could stall beyond it.
func TestStallsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeInBubble(t)
		s := f.open(func(o *s3.Options) { o.Stall, o.Patience = 500*time.Millisecond, 1500*time.Millisecond })
		if err := put(t, s, "o", "x"); err != nil {
			t.Fatal(err)
		}
		f.next()
		f.set(f.deaf)
		if err := listError(t, s); err == nil {
			t.Error("a listing that stalls succeeds")
		}
		if got := f.requests(); got != "GET GET" {
			t.Errorf("requests %s, want two", got)
		}
	})
}

// Permanent errors are not retried.
func TestFinal(t *testing.T) {
	f := newFake(t)
	s := f.open()
	if err := put(t, s, "first", "x"); err != nil { // from now on objects have an MD5, which no store refuses
		t.Fatal(err)
	}
	f.next()
	for _, c := range []struct {
		status     int
		code, want string
	}{
		{403, "AccessDenied", "it takes the right s3:PutObject. It answers: \"so it is\" (403 AccessDenied)"},
		{403, "InvalidAccessKeyId", "does not accept the access key"},
		{403, "RequestTimeTooSkewed", "clock of this host"},
		{404, "NoSuchBucket", "there is no bucket bucket at " + f.URL},
		{507, "XMinioStorageFull", "no room left"},
		{501, "NotImplemented", "cannot hold a repository. It answers: \"so it is\" (501 NotImplemented)"},
		{301, "PermanentRedirect", "another region"},
	} {
		f.next(answering(c.status, c.code))
		if err := put(t, s, "o", "x"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.code, err, c.want)
		}
		if got := f.requests(); got != "PUT" {
			t.Errorf("%s: requests %s, want one", c.code, got)
		}
	}
}

func TestPatienceEnds(t *testing.T) {
	f := newFake(t)
	s := f.open(func(o *s3.Options) { o.Patience = time.Millisecond })
	var always []fault
	for range 1000 {
		always = append(always, answering(503, "SlowDown"))
	}
	f.next(always...)
	if err := put(t, s, "o", "x"); err == nil || !strings.Contains(err.Error(), "SlowDown") {
		t.Errorf("put: %v", err)
	}
	if err := listError(t, s); err == nil || !strings.Contains(err.Error(), "SlowDown") {
		t.Errorf("list: %v", err)
	}
}

// A wait between two tries ends with the context.
func TestCancelledWait(t *testing.T) {
	f := newFake(t)
	s := f.open(func(o *s3.Options) { o.SetPause(time.Hour) })
	ctx, cancel := context.WithCancel(t.Context())
	f.next(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		refuse(w, 503, "SlowDown")
		cancel()
	})
	if _, _, err := s.Get(ctx, "o", 0, -1); !errors.Is(err, context.Canceled) {
		t.Errorf("Get: %v", err)
	}
}

func TestDeleteRefused(t *testing.T) {
	f := newFake(t)
	s := f.open()
	for _, f403 := range []fault{answering(403, "AccessDenied"), answering(405, "MethodNotAllowed"), answering(400, "ObjectLocked")} {
		f.next(f403)
		if err := s.Delete(t.Context(), "o"); !errors.Is(err, store.ErrRetained) {
			t.Errorf("Delete: %v, want ErrRetained", err)
		}
	}
}

// A listing is complete, in order and without repetition, with an error on any page. A page that is
// not needed is not requested.
func TestListThroughTrouble(t *testing.T) {
	f := newFake(t)
	f.page = 10
	var want []string
	for i := range 95 {
		name := fmt.Sprintf("o/%03d", i)
		f.objects[name] = nil
		want = append(want, name)
	}
	f.objects["o/NOT_OURS"] = nil
	s := f.open()
	f.next(nil, hangUp, nil, nil, answering(503, "SlowDown"), answering(503, "SlowDown"), cut(100), nil)
	if got := list(t, s, "o/"); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("listed: %v", got)
	}
	for _, stop := range []struct{ after, pages int }{{1, 1}, {9, 1}, {10, 1}, {11, 2}} {
		f.next()
		seen := 0
		for range s.List(t.Context(), "o/0") {
			if seen++; seen == stop.after {
				break
			}
		}
		if got := strings.Count(f.requests(), "GET"); got != stop.pages {
			t.Errorf("%d objects took %d pages, want %d", stop.after, got, stop.pages)
		}
	}
}

func TestListOutOfOrder(t *testing.T) {
	f := newFake(t)
	f.objects["a"], f.objects["b"] = nil, nil
	f.reverse = true
	if err := listError(t, f.open()); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("a listing out of order: %v", err)
	}
}

// Some stores' ETags are not the MD5: then bytes are compared, at a PUT and at a 412.
func TestOtherETag(t *testing.T) {
	f := newFake(t)
	f.etag = func([]byte) string { return "d41d8cd98f00b204e9800998ecf8427f" }
	s := f.open()
	if err := errors.Join(put(t, s, "o", "12345"), put(t, s, "o", "12345")); err != nil {
		t.Error(err)
	}
	if err := put(t, s, "o", "12346"); !errors.Is(err, store.ErrExist) {
		t.Errorf("other bytes of one size: %v, want ErrExist", err)
	}
}

// A store that keeps other bytes than were sent is detected at once.
func TestDamagingStore(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"a flipped bit": func(b []byte) []byte { return append([]byte{b[0] ^ 1}, b[1:]...) },
		"cut short":     func(b []byte) []byte { return b[:len(b)-1] },
		"framed":        func(b []byte) []byte { return append([]byte("5;chunk-signature="), b...) },
	} {
		f := newFake(t)
		f.store = damage
		if err := put(t, f.open(), "o", "12345"); err == nil || !strings.Contains(err.Error(), "other bytes than were sent") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProbeCreateOnly(t *testing.T) {
	f := newFake(t)
	s := f.open()
	if err := s.ProbeCreateOnly(t.Context()); err != nil {
		t.Error(err)
	}
	f.careful = false
	if err := s.ProbeCreateOnly(t.Context()); err == nil || !strings.Contains(err.Error(), f.URL+" lets one object replace another") {
		t.Errorf("a store that replaces passes: %v", err)
	}
}

// A store that looks whether a name is taken and puts the object later passes some contests by
// luck. It is refused at the first double win, and no other contest follows.
func TestProbeRacyStore(t *testing.T) {
	f := newFake(t)
	var mu sync.Mutex
	puts := map[string]int{}
	f.set(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		if r.Method == http.MethodPut {
			mu.Lock()
			puts[r.URL.Path]++
			if len(puts) == 3 && puts[r.URL.Path] == 2 {
				r.Header.Del("If-None-Match")
			}
			mu.Unlock()
		}
		next(w, r)
	})
	if err := f.open().ProbeCreateOnly(t.Context()); err == nil || !strings.Contains(err.Error(), "lets one object replace another") {
		t.Errorf("two objects won the third contest: %v", err)
	}
	if len(puts) != 3 || len(f.objects) != 0 {
		t.Errorf("%d contests; left %v", len(puts), f.objects)
	}
}

// The clock is the store's, not this host's.
func TestNow(t *testing.T) {
	f := newFake(t)
	s := f.open()
	elsewhere := time.Date(2040, 1, 2, 3, 4, 5, 0, time.UTC)
	f.next(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		w.Header().Set("Date", elsewhere.Format(http.TimeFormat))
		next(w, r)
	})
	now, err := s.Now(t.Context())
	if err != nil || now.Before(elsewhere) || now.After(elsewhere.Add(time.Minute)) {
		t.Errorf("Now: %v, %v, want %v", now, err, elsewhere)
	}
	f.next()
	later, err := s.Now(t.Context())
	if err != nil || later.Before(now) || f.requests() != "" {
		t.Errorf("Now again: %v, %v, after requests %q", later, err, f.requests())
	}

	undated := newFake(t)
	undated.next(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		w.Header()["Date"] = nil
		next(w, r)
	})
	if _, err := undated.open().Now(t.Context()); err == nil || !strings.Contains(err.Error(), "what time it is") {
		t.Errorf("a store without a clock: %v", err)
	}
}

// A body belongs to the caller again when Put returns: nothing reads it afterwards.
func TestBodyIsLeftAlone(t *testing.T) {
	f := newFake(t)
	s := f.open()
	for _, fault := range []fault{
		func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { refuse(w, 403, "AccessDenied") }, // unread
		func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { refuse(w, 412, "PreconditionFailed") },
	} {
		f.objects["o"] = []byte("other")
		f.next(fault)
		data := make([]byte, 16<<20)
		if err := s.Put(t.Context(), "o", bytes.NewReader(data), int64(len(data))); err == nil {
			t.Error("no error")
		}
		clear(data) // the race detector sees a reader that is left
	}
}

// An endpoint is a URL with https, or with http to this host or with Insecure.
func TestOpen(t *testing.T) {
	creds := credentials.NewStaticV4("key", "secret", "")
	for _, c := range []struct {
		o  s3.Options
		ok bool
	}{
		{s3.Options{Endpoint: "https://example.org", Bucket: "bucket"}, true},
		{s3.Options{Endpoint: "https://example.org:9000/", Bucket: "bucket"}, true},
		{s3.Options{Endpoint: "http://127.0.0.1:9000", Bucket: "bucket"}, true},
		{s3.Options{Endpoint: "http://[::1]:9000", Bucket: "bucket"}, true},
		{s3.Options{Endpoint: "http://localhost", Bucket: "bucket"}, true},
		{s3.Options{Endpoint: "http://example.org", Bucket: "bucket", Insecure: true}, true},
		{s3.Options{Endpoint: "http://example.org", Bucket: "bucket"}, false},
		{s3.Options{Endpoint: "http://localhost.example.org", Bucket: "bucket"}, false},
		{s3.Options{Endpoint: "example.org", Bucket: "bucket"}, false},
		{s3.Options{Endpoint: "ftp://example.org", Bucket: "bucket"}, false},
		{s3.Options{Endpoint: "https://example.org/path", Bucket: "bucket"}, false},
		{s3.Options{Endpoint: "https://key:hunter2@example.org", Bucket: "bucket"}, false},
		{s3.Options{}, false},
	} {
		c.o.Credentials = creds
		_, err := s3.Open(t.Context(), c.o)
		if (err == nil) != c.ok {
			t.Errorf("Open of %q: %v", c.o.Endpoint, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error contains a secret: %v", err)
		}
	}
}

func TestParseURL(t *testing.T) {
	for url, want := range map[string]s3.Options{
		"s3:https://example.org/bucket":           {Endpoint: "https://example.org", Bucket: "bucket"},
		"s3:https://example.org:9000/bucket/":     {Endpoint: "https://example.org:9000", Bucket: "bucket"},
		"s3:http://127.0.0.1:9000/bucket/a/b-c.d": {Endpoint: "http://127.0.0.1:9000", Bucket: "bucket", Prefix: "a/b-c.d"},
		"s3:https://[2001:db8::1]/bucket/A_b":     {Endpoint: "https://[2001:db8::1]", Bucket: "bucket", Prefix: "A_b"},
	} {
		if got, err := s3.ParseURL(url); !reflect.DeepEqual(got, want) || err != nil {
			t.Errorf("ParseURL(%s) = %+v, %v; want %+v", url, got, err, want)
		}
	}
	for _, url := range []string{
		"", "s3:", "https://example.org/bucket", "s3:example.org/bucket", "s3://bucket/prefix", "s3:https://example.org",
		"s3:https://example.org/", "s3:ftp://example.org/bucket", "s3:https://key:hunter2@example.org/bucket",
		"s3:https://example.org/bucket?X-Amz-Signature=hunter2", "s3:https://example.org/bucket#hunter2",
		"s3:https://example.org/bucket/a//b", "s3:https://example.org/bucket/../b", "s3:https://hunter2:%zz/bucket",
	} {
		if got, err := s3.ParseURL(url); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("ParseURL(%s) = %+v, %v", url, got, err)
		}
	}
}

// Credentials come from where AWS's tools look. Without any, the error says so, and no unsigned
// request is sent.
func TestCredentials(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/none") // stands for a machine without a role
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	o := s3.Options{Endpoint: "https://example.org", Bucket: "bucket"}
	_, err := s3.Open(t.Context(), o)
	for _, want := range []string{"there are no credentials for example.org", "AWS_ACCESS_KEY_ID", "credentials_file in the configuration"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without credentials: %v; want %q", err, want)
		}
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	if _, err := s3.Open(t.Context(), o); err != nil {
		t.Errorf("with credentials: %v", err)
	}
}

// A name that no bucket can have is an invalid argument: nothing is sent or retried.
func TestABucketNameThatCannotBe(t *testing.T) {
	for _, bucket := range []string{"t1", "", "a..b", "-mail", "192.168.1.1", "mail/x", strings.Repeat("x", 64)} {
		_, err := s3.Open(t.Context(), s3.Options{
			Endpoint: "http://localhost:1", Bucket: bucket, Credentials: credentials.NewStaticV4("key", "secret", ""),
		})
		if err == nil || !strings.Contains(err.Error(), "bucket") {
			t.Errorf("%q: %v", bucket, err)
		}
	}
	// Old buckets have such names; new ones cannot.
	f := newFake(t)
	s := f.open(func(o *s3.Options) { o.Bucket = "Old_Bucket" })
	f.next(answering(404, "NoSuchBucket"))
	if err := s.MakeBucket(t.Context()); err == nil || !strings.Contains(err.Error(), "Old_Bucket") {
		t.Error(err)
	}
	if got := f.requests(); got != "HEAD" {
		t.Errorf("requests %s, want one", got)
	}
}
