package testbed

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// S3 is an object store that runs.
type S3 struct {
	Endpoint  string // http://127.0.0.1:port
	AccessKey string
	SecretKey string
}

// Setenv gives the test, and the programs that it starts, the credentials by the variables of AWS.
func (s S3) Setenv(t testing.TB) {
	t.Setenv("AWS_ACCESS_KEY_ID", s.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s.SecretKey)
	t.Setenv("AWS_SESSION_TOKEN", "")
}

// NewBucket returns the name for a bucket that nobody else uses, and which does not exist yet.
func (s S3) NewBucket() string { return "test-" + strings.ToLower(rand.Text()[:16]) }

// MinIO returns a MinIO.
func MinIO(t testing.TB) S3 {
	t.Helper()
	return once(t, "minio", func(t testing.TB, life lifetime) S3 {
		path := program(t, "minio")
		dir := tempDir(t, life, "minio")
		ports := freePorts(t, 2)
		s := S3{fmt.Sprintf("http://127.0.0.1:%d", ports[0]), "testbed-access", "testbed-secret-" + rand.Text()}
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
		if err := os.Mkdir(data, 0o755); err != nil {
			t.Fatal(err)
		}
		address := fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1)[0])
		s := S3{"http://" + address, "testbed-access", "testbed-secret-" + rand.Text()}
		cmd := exec.Command(path, "--quiet", "--keep-alive", "--port", address, "posix", data)
		cmd.Env = append(os.Environ(), "HOME="+dir, "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.SecretKey)
		p := launch(t, cmd, filepath.Join(dir, "log"), s.ready)
		life.Cleanup(p.stop)
		return s
	})
}

// ready asks for the buckets as nobody in particular. MinIO's own page about its health says that it is well
// some time before requests get another answer than 503.
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
