package testbed

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// SSHServer is a running sshd of OpenSSH. The user of the test logs in by a key, and sees this
// host's file system.
type SSHServer struct {
	Port    int    // on 127.0.0.1
	User    string // who logs in
	Command string // ssh, with the key and the known key of the server

	conf    string
	dir     string
	t       testing.TB
	process *process
}

// sshd has to be started by its full path.
const sshd = "/usr/sbin/sshd"

// SSHOptions says how an sshd differs from the usual one.
type SSHOptions struct {
	Subsystem string // what serves SFTP: a program with arguments; default "internal-sftp"
}

// OpenSSH starts an sshd for the test.
func OpenSSH(t testing.TB, o SSHOptions) *SSHServer {
	t.Helper()
	need.Program(t, sshd, "apt-get install openssh-server")
	need.Program(t, "ssh", "apt-get install openssh-client")
	current, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &SSHServer{Port: freePorts(t, 1)[0], User: current.Username, t: t, dir: tempDir(t, t, "sshd")}
	if current.Uid == "0" {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // sshd of root wants its directory, which systemd makes
			t.Fatal(err)
		}
	}
	for _, name := range []string{"host", "client", "other"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", s.file(name)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	s.Trust("host")
	s.conf = s.file("sshd_config")
	lines := []string{
		fmt.Sprintf("ListenAddress 127.0.0.1:%d", s.Port), "HostKey " + s.file("host"), "AuthorizedKeysFile " + s.file("client.pub"),
		"StrictModes no", "UsePAM no", "PidFile none", "PasswordAuthentication no", "PermitRootLogin prohibit-password",
		"MaxStartups 100", "Subsystem sftp " + cmp.Or(o.Subsystem, "internal-sftp"),
	}
	writeFile(t, s.conf, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
	s.Command = s.CommandWith("client")
	s.Start()
	t.Cleanup(func() { s.process.stop() })
	return s
}

func (s *SSHServer) file(name string) string { return filepath.Join(s.dir, name) }

// CommandWith returns an ssh that logs in by another key: "other" is one that the server does not
// know.
func (s *SSHServer) CommandWith(key string) string {
	return fmt.Sprintf("ssh -F none -i %s -o IdentitiesOnly=yes -o UserKnownHostsFile=%s -o GlobalKnownHostsFile=none", s.file(key), s.file("known_hosts"))
}

// Trust makes the clients know the server by this key: "host" is its own, "" means that they know
// none, and any other is wrong.
func (s *SSHServer) Trust(key string) {
	s.t.Helper()
	var line []byte
	if key != "" {
		public, err := os.ReadFile(s.file(key + ".pub"))
		if err != nil {
			s.t.Fatal(err)
		}
		line = fmt.Appendf(nil, "[127.0.0.1]:%d %s", s.Port, public)
	}
	writeFile(s.t, s.file("known_hosts"), line, 0o600)
}

// Start starts the server, at the beginning and after Kill.
func (s *SSHServer) Start() {
	s.t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", s.Port)
	s.process = launch(s.t, exec.Command(sshd, "-D", "-e", "-f", s.conf), s.file("log"), func() error { return answers(address, "SSH-2.0") })
}

// Kill ends the server and all connections at once.
func (s *SSHServer) Kill() { s.process.kill() }
