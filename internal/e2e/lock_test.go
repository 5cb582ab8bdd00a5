package e2e_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// putGetList are the rights that a nightly host needs in a repository under lock.
var putGetList = []string{"s3:PutObject", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"}

// intruder does all the harm that some credentials allow, and returns what it could do.
type intruder struct {
	t      *testing.T
	client *minio.Client
	bucket string
}

func newIntruder(t *testing.T, s testbed.S3, bucket string) *intruder {
	t.Helper()
	client, err := minio.New(strings.TrimPrefix(s.Endpoint, "http://"),
		&minio.Options{Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, s.SessionToken), Region: "us-east-1", MaxRetries: 1})
	if err != nil {
		t.Fatal(err)
	}
	return &intruder{t, client, bucket}
}

// versions returns all versions, including markers.
func (i *intruder) versions() (all []minio.ObjectInfo) {
	i.t.Helper()
	for o := range i.client.ListObjectsIter(i.t.Context(), i.bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			i.t.Fatal(o.Err)
		}
		all = append(all, o)
	}
	return all
}

// attacks, by name: each is tried on every version of every object, and reports whether the store
// allowed it.
var attacks = []struct {
	name string
	try  func(i *intruder, o minio.ObjectInfo) error
}{
	{"overwrite", func(i *intruder, o minio.ObjectInfo) error {
		data := bytes.Repeat([]byte("garbage "), 1+int(o.Size)/8)[:o.Size]
		_, err := i.client.PutObject(i.t.Context(), i.bucket, o.Key, bytes.NewReader(data), o.Size, minio.PutObjectOptions{})
		return err
	}},
	{"delete the version", func(i *intruder, o minio.ObjectInfo) error {
		return i.client.RemoveObject(i.t.Context(), i.bucket, o.Key, minio.RemoveObjectOptions{VersionID: o.VersionID})
	}},
	{"shorten the lock", func(i *intruder, o minio.ObjectInfo) error {
		mode, soon := minio.Governance, time.Now().Add(time.Minute)
		return i.client.PutObjectRetention(i.t.Context(), i.bucket, o.Key, minio.PutObjectRetentionOptions{
			Mode: &mode, RetainUntilDate: &soon, VersionID: o.VersionID,
		})
	}},
	{"end the lock", func(i *intruder, o minio.ObjectInfo) error {
		return i.client.PutObjectRetention(i.t.Context(), i.bucket, o.Key, minio.PutObjectRetentionOptions{VersionID: o.VersionID})
	}},
	{"hide", func(i *intruder, o minio.ObjectInfo) error {
		return i.client.RemoveObject(i.t.Context(), i.bucket, o.Key, minio.RemoveObjectOptions{})
	}},
}

// A night with credentials that may put, get and list is like any other. These credentials, and
// those that may delete as well, cannot destroy a manifest.
func TestObjectLock(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]func(testing.TB) testbed.S3{"minio": testbed.MinIO, "versitygw": testbed.Versitygw} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, dovecot := store(t), startDovecot(t, testbed.DovecotOptions{})
			owner, bucket := newHost(t), server.NewBucket()
			owner.use(server, bucket)
			owner.set("AWS_REGION", "us-east-1")
			key, writer := filepath.Join(owner.home, "key"), filepath.Join(owner.home, "writer")
			e := owner.must(0, "init", "--new-key-file", key, "--lock", "30d")
			if !strings.Contains(e.stdout, "30 days, governance, by the bucket's default retention") {
				t.Errorf("init reports %s", e.stdout)
			}
			owner.set("MAILSTRATA_KEY_FILE", key)
			owner.must(0, "key", "add", "--role", "writer", "--new-key-file", writer)

			limited := server.Limited(t, bucket, putGetList...)
			nightly := newHost(t)
			nightly.use(limited, bucket)
			nightly.set("AWS_SESSION_TOKEN", limited.SessionToken)
			nightly.set("AWS_REGION", "us-east-1")
			nightly.set("MAILSTRATA_KEY_FILE", writer)
			account := accountURL("anna", dovecot.Addr)
			dovecot.Deliver("anna", "INBOX", appended(generate.New(1).Messages(20))...)
			nightly.backUp(0, account)
			dovecot.Deliver("anna", "INBOX", appended(generate.New(2).Messages(5))...)
			m := nightly.backUp(0, account)
			want := readAccount(t, dovecot.Addr, "anna", imapPassword)
			nightly.must(0, "list")
			nightly.must(0, "check")

			e = owner.must(0, "lock", "90d", "--json")
			if !strings.Contains(e.stdout, `"days":90,"mode":"governance","by_default":true`) {
				t.Errorf("lock reports %s", e.stdout)
			}
			if e := owner.must(0, "check"); strings.Contains(e.stderr, "renew the locks") {
				t.Errorf("not all is locked for longer: %s", e.stderr)
			}
			if e := owner.must(1, "lock", "30d"); !strings.Contains(e.stderr, "cannot be shortened to 30") {
				t.Errorf("a shorter lock: %s", e.stderr)
			}

			for who, credentials := range map[string]testbed.S3{"a nightly host": limited, "the owner": server} {
				i := newIntruder(t, credentials, bucket)
				for _, attack := range attacks {
					done, versions := 0, i.versions()
					for _, o := range versions {
						if attack.try(i, o) != nil {
							continue
						}
						done++
						// The lock does not protect the object with which init tested the store.
						if attack.name == "delete the version" && !o.IsDeleteMarker {
							t.Errorf("%s deletes version %s of %s", who, o.VersionID, o.Key)
						}
					}
					t.Logf("%s, %s: %d of %d", who, attack.name, done, len(versions))
				}
			}
			again := newHost(t)
			again.use(server, bucket)
			again.set("AWS_REGION", "us-east-1")
			again.set("MAILSTRATA_KEY_FILE", key)
			if left := strings.Count(again.must(0, "list", "--json").stdout, "\n"); left != 2 {
				t.Errorf("%d manifests are left of 2", left)
			}
			if r := again.restore(0, m.ID, accountURL("bert", dovecot.Addr)); r.Added != 25 {
				t.Errorf("restored %+v", r)
			}
			sameAccount(t, readAccount(t, dovecot.Addr, "bert", imapPassword), want)
			if e := again.must(3, "check", "--read-data"); !strings.Contains(e.stderr, "has hidden or covered objects") {
				t.Errorf("check says %s", e.stderr)
			}
			if e := again.must(0, "prune"); strings.Contains(e.stderr, "left:") {
				t.Errorf("prune reports about what it expects:\n%s", e.stderr)
			}
			nightly.backUp(3, account) // because manifests are covered
		})
	}
}

