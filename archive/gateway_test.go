package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/check"
	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/s3"
)

// trial is a command that runs on a bucket whose n-th request fails.
type trial struct {
	name   string
	base   *storetest.Memory // what the bucket holds before
	states map[string]bool   // what any manifest may hold, by text
	do     func(ctx context.Context, store store.Store) error
	after  func(t *testing.T, r *repo.Repo) // what must be there once the verb has succeeded
}

// Each request of each command fails, stalls or gets a false answer, once or permanently. Once does
// not change the result. If it is permanent, the command ends with an error, and what was committed
// stays intact. When it runs again, it does little more than it would have done at first.
func TestFailureOfEachRequest(t *testing.T) {
	minio := testbed.MinIO(t)
	minio.Setenv(t)
	bucket := minio.NewBucket()
	long := os.Getenv("MAILSTRATA_LONG") != ""
	for _, tr := range []trial{backupTrial(t), copyTrial(t), repairTrial(t), checkTrial(t)} {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			clean := tr.on(t, minio, bucket, func(testbed.Request) testbed.Spoil { return testbed.Pass })
			if clean.err != nil {
				t.Fatal(clean.err)
			}
			count := 0
			for i, spoil := range []testbed.Spoil{testbed.Drop, testbed.Fail, testbed.SlowDown, testbed.Taken,
				testbed.Lose, testbed.Deny, testbed.Truncate, testbed.Stale, testbed.Stall} {
				for n := 1; n <= clean.requests; n++ {
					if !long && (n+i)%17 != 0 { // other requests for each fault
						continue
					}
					tr.once(t, minio, bucket, spoil, n)
					count++
					if spoil == testbed.Drop || spoil == testbed.Lose || spoil == testbed.Fail {
						tr.forGood(t, minio, bucket, spoil, n, clean)
						count++
					}
				}
			}
			t.Logf("of %d requests, %d were spoilt one at a time", clean.requests, count)
		})
	}
}

// outcome is the result of a command.
type outcome struct {
	err      error
	requests int
	put      int64
	store    *s3.Store // the bucket, without a gateway
}

// on runs the command on a new copy of its base.
func (tr trial) on(t *testing.T, minio testbed.S3, bucket string, spoil func(testbed.Request) testbed.Spoil) outcome {
	t.Helper()
	prefix := minio.NewBucket()
	direct := openS3(t, minio, bucket, prefix, 5*time.Minute)
	if err := direct.MakeBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range tr.base.Names() {
		b := tr.base.Bytes(name)
		if err := direct.Put(t.Context(), name, bytes.NewReader(b), int64(len(b))); err != nil {
			t.Fatal(err)
		}
	}
	g := &testbed.Gateway{Spoil: spoil}
	patience := 5 * time.Minute
	if spoil(testbed.Request{N: 1 << 30}) != testbed.Pass { // permanently
		patience = 0
	}
	store := openS3(t, g.Before(t, minio), bucket, prefix, patience)
	var o outcome
	o.err = tr.do(t.Context(), store)
	o.requests, o.put = g.Traffic()
	o.store = direct
	return o
}

