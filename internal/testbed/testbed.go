package testbed

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// Age is the path of the tool age, of a version that knows hybrid keys, which Debian's does not.
func Age(t testing.TB) string {
	t.Helper()
	return program(t, "age")
}

// program finds a server's binary, or ends the test.
func program(t testing.TB, name string) string {
	t.Helper()
	where := filepath.Join(root(), ".testbed", "bin")
	if dir := os.Getenv("MAILSTRATA_TESTBED"); dir != "" {
		where = dir
	}
	path := filepath.Join(where, name)
	_, err := os.Stat(path)
	need.That(t, err == nil, fmt.Sprintf("%s is not in %s: make servers", name, where))
	return path
}

// Kubeapi returns the path of a program that checks manifests for Kubernetes as its API server does
// (testbed/kubeapi).
func Kubeapi(t testing.TB) string {
	t.Helper()
	return program(t, "kubeapi")
}

// root is the directory of the repository, known from where this file was when it was compiled, or,
// with -trimpath, from where go test runs a package's tests: in its directory.
func root() string {
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		return filepath.Join(filepath.Dir(file), "..", "..")
	}
	at, _ := os.Getwd()
	for ; at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "testbed", "minio", "go.mod")); err == nil {
			return at
		}
	}
	return "."
}

// Main runs a package's tests; MinIO, Versitygw and Mox are started once for all of them. It does
// not return.
func Main(m *testing.M) {
	shared.on = true
	code := m.Run()
	shared.stop()
	os.Exit(code)
}

// shared holds the servers that outlive a test. A process has one set of tests, and so one of
// these.
var shared pool

type pool struct {
	on       bool // Main will stop them
	mu       sync.Mutex
	servers  map[string]any
	cleanups []func()
}

// lifetime is what a server runs for: a test, or all of them.
type lifetime interface {
	Cleanup(func())
}

// once starts a server for the test, or, with Main, for all tests that ask for one of that name.
func once[S any](t testing.TB, name string, start func(t testing.TB, life lifetime) S) S {
	t.Helper()
	if !shared.on {
		return start(t, t)
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if s, ok := shared.servers[name]; ok {
		return s.(S)
	}
	s := start(t, &shared)
	if shared.servers == nil {
		shared.servers = map[string]any{}
	}
	shared.servers[name] = s
	return s
}

// Cleanup is called with mu held, by a start of once.
func (p *pool) Cleanup(f func()) { p.cleanups = append(p.cleanups, f) }

func (p *pool) stop() {
	for i := len(p.cleanups) - 1; i >= 0; i-- {
		p.cleanups[i]()
	}
}

// tempDir makes a directory that every user may enter, unlike testing.T.TempDir: some servers
// change their user. Its path is short enough for the sockets of Dovecot.
func tempDir(t testing.TB, life lifetime, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", name+"-")
	if err != nil {
		t.Fatal(err)
	}
	life.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// makeDirs makes directories below one.
func makeDirs(t testing.TB, below string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.MkdirAll(filepath.Join(below, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func writeFile(t testing.TB, path string, text []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, text, mode); err != nil {
		t.Fatal(err)
	}
}

// giveToNobody makes nobody the owner of all below a path, because the processes of servers run
// under that user.
func giveToNobody(t testing.TB, path string) {
	t.Helper()
	if out, err := exec.Command("chown", "-R", "nobody:nogroup", path).CombinedOutput(); err != nil {
		t.Fatalf("chown: %v\n%s", err, out)
	}
}

// freePorts finds ports that nobody listens on. They are below those that the kernel gives to
// connections (RFC 6335 section 6: from 49152 on; Linux from 32768 on), because a connection of
// another test could get a port before the server has it.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for tries := 0; len(ports) < n; tries++ {
		port := 10000 + rand.IntN(20000)
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err == nil {
			defer l.Close() // only after all are found, so that none is found twice
			ports = append(ports, port)
		} else if tries > 100 {
			t.Fatal(err)
		}
	}
	return ports
}

// awaitFree waits until nobody listens at the addresses: of a server that was killed, the last
// process may hold them for a moment longer than the first.
func awaitFree(t testing.TB, addresses ...string) {
	t.Helper()
	deadline := time.Now().Add(releaseLimit)
	for _, address := range addresses {
		for {
			l, err := net.Listen("tcp", address)
			if err == nil {
				l.Close()
				break
			}
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}
