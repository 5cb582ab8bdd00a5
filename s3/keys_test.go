package s3_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/mailstrata/mailstrata/s3"
)

// rotating returns other credentials at each request.
type rotating struct{ asked atomic.Int32 }

func (r *rotating) Retrieve() (credentials.Value, error) {
	return credentials.Value{AccessKeyID: fmt.Sprint("key", r.asked.Add(1)), SecretAccessKey: "secret"}, nil
}

func (r *rotating) RetrieveWithCredContext(*credentials.CredContext) (credentials.Value, error) {
	return r.Retrieve()
}

func (r *rotating) IsExpired() bool { return false }

// Credentials of a session that has ended are read again, and not for each request.
func TestCredentialsAreReadAgain(t *testing.T) {
	for _, code := range []string{"ExpiredToken", "TokenRefreshRequired", "InvalidToken", "InvalidAccessKeyId", "AccessDenied"} {
		f := newFake(t)
		provider := new(rotating)
		s := f.open(func(o *s3.Options) { o.Credentials = credentials.New(provider) })
		f.next(nil, answering(400, code))
		if err := put(t, s, "a", "x"); err != nil {
			t.Fatal(err)
		}
		if err := put(t, s, "b", "x"); err != nil {
			t.Errorf("%s: %v", code, err)
		}
		if got := provider.asked.Load(); got != 2 {
			t.Errorf("%s: credentials were read %d times, want 2", code, got)
		}
		f.next(answering(400, code), nil, answering(400, code)) // PUT; HEAD and PUT
		if err := put(t, s, "c", "x"); err != nil {
			t.Errorf("%s twice: %v", code, err)
		}
	}
}

// Credentials that stay as they are do not make a command wait.
func TestRefusedCredentials(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	writeKeys(t, file, 1)
	for what, c := range map[string]struct {
		from  *credentials.Credentials
		first bool // the first request is refused
		code  string
	}{
		"static":                    {credentials.NewStaticV4("key", "secret", "token"), false, "ExpiredToken"},
		"a file, from the first on": {s3.FromFile(file), true, "ExpiredToken"},
		"a file, a missing right":   {s3.FromFile(file), false, "AccessDenied"},
	} {
		f := newFake(t)
		s := f.open(func(o *s3.Options) { o.Credentials = c.from })
		if !c.first {
			if err := put(t, s, "a", "x"); err != nil {
				t.Fatal(err)
			}
		}
		f.next()
		f.set(answering(400, c.code))
		if err := put(t, s, "b", "x"); err == nil || !strings.Contains(err.Error(), c.code) {
			t.Errorf("%s: %v", what, err)
		}
		if got := f.requests(); got != "PUT" {
			t.Errorf("%s: %s", what, got)
		}
	}
}

// writeKeys writes the n-th keys of a session into a file.
func writeKeys(t *testing.T, file string, n int) {
	t.Helper()
	text := fmt.Sprintf("[default]\naws_access_key_id = key%d\naws_secret_access_key = secret\naws_session_token = token\n", n)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A program of the user writes new keys into the file now and then, and may be late, or in the
// middle of it when the file is read.
func TestKeysInFileChange(t *testing.T) {
	for _, code := range []string{"ExpiredToken", "InvalidAccessKeyId"} { // of Amazon, of MinIO
		file := filepath.Join(t.TempDir(), "keys")
		writeKeys(t, file, 1)
		f := newFake(t)
		s := f.open(func(o *s3.Options) { o.Credentials = s3.FromFile(file) })
		var valid, refused atomic.Int32
		valid.Store(1)
		f.set(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			if strings.Contains(r.Header.Get("Authorization"), fmt.Sprintf("Credential=key%d/", valid.Load())) {
				next(w, r)
				return
			}
			switch refused.Add(1) {
			case 3:
				if err := os.Truncate(file, 0); err != nil {
					t.Error(err)
				}
			case 6:
				writeKeys(t, file, int(valid.Load()))
			}
			answering(403, code)(w, r, next)
		})
		for round := range 3 {
			if err := put(t, s, fmt.Sprint("round", round), "x"); err != nil {
				t.Fatalf("%s, round %d: %v", code, round, err)
			}
			valid.Add(1)
			refused.Store(0)
		}
		s.Options.Patience = 50 * time.Millisecond
		valid.Store(100)
		refused.Store(100)
		if err := put(t, s, "late", "x"); err == nil || !strings.Contains(err.Error(), code) {
			t.Errorf("no new keys come: %v", err)
		}
	}
}