// openS3 opens a part of a bucket. Without patience, no request is retried.
func openS3(t *testing.T, at testbed.S3, bucket, prefix string, patience time.Duration) *s3.Store {
	t.Helper()
	store, err := s3.Open(t.Context(), s3.Options{Endpoint: at.Endpoint, Bucket: bucket, Prefix: prefix, Region: "us-east-1",
		Patience: max(patience, 1), Stall: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func (tr trial) once(t *testing.T, minio testbed.S3, bucket string, spoil testbed.Spoil, n int) {
	t.Helper()
	var spoilt testbed.Request
	o := tr.on(t, minio, bucket, func(r testbed.Request) testbed.Spoil {
		if r.N != n {
			return testbed.Pass
		}
		spoilt = r
		return spoil
	})
	if o.err != nil && !believable(spoil, spoilt, o.err) {
		t.Errorf("%s once at request %d, %s %s: %v", spoil, n, spoilt.Method, spoilt.Key, o.err)
	}
	tr.holds(t, o, fmt.Sprintf("%s once at request %d", spoil, n))
}

// believable reports whether a single false answer may end a command: the store does not list an
// object that it has just stored, or says that a condition fails that the request did not have.
// Every other single fault must change nothing.
func believable(spoil testbed.Spoil, r testbed.Request, err error) bool {
	switch spoil {
	case testbed.Stale:
		return strings.Contains(err.Error(), "does not list it although it took it")
	case testbed.Taken:
		return r.Method != http.MethodPut
	}
	return false
}

func (tr trial) forGood(t *testing.T, minio testbed.S3, bucket string, spoil testbed.Spoil, n int, clean outcome) {
	t.Helper()
	at := fmt.Sprintf("%s from request %d on", spoil, n)
	o := tr.on(t, minio, bucket, func(r testbed.Request) testbed.Spoil {
		switch {
		case r.N < n:
			return testbed.Pass
		case r.N == n:
			return spoil
		}
		return testbed.Drop
	})
	if o.err == nil && n < clean.requests {
		t.Errorf("%s, it ends well", at)
	}
	tr.holds(t, o, at)
	g := &testbed.Gateway{}
	again := openS3(t, g.Before(t, minio), bucket, o.store.Prefix, 5*time.Minute)
	if err := tr.do(t.Context(), again); err != nil {
		t.Errorf("%s, and then done again: %v", at, err)
	}
	requests, put := g.Traffic()
	if requests > clean.requests+clean.requests/2+8 || put > clean.put+clean.put/4+4096 {
		t.Errorf("%s, and then done again, it made %d requests and put %d bytes; undisturbed %d and %d", at, requests, put, clean.requests, clean.put)
	}
	o.err = nil
	tr.holds(t, o, at+", and then done again")
}

// holds checks, as another host, that every manifest has one of the states and that nothing is
// damaged.
func (tr trial) holds(t *testing.T, o outcome, at string) {
	t.Helper()
	r, err := repo.Open(t.Context(), o.store, repo.Unlock{}, repo.Options{})
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	defer r.Close()
	if tr.states != nil {
		for s, err := range archive.Manifests(t.Context(), r) {
			if err != nil {
				t.Fatalf("%s: %v", at, err)
			}
			if s.Manifest.State == 0 {
				continue
			}
			if !tr.states[strings.Join(archivetest.ArchivedState(t, r, s.Head), "\n")] {
				t.Errorf("%s: manifest %s holds what the account never was", at, s.Head.Name)
			}
		}
		report, err := check.Run(t.Context(), check.Options{Repo: r, Data: repo.AllPacks}, func(p check.Problem) {
			if !p.Harmless {
				t.Errorf("%s: %v", at, p)
			}
		})
		if err != nil || report == nil {
			t.Errorf("%s: check: %v", at, err)
		}
	}
	if o.err == nil && tr.after != nil {
		tr.after(t, r)
	}
}

// mustBeNewest checks that the newest manifest has a state.
func mustBeNewest(t *testing.T, r *repo.Repo, want []string) {
	t.Helper()
	latest, err := archive.Latest(t.Context(), r)
	if err != nil || len(latest) != 1 {
		t.Fatalf("the newest manifests are %d, %v", len(latest), err)
	}
	if got := archivetest.ArchivedState(t, r, latest[0].Head); !slices.Equal(got, want) {
		t.Errorf("the newest manifest is not the account: %s", archivetest.FirstDifference(got, want))
	}
}

// openUnsealed opens a repository, and closes it after use.
func openUnsealed(ctx context.Context, store store.Store, use func(*repo.Repo) error) error {
	r, err := repo.Open(ctx, store, repo.Unlock{}, repo.Options{})
	if err != nil {
		return err
	}
	return errors.Join(use(r), r.Close())
}

// twoNights returns an account, and a repository that has it as it was before.
func twoNights(t *testing.T) (base *storetest.Memory, a *archivetest.Account, before, now string) {
	base, a = new(storetest.Memory), archivetest.NewAccount()
	for i := range 30 {
		a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d\r\n\r\nbody %d\r\n", i, i))
	}
	archivetest.Backup(t, archivetest.NewRepo(t, base), a)
	before = strings.Join(a.State(), "\n")
	for i := range 20 {
		a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: later %d\r\n\r\nlater %d\r\n", i, i))
	}
	a.Mailbox("Other").Add("Subject: other\r\n\r\nother\r\n")
	a.Mailbox("INBOX").Expunge(3)
	return base, a, before, strings.Join(a.State(), "\n")
}

func backupTrial(t *testing.T) trial {
	base, a, before, now := twoNights(t)
	return trial{"backup", base, map[string]bool{before: true, now: true}, func(ctx context.Context, store store.Store) error {
		return openUnsealed(ctx, store, func(r *repo.Repo) error { return archivetest.TryBackup(ctx, r, a).Err })
	}, func(t *testing.T, r *repo.Repo) { mustBeNewest(t, r, a.State()) }}
}

// copyTrial copies two nights from memory into a bucket.
func copyTrial(t *testing.T) trial {
	from, a, before, now := twoNights(t)
	source, err := repo.Open(t.Context(), from, repo.Unlock{}, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { source.Close() })
	archivetest.Backup(t, source, a)
	base := new(storetest.Memory)
	archivetest.NewRepo(t, base)
	return trial{"copy", base, map[string]bool{before: true, now: true}, func(ctx context.Context, store store.Store) error {
		return openUnsealed(ctx, store, func(to *repo.Repo) error {
			_, _, err := archivetest.TryCopy(ctx, source, to)
			return err
		})
	}, func(t *testing.T, r *repo.Repo) { mustBeNewest(t, r, a.State()) }}
}

// repairTrial repairs a repository without one of its packs. The damaged night is not restored by
// this, but the next backup has everything that the account has.
func repairTrial(t *testing.T) trial {
	base, a, _, _ := twoNights(t)
	var gone string
	for _, name := range base.Names() {
		if strings.HasPrefix(name, "data/") {
			gone = name
		}
	}
	if err := base.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	pack, ok := repo.ParsePack(gone)
	if !ok {
		t.Fatal(gone)
	}
	return trial{"repair", base, nil, func(ctx context.Context, store store.Store) error {
		return openUnsealed(ctx, store, func(r *repo.Repo) error { return repairAll(ctx, r, pack) })
	}, func(t *testing.T, r *repo.Repo) {
		archivetest.MustHold(t, r, archivetest.Backup(t, r, a), a.State())
	}}
}

// repairAll does what "repair packs" does.
func repairAll(ctx context.Context, r *repo.Repo, pack repo.Pack) error {
	if _, err := r.RepairPacks(ctx, []repo.Pack{pack}, func(repo.Problem) {}); err != nil {
		return err
	}
	return rewrite.RepairLost(ctx, r, func(archive.Summary, rewrite.Repaired) {})
}

// checkTrial checks a sound repository: it must not report errors of the store as damage.
func checkTrial(t *testing.T) trial {
	base, _, before, _ := twoNights(t)
	return trial{"check", base, map[string]bool{before: true}, func(ctx context.Context, store store.Store) error {
		return openUnsealed(ctx, store, func(r *repo.Repo) error {
			var reported []string
			_, err := check.Run(ctx, check.Options{Repo: r, Data: repo.AllPacks}, func(p check.Problem) {
				reported = append(reported, p.String())
			})
			if len(reported) > 0 {
				return fmt.Errorf("a sound repository is reported as damaged: %q (%w)", reported, errors.Join(err, io.ErrUnexpectedEOF))
			}
			return err
		})
	}, nil}
}