// Somebody with the owner's credentials deletes everything in a bucket under lock. The night is
// there for the next backup and for a restore, no command is green, and one makes the bucket what
// it was.
func TestEmptiedBucket(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]func(testing.TB) testbed.S3{"minio": testbed.MinIO, "versitygw": testbed.Versitygw} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, dovecot := store(t), startDovecot(t, testbed.DovecotOptions{})
			owner, bucket := newHost(t), server.NewBucket()
			owner.use(server, bucket)
			owner.set("AWS_REGION", "us-east-1")
			key := filepath.Join(owner.home, "key")
			owner.must(0, "init", "--new-key-file", key, "--lock", "30d")
			owner.set("MAILSTRATA_KEY_FILE", key)
			account := accountURL("anna", dovecot.Addr)
			dovecot.Deliver("anna", "INBOX", appended(generate.New(1).Messages(20))...)
			m := owner.backUp(0, account)
			owner.must(0, "check")

			i := newIntruder(t, server, bucket)
			for _, o := range i.versions() {
				if err := i.client.RemoveObject(t.Context(), bucket, o.Key, minio.RemoveObjectOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			if left := i.visible(); left > 0 {
				t.Fatalf("%d objects are left", left)
			}
			owner = sameKey(t, owner) // which has no cache
			if r := owner.restore(0, m.ID, "maildir:"+filepath.Join(owner.home, "back")); r.Added != 20 {
				t.Errorf("restored %+v", r)
			}
			e := owner.must(3, "check")
			if !strings.Contains(e.stderr, "mailstrata repair hidden") || strings.Contains(e.stderr, "damaged") {
				t.Errorf("check says %s", e.stderr)
			}
			if e := owner.must(3, "status"); !strings.Contains(e.stdout, "mailstrata repair hidden") {
				t.Errorf("status says %s", e.stdout)
			}
			if m := owner.backUp(3, account); m.Messages != 20 || m.NewMessages != 0 {
				t.Errorf("a night after it is %+v", m)
			}
			before := i.visible() // what that night put
			owner.must(0, "repair", "hidden", "--dry-run")
			if left := i.visible(); left != before {
				t.Errorf("a dry run brings %d objects back", left-before)
			}
			owner.must(0, "repair", "hidden")
			owner.must(0, "check", "--read-data")
			owner.must(0, "status")
			if i.visible() == before {
				t.Error("nothing is back")
			}
			dovecot.Deliver("anna", "INBOX", appended(generate.New(2).Messages(5))...)
			if m := owner.backUp(0, account); m.Messages != 25 || m.NewMessages != 5 {
				t.Errorf("the next night is %+v", m)
			}
		})
	}
}

// visible counts the objects that a listing without versions has.
func (i *intruder) visible() (n int) {
	i.t.Helper()
	for o := range i.client.ListObjectsIter(i.t.Context(), i.bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			i.t.Fatal(o.Err)
		}
		n++
	}
	return n
}
