package testbed

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// MoxServer is a running mox: an IMAP server with other habits than Dovecot's, and newer
// extensions. It has one account.
type MoxServer struct {
	Addr     string // plain, with STARTTLS, host:port
	TLSAddr  string // TLS from the start, by a certificate that nobody vouches for
	User     string
	Password string
}

// Deliver puts messages into a mailbox over IMAP, and makes the mailbox if it does not exist.
func (m MoxServer) Deliver(t testing.TB, mailbox string, messages ...Message) {
	t.Helper()
	deliver(t, m.Addr, m.User, m.Password, mailbox, messages)
}

// Mox returns a mox. Tests that share one (see Main) should use different mailboxes.
func Mox(t testing.TB) MoxServer {
	t.Helper()
	return once(t, "mox", func(t testing.TB, life lifetime) MoxServer {
		path := program(t, "mox")
		home := tempDir(t, life, "mox")
		conf := filepath.Join(home, "mox")
		// Its ports are fixed, so every mox gets another address in 127/8, which Linux accepts.
		ip := fmt.Sprintf("127.%d.%d.%d", 16+rand.IntN(200), rand.IntN(256), 1+rand.IntN(254))
		run := func(args ...string) *exec.Cmd {
			cmd := exec.Command(path, append([]string{"localserve", "-dir", conf}, args...)...)
			cmd.Env = append(os.Environ(), "HOME="+home)
			return cmd
		}
		if out, err := run("-ip", ip, "-initonly").CombinedOutput(); err != nil {
			t.Fatalf("mox localserve -initonly: %v\n%s", err, out)
		}
		quietMox(t, filepath.Join(conf, "mox.conf"))
		m := MoxServer{Addr: ip + ":1143", TLSAddr: ip + ":1993", User: "mox@localhost", Password: "moxmoxmox"}
		p := launch(t, run(), filepath.Join(home, "log"), func() error { return greets(m.Addr) })
		life.Cleanup(p.stop)
		return m
	})
}

// quietMox keeps it from writing every message into its log.
func quietMox(t testing.TB, conf string) {
	t.Helper()
	data, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	data = regexp.MustCompile(`(?m)^LogLevel: .*`).ReplaceAll(data, []byte("LogLevel: error"))
	writeFile(t, conf, data, 0o600)
}
