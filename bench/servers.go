package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// password is that of every account on the Dovecot of a benchmark.
const password = "pw"

// servers are a Dovecot and a MinIO.
type servers struct {
	dovecot *testbed.DovecotServer
	minio   testbed.S3
	client  *minio.Client
	life    *lifetime
}

func startServers() (s *servers, err error) {
	s = &servers{life: &lifetime{}}
	err = s.life.try(func() {
		s.minio = testbed.MinIO(s.life)
		s.dovecot = testbed.Dovecot(s.life, testbed.DovecotOptions{Password: password})
	})
	if err == nil {
		s.client, err = minio.New(strings.TrimPrefix(s.minio.Endpoint, "http://"), &minio.Options{
			Creds: credentials.NewStaticV4(s.minio.AccessKey, s.minio.SecretKey, ""),
		})
	}
	if err == nil {
		err = enterable(s.dovecot.Home(""))
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// enterable requires that every user may enter a directory: Dovecot reads mail as the user nobody.
func enterable(dir string) error {
	for at := dir; at != filepath.Dir(at); at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&1 == 0 {
			return fmt.Errorf("%s is below %s, which the user nobody may not enter: set TMPDIR to another directory", dir, at)
		}
	}
	return nil
}

func (s *servers) close() { s.life.end() }

// sizes are what a bucket holds, by the first folder of the objects' names.
type sizes map[string]size

type size struct {
	objects int
	bytes   int64
}

func (s sizes) all() (sum size) {
	for _, one := range s {
		sum.objects, sum.bytes = sum.objects+one.objects, sum.bytes+one.bytes
	}
	return sum
}

func (s *servers) sizes(ctx context.Context, bucket string) (sizes, error) {
	held := sizes{}
	var err error
	for object := range s.client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
		err = errors.Join(err, object.Err)
		folder, _, _ := strings.Cut(object.Key, "/")
		held[folder] = size{held[folder].objects + 1, held[folder].bytes + object.Size}
	}
	return held, err
}

// stored is the sum of the sizes of a bucket's objects.
func (s *servers) stored(ctx context.Context, bucket string) (int64, error) {
	held, err := s.sizes(ctx, bucket)
	return held.all().bytes, err
}

// lifetime stands for a test in the eyes of testbed. Of testing.TB, which nobody else may
// implement, it has what testbed calls to start servers.
type lifetime struct {
	testing.TB
	err      error
	cleanups []func()
}

// try calls a function that may call Fatal.
func (l *lifetime) try(f func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
	return l.err
}

// end stops what was started, the last first.
func (l *lifetime) end() {
	for i := len(l.cleanups) - 1; i >= 0; i-- {
		l.cleanups[i]()
	}
	l.cleanups = nil
}

func (l *lifetime) Cleanup(f func())          { l.cleanups = append(l.cleanups, f) }
func (l *lifetime) Helper()                   {}
func (l *lifetime) Failed() bool              { return l.err != nil }
func (l *lifetime) Logf(string, ...any)       {}
func (l *lifetime) Skip(args ...any)          { l.Fatal(args...) }
func (l *lifetime) Fatalf(f string, a ...any) { l.Fatal(fmt.Sprintf(f, a...)) }
func (l *lifetime) Fatal(args ...any) {
	l.err = errors.New(fmt.Sprint(args...))
	runtime.Goexit()
}
