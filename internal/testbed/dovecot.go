package testbed

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// DovecotOptions says how a Dovecot differs from the usual one.
type DovecotOptions struct {
	Separator   string // between levels of the hierarchy; default "/"
	Format      string // of the mail: default "maildir", in ~/Maildir; or "sdbox", "mdbox", "mbox", in ~/mail
	IndexMemory bool   // it keeps no index files: then HIGHESTMODSEQ means nothing
	Capability  string // what it advertises instead of what it can do
	Password    string // of every user; default "pw"
	Master      string // of master users: who logs in as USER*ANYBODY with this password reads USER's mail; "": there are none
	Expired     bool   // its certificate is out of date
	Others      bool   // it has namespaces Public/, shared/ of other users, and virtual/ (of a user, see PutVirtual)
	Sieve       bool   // it serves ManageSieve
	ACL         bool   // it has access control lists (in files dovecot-acl) and annotations
	Config      string // more lines of dovecot.conf, such as are the same in 2.3 and 2.4
}

// DovecotServer is a Dovecot. Every user name can log in, to a separate account that is empty at
// first.
type DovecotServer struct {
	Addr     string         // plain, with STARTTLS, 127.0.0.1:port
	TLSAddr  string         // TLS from the start
	RootCAs  *x509.CertPool // vouches for its certificate, for localhost and 127.0.0.1
	CAFile   string         // the same as a file
	Sieve    string         // ManageSieve with STARTTLS, 127.0.0.1:port; empty unless it was asked for
	Password string         // of every user

	t       testing.TB
	dir     string
	process *process
}

// Dovecot starts a Dovecot for the test.
func Dovecot(t testing.TB, o DovecotOptions) *DovecotServer {
	t.Helper()
	need.Program(t, "dovecot", "apt-get install dovecot-imapd")
	need.That(t, os.Getuid() == 0, "Dovecot is to be started by root")
	d := &DovecotServer{t: t, dir: tempDir(t, t, "dovecot"), Password: cmp.Or(o.Password, "pw")}
	makeDirs(t, d.dir, "run", "state", "mail")
	giveToNobody(d.t, filepath.Join(d.dir, "mail"))
	id := newIdentity(t, d.dir, o.Expired)
	ports := freePorts(t, 3)
	d.Addr, d.TLSAddr = fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1])
	d.RootCAs, d.CAFile = id.pool, id.ca
	if o.Sieve {
		need.Program(t, "/usr/lib/dovecot/managesieve-login", "apt-get install dovecot-managesieved")
		d.Sieve = fmt.Sprintf("127.0.0.1:%d", ports[2])
	}
	d.configure(o, id, ports)
	t.Cleanup(d.Stop)
	t.Cleanup(func() {
		if t.Failed() && d.process != nil {
			t.Logf("the end of Dovecot's log:\n%s", d.Log())
		}
	})
	d.Start()
	return d
}

func (d *DovecotServer) configure(o DovecotOptions, id identity, ports []int) {
	d.t.Helper()
	values := dovecotValues{o, d.dir, id.cert, id.key, ports[0], ports[1], ports[2]}
	values.Password = d.Password
	values.Separator = cmp.Or(o.Separator, "/")
	values.Format = cmp.Or(o.Format, "maildir")
	version, err := exec.Command("dovecot", "--version").Output()
	if err != nil {
		d.t.Fatalf("dovecot --version: %v", err)
	}
	syntax := dovecotConf24
	if bytes.HasPrefix(version, []byte("2.3.")) {
		syntax = dovecotConf23
	}
	var conf bytes.Buffer
	if err := template.Must(template.New("dovecot.conf").Parse(syntax)).Execute(&conf, values); err != nil {
		d.t.Fatal(err)
	}
	writeFile(d.t, d.conf(), conf.Bytes(), 0o644)
}

// Start starts a server that was stopped.
func (d *DovecotServer) Start() {
	d.t.Helper()
	awaitFree(d.t, d.Addr, d.TLSAddr)
	cmd := exec.Command("dovecot", "-F", "-c", d.conf())
	d.process = launch(d.t, cmd, filepath.Join(d.dir, "log"), func() error { return greets(d.Addr) })
}

// Stop stops the server, and so ends every connection to it. It is killed: asked to stop, it takes
// a second, which many tests would wait for.
func (d *DovecotServer) Stop() {
	if d.process != nil {
		d.process.kill()
		d.process = nil
	}
}

// Restart is Stop and Start: the same server, at the same address.
func (d *DovecotServer) Restart() {
	d.t.Helper()
	d.Stop()
	d.Start()
}

// Home returns where a user's mail is: by default in the directory Maildir below.
func (d *DovecotServer) Home(user string) string { return filepath.Join(d.dir, "mail", user) }

// PutVirtual gives a user virtual mailboxes: by name, the content of dovecot-virtual. All and
// Flagged have those special uses.
func (d *DovecotServer) PutVirtual(user string, mailboxes map[string]string) {
	d.t.Helper()
	for name, rules := range mailboxes {
		dir := filepath.Join("virtual", name)
		makeDirs(d.t, d.Home(user), dir)
		writeFile(d.t, filepath.Join(d.Home(user), dir, "dovecot-virtual"), []byte(rules), 0o644)
	}
	giveToNobody(d.t, d.Home(user))
}

// Log returns the end of what the server wrote to its log.
func (d *DovecotServer) Log() string { return string(d.process.tail()) }

// Deliver puts messages into a mailbox over IMAP, and makes the mailbox if it does not exist.
func (d *DovecotServer) Deliver(user, mailbox string, messages ...Message) {
	d.t.Helper()
	deliver(d.t, d.Addr, user, d.Password, mailbox, messages)
}

// PutMaildir gives a user a copy of a Maildir, byte by byte, in place of the existing Maildir.
func (d *DovecotServer) PutMaildir(user, from string) {
	d.t.Helper()
	to := filepath.Join(d.Home(user), "Maildir")
	if err := os.RemoveAll(to); err != nil {
		d.t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		d.t.Fatal(err)
	}
	giveToNobody(d.t, d.Home(user))
}

// Doveadm runs doveadm on this server and returns what it printed. If it fails, the test ends.
func (d *DovecotServer) Doveadm(args ...string) string {
	d.t.Helper()
	out, err := exec.Command("doveadm", append([]string{"-c", d.conf()}, args...)...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("doveadm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (d *DovecotServer) conf() string { return filepath.Join(d.dir, "dovecot.conf") }
