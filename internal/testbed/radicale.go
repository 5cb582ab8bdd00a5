package testbed

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// RadicaleServer is a Radicale. Every user name can log in with any password, to calendars and
// address books of its own.
type RadicaleServer struct {
	URL string // http://127.0.0.1:port
}

// Radicale starts a Radicale for the test.
func Radicale(t testing.TB) RadicaleServer {
	t.Helper()
	need.Program(t, "radicale", "apt-get install radicale")
	dir := tempDir(t, t, "radicale")
	address := fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1)[0])
	config := filepath.Join(dir, "config")
	writeFile(t, config, fmt.Appendf(nil, `[server]
hosts = %s
[auth]
type = none
[storage]
filesystem_folder = %s/collections
[logging]
level = warning
`, address, dir), 0o644)
	r := RadicaleServer{URL: "http://" + address}
	p := launch(t, exec.Command("radicale", "--config", config), filepath.Join(dir, "log"), func() error {
		answer, err := http.Get(r.URL + "/.web/")
		if err == nil {
			err = answer.Body.Close()
		}
		return err
	})
	t.Cleanup(p.kill)
	return r
}
