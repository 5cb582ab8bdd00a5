package e2e_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// readOnly is a policy that only allows reading.
const readOnly = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket","s3:GetBucketLocation"],"Resource":["arn:aws:s3:::*"]}]}`

// bucket is a bucket as its owner or another program changes it, by hand or by accident.
type bucket struct {
	t      testing.TB
	store  testbed.S3
	client *minio.Client
	name   string
}

func openBucket(t testing.TB, s testbed.S3, name string) *bucket {
	t.Helper()
	client, err := minio.New(strings.TrimPrefix(s.Endpoint, "http://"), &minio.Options{Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, "")})
	if err != nil {
		t.Fatal(err)
	}
	return &bucket{t, s, client, name}
}

// objects returns the sizes of all objects below a prefix, by name.
func (b *bucket) objects(prefix string) map[string]int64 {
	b.t.Helper()
	all := map[string]int64{}
	for o := range b.client.ListObjects(b.t.Context(), b.name, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			b.t.Fatal(o.Err)
		}
		all[o.Key] = o.Size
	}
	return all
}

func (b *bucket) get(name string) []byte {
	b.t.Helper()
	o, err := b.client.GetObject(b.t.Context(), b.name, name, minio.GetObjectOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	defer o.Close()
	data, err := io.ReadAll(o)
	if err != nil {
		b.t.Fatal(err)
	}
	return data
}

func (b *bucket) put(name string, data []byte) {
	b.t.Helper()
	_, err := b.client.PutObject(b.t.Context(), b.name, name, bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{DisableMultipart: true})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bucket) remove(name string) {
	b.t.Helper()
	if err := b.client.RemoveObject(b.t.Context(), b.name, name, minio.RemoveObjectOptions{}); err != nil {
		b.t.Fatal(err)
	}
}

// reader returns credentials that may only read (MinIO).
func (b *bucket) reader() credentials.Value {
	b.t.Helper()
	temporary, err := credentials.NewSTSAssumeRole(b.store.Endpoint, credentials.STSAssumeRoleOptions{
		AccessKey: b.store.AccessKey, SecretKey: b.store.SecretKey, Policy: readOnly, DurationSeconds: 900,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	value, err := temporary.GetWithContext(&credentials.CredContext{Client: http.DefaultClient})
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}

// added returns the names in after that are not in before.
func added(before, after map[string]int64) (names []string) {
	for name := range after {
		if _, ok := before[name]; !ok {
			names = append(names, name)
		}
	}
	return names
}
