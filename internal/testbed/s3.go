package testbed

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3 is a running object store.
type S3 struct {
	Endpoint  string // http://127.0.0.1:port
	AccessKey string
	SecretKey string

	SessionToken string // of temporary credentials; "": they are none

	users bool // it has users of its own; else it gives temporary credentials
}

// Setenv gives the test, and the programs that it starts, the credentials by the variables of AWS.
func (s S3) Setenv(t testing.TB) {
	t.Setenv("AWS_ACCESS_KEY_ID", s.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s.SecretKey)
	t.Setenv("AWS_SESSION_TOKEN", s.SessionToken)
}

// NewBucket returns an unused name for a bucket.
func (s S3) NewBucket() string { return "test-" + strings.ToLower(rand.Text()[:16]) }

// MinIO returns a MinIO.
func MinIO(t testing.TB) S3 {
	t.Helper()
	return once(t, "minio", func(t testing.TB, life lifetime) S3 {
		path := program(t, "minio")
		dir := tempDir(t, life, "minio")
		ports := freePorts(t, 2)
		s := S3{
			Endpoint: fmt.Sprintf("http://127.0.0.1:%d", ports[0]), AccessKey: "testbed-access",
			SecretKey: "testbed-secret-" + rand.Text(),
		}
		cmd := exec.Command(path, "server", "--quiet", "--address", fmt.Sprintf("127.0.0.1:%d", ports[0]),
			"--console-address", fmt.Sprintf("127.0.0.1:%d", ports[1]), filepath.Join(dir, "data"))
		cmd.Env = append(os.Environ(), "HOME="+dir, "MINIO_ROOT_USER="+s.AccessKey, "MINIO_ROOT_PASSWORD="+s.SecretKey,
			"MINIO_UPDATE=off", "MINIO_BROWSER=off")
		p := launch(t, cmd, filepath.Join(dir, "log"), s.ready)
		life.Cleanup(p.stop)
		return s
	})
}

// Versitygw returns a versitygw over a directory.
func Versitygw(t testing.TB) S3 {
	t.Helper()
	return once(t, "versitygw", func(t testing.TB, life lifetime) S3 {
		path := program(t, "versitygw")
		dir := tempDir(t, life, "versitygw")
		data := filepath.Join(dir, "data")
		makeDirs(t, dir, "data", "versions", "users")
		address := fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1)[0])
		s := S3{
			Endpoint: "http://" + address, AccessKey: "testbed-access",
			SecretKey: "testbed-secret-" + rand.Text(), users: true,
		}
		cmd := exec.Command(path, "--quiet", "--keep-alive", "--port", address, "--iam-dir", filepath.Join(dir, "users"),
			"posix", "--versioning-dir", filepath.Join(dir, "versions"), data)
		cmd.Env = append(os.Environ(), "HOME="+dir, "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.SecretKey)
		p := launch(t, cmd, filepath.Join(dir, "log"), s.ready)
		life.Cleanup(p.stop)
		return s
	})
}

// Limited returns the store with credentials that allow only some actions ("s3:PutObject") in one
// bucket, which must exist.
func (s S3) Limited(t testing.TB, bucket string, actions ...string) S3 {
	t.Helper()
	p := policy{Action: actions, Resource: []string{"arn:aws:s3:::" + bucket, "arn:aws:s3:::" + bucket + "/*"}}
	if s.users {
		return s.newUser(t, bucket, p)
	}
	return s.assumeRole(t, p)
}

// policy is a statement of a policy, as AWS writes it.
type policy struct {
	Effect    string
	Principal any `json:",omitempty"`
	Action    []string
	Resource  []string
}

func (p policy) text(t testing.TB) string {
	t.Helper()
	p.Effect = "Allow"
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []policy{p}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// assumeRole asks for temporary credentials with a policy (MinIO).
func (s S3) assumeRole(t testing.TB, p policy) S3 {
	t.Helper()
	temporary, err := credentials.NewSTSAssumeRole(s.Endpoint, credentials.STSAssumeRoleOptions{
		AccessKey: s.AccessKey, SecretKey: s.SecretKey, Policy: p.text(t), DurationSeconds: 3600,
	})
	if err != nil {
		t.Fatal(err)
	}
	value, err := temporary.GetWithContext(&credentials.CredContext{Client: http.DefaultClient})
	if err != nil {
		t.Fatal(err)
	}
	return S3{
		Endpoint: s.Endpoint, AccessKey: value.AccessKeyID, SecretKey: value.SecretAccessKey,
		SessionToken: value.SessionToken,
	}
}

// newUser makes a user of versitygw, and sets the bucket's policy to allow the actions.
func (s S3) newUser(t testing.TB, bucket string, p policy) S3 {
	t.Helper()
	user := S3{Endpoint: s.Endpoint, AccessKey: "user-" + rand.Text()[:12], SecretKey: rand.Text()}
	cmd := exec.Command(program(t, "versitygw"), "admin",
		"create-user", "--access", user.AccessKey, "--secret", user.SecretKey, "--role", "user")
	cmd.Env = append(os.Environ(), "ADMIN_ACCESS_KEY_ID="+s.AccessKey, "ADMIN_SECRET_ACCESS_KEY="+s.SecretKey,
		"ADMIN_ENDPOINT_URL="+s.Endpoint)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("versitygw admin create-user: %v: %s", err, out)
	}
	client, err := minio.New(strings.TrimPrefix(s.Endpoint, "http://"),
		&minio.Options{Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, "")})
	if err != nil {
		t.Fatal(err)
	}
	p.Principal = user.AccessKey
	if err := client.SetBucketPolicy(t.Context(), bucket, p.text(t)); err != nil {
		t.Fatal(err)
	}
	return user
}

// ready lists the buckets without credentials. MinIO's health page reports success some time before
// requests get another answer than 503.
func (s S3) ready() error {
	resp, err := http.Get(s.Endpoint)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		return fmt.Errorf("%s answers %s", s.Endpoint, resp.Status)
	}
	return nil
}
