package s3_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/s3"
)

// locked opens a new bucket with Object Lock, as its owner and with restricted credentials.
func locked(t *testing.T, server testbed.S3, days int, actions ...string) (owner, other *s3.Store) {
	t.Helper()
	bucket := server.NewBucket()
	owner = as(t, server, bucket)
	byDefault, err := owner.MakeLockedBucket(t.Context(), false, days)
	if err != nil || !byDefault {
		t.Fatal(byDefault, err)
	}
	return owner, as(t, server.Limited(t, bucket, actions...), bucket)
}

func as(t *testing.T, server testbed.S3, bucket string) *s3.Store {
	t.Helper()
	return open(t, s3.Options{
		Endpoint: server.Endpoint, Bucket: bucket, Patience: time.Minute, Region: "us-east-1",
		Credentials: credentials.NewStaticV4(server.AccessKey, server.SecretKey, server.SessionToken),
	})
}

var putGetList = []string{"s3:PutObject", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"}

// overwrite puts bytes under a name, whatever it has.
func overwrite(t *testing.T, s *s3.Store, name, data string) error {
	t.Helper()
	return s.Overwrite(t.Context(), name, strings.NewReader(data), int64(len(data)))
}

// history returns the versions under a name, the newest first.
func history(t *testing.T, s *s3.Store, prefix string) (versions []store.Version) {
	t.Helper()
	for v, err := range s.Versions(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, v)
	}
	return versions
}

func content(t *testing.T, s *s3.Store, name, version string) string {
	t.Helper()
	body, _, err := s.GetVersion(t.Context(), name, version, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// RetainsByDefault reports the present default of a bucket, to credentials that may read it.
func TestRetainsByDefault(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			owner, other := locked(t, start(t), 3, putGetList...)
			for days, want := range map[int]bool{2: true, 3: true, 4: false} {
				if does, err := owner.RetainsByDefault(t.Context(), false, days); err != nil || does != want {
					t.Errorf("%d days: %v, %v", days, does, err)
				}
			}
			if does, err := owner.RetainsByDefault(t.Context(), true, 3); err != nil || does {
				t.Errorf("compliance: %v, %v", does, err)
			}
			if does, err := other.RetainsByDefault(t.Context(), false, 3); !does && !errors.Is(err, store.ErrPermission) {
				t.Errorf("who may only put, get and list: %v, %v", does, err)
			}
		})
	}
}

// An object under lock stays, and can be read, whatever credentials that may put, get and list do.
func TestLockHolds(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			owner, other := locked(t, start(t), 2, putGetList...)
			if err := put(t, other, "a/1", "first"); err != nil {
				t.Fatal(err)
			}
			if err := overwrite(t, other, "a/1", "another"); err != nil {
				t.Fatal(err)
			}
			if err := other.Delete(t.Context(), "a/1"); !errors.Is(err, store.ErrRetained) {
				t.Errorf("delete: %v", err)
			}
			versions := history(t, other, "a/")
			if len(versions) != 2 || content(t, other, "a/1", versions[1].ID) != "first" || versions[1].Size != 5 {
				t.Fatalf("versions: %+v", versions)
			}
			keep := store.Retention{Until: time.Now().Add(time.Minute)}
			if err := other.Retain(t.Context(), "a/1", versions[1].ID, keep); err != nil && !errors.Is(err, store.ErrPermission) {
				t.Errorf("shorten: %v", err)
			}
			for who, s := range map[string]*s3.Store{"somebody": other, "the owner": owner} {
				if err := s.DeleteVersion(t.Context(), "a/1", versions[1].ID); !errors.Is(err, store.ErrRetained) {
					t.Errorf("%s deletes a version: %v", who, err)
				}
			}
			until, err := owner.RetainedUntil(t.Context(), "a/1", versions[1].ID)
			if err != nil || !until.IsZero() && time.Until(until) < 47*time.Hour { // versitygw does not report a bucket's default
				t.Errorf("retained until %v, %v", until, err)
			}
		})
	}
}

// A lock is lengthened, and never shortened; a delete marker hides, and destroys nothing.
func TestRetain(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			owner, other := locked(t, start(t), 1, putGetList...)
			keep := store.Retention{Until: time.Now().Add(72 * time.Hour)}
			data := strings.NewReader("a")
			if err := other.PutRetained(t.Context(), "a", data, 1, keep); name == "minio" && !errors.Is(err, store.ErrPermission) {
				t.Errorf("put under retention without the right to: %v", err)
			}
			if err := owner.PutRetained(t.Context(), "b", data, 1, keep); err != nil {
				t.Fatal(err)
			}
			version := history(t, owner, "b")[0].ID
			for _, hours := range []time.Duration{96, 48, 1} {
				keep.Until = time.Now().Add(hours * time.Hour)
				if err := owner.Retain(t.Context(), "b", version, keep); err != nil {
					t.Errorf("retain for %v hours: %v", hours, err)
				}
				if until, err := owner.RetainedUntil(t.Context(), "b", version); err != nil || time.Until(until) < 95*time.Hour {
					t.Errorf("retained until %v, %v", until, err)
				}
			}
			if err := owner.Delete(t.Context(), "b"); err != nil {
				t.Fatal(err)
			}
			if got := history(t, owner, ""); len(got) < 2 || !got[len(got)-2].Marker || got[len(got)-1].ID != version {
				t.Errorf("versions: %+v", got)
			}
			if got := content(t, owner, "b", version); got != "a" {
				t.Errorf("read %q", got)
			}
			if err := owner.Retain(t.Context(), "never", "", keep); !errors.Is(err, store.ErrNotExist) {
				t.Errorf("retain nothing: %v", err)
			}
		})
	}
}

// An existing bucket is used as it is.
func TestMakeLockedBucket(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			server := start(t)
			owner, _ := locked(t, server, 10, putGetList...)
			for _, c := range []struct {
				days       int
				compliance bool
				want       bool
			}{{10, false, true}, {5, false, true}, {5, true, false}, {11, false, false}} {
				o := owner.Options
				o.Prefix = "below" // what is not the repository's alone is left as it is
				if got, err := open(t, o).MakeLockedBucket(t.Context(), c.compliance, c.days); got != c.want || err != nil {
					t.Errorf("%+v: %v, %v", c, got, err)
				}
			}
			plain := as(t, server, server.NewBucket())
			if err := plain.MakeBucket(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := plain.MakeLockedBucket(t.Context(), false, 1); err == nil || !strings.Contains(err.Error(), "no Object Lock") {
				t.Errorf("a bucket without Object Lock: %v", err)
			}
		})
	}
}

// Pages of versions are joined, and the versions of a name stay together.
func TestManyVersions(t *testing.T) {
	owner, _ := locked(t, testbed.MinIO(t), 1, putGetList...)
	for i := range 3 {
		for n := range 5 {
			if err := overwrite(t, owner, fmt.Sprintf("a/%d", n), strings.Repeat("x", i+1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := ""
	for _, v := range history(t, owner, "a/") {
		got += fmt.Sprintf("%s:%d ", strings.TrimPrefix(v.Name, "a/"), v.Size)
	}
	if want := "0:3 0:2 0:1 1:3 1:2 1:1 2:3 2:2 2:1 3:3 3:2 3:1 4:3 4:2 4:1 "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
