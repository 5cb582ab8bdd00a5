package s3_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/s3"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// servers are the real object stores of the tests.
var servers = map[string]func(testing.TB) testbed.S3{"minio": testbed.MinIO, "versitygw": testbed.Versitygw}

// real opens a new bucket of a real server, with credentials from the environment.
func real(t *testing.T, server testbed.S3, prefix string) *s3.Store {
	t.Helper()
	server.Setenv(t)
	s := open(t, s3.Options{Endpoint: server.Endpoint, Bucket: server.NewBucket(), Prefix: prefix})
	if err := s.MakeBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func open(t *testing.T, o s3.Options) *s3.Store {
	t.Helper()
	o.SetPause(time.Millisecond)
	s, err := s3.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A bucket of each server is a store by the conformance suite, also below a prefix.
func TestStore(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			server := start(t)
			storetest.Run(t, func(t *testing.T) store.Store { return real(t, server, "") })
		})
		t.Run(name+" with a prefix", func(t *testing.T) {
			s := real(t, start(t), "mail/Archive_1")
			if err := errors.Join(put(t, s, "a", "1"), put(t, s, "b/c", "2")); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(list(t, s, "b"), " "); got != "b/c" {
				t.Errorf("listed: %s", got)
			}
			whole := s.Options
			whole.Prefix = ""
			other := open(t, whole)
			if got := list(t, other, ""); len(got) != 0 { // Archive_1 makes no valid names
				t.Errorf("foreign names are listed: %v", got)
			}
		})
	}
}

func TestMakeBucket(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			s := real(t, start(t), "")
			if err := s.MakeBucket(t.Context()); err != nil {
				t.Errorf("making a bucket that is there: %v", err)
			}
			if err := s.ProbeCreateOnly(t.Context()); err != nil {
				t.Error(err)
			}
			if left := list(t, s, ""); len(left) != 0 {
				t.Errorf("the probe leaves %v", left)
			}
		})
	}
}

// The error for a wrong setting names the location and what to do, and no secret.
func TestWrongSetup(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			server := start(t)
			good := real(t, server, "").Options
			for _, c := range []struct {
				what   string
				change func(t *testing.T, o *s3.Options)
				want   string
			}{
				{"no such bucket", func(t *testing.T, o *s3.Options) { o.Bucket = "nowhere-to-be-found" }, "there is no bucket nowhere-to-be-found"},
				{"a wrong secret", func(t *testing.T, o *s3.Options) { t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2") }, "does not accept the access key"},
				{"an unknown key", func(t *testing.T, o *s3.Options) { t.Setenv("AWS_ACCESS_KEY_ID", "somebody-else") }, "does not accept the access key"},
				{"nobody listens", func(t *testing.T, o *s3.Options) { o.Endpoint = "http://127.0.0.1:1" }, "cannot reach http://127.0.0.1:1"},
				{"https to http", func(t *testing.T, o *s3.Options) {
					o.Endpoint = strings.Replace(o.Endpoint, "http:", "https:", 1)
				}, "cannot reach https://"},
			} {
				t.Run(c.what, func(t *testing.T) {
					o := good
					o.Credentials, o.Patience = nil, 20*time.Millisecond
					c.change(t, &o)
					s := open(t, o)
					_, _, getErr := s.Get(t.Context(), "config", 0, -1)
					for doing, err := range map[string]error{"put": put(t, s, "config", "x"), "get": getErr, "list": listError(t, s)} {
						if err == nil || !strings.Contains(err.Error(), c.want) {
							t.Errorf("%s: %v; want %q", doing, err, c.want)
						}
						if errors.Is(err, store.ErrNotExist) {
							t.Errorf("%s: %v passes for a missing object", doing, err)
						}
						if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), server.SecretKey)) {
							t.Errorf("%s: the error contains a secret: %v", doing, err)
						}
					}
				})
			}
		})
	}
}

func put(t *testing.T, s store.Store, name, data string) error {
	return s.Put(t.Context(), name, strings.NewReader(data), int64(len(data)))
}

func list(t *testing.T, s store.Store, prefix string) []string {
	t.Helper()
	var names []string
	for o, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, o.Name)
	}
	return names
}

func listError(t *testing.T, s store.Store) error {
	for _, err := range s.List(t.Context(), "") {
		if err != nil {
			return err
		}
	}
	return nil
}
