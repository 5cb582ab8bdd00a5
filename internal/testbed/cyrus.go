package testbed

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// CyrusOptions says how a Cyrus differs from the usual one.
type CyrusOptions struct {
	Dots bool // mailboxes are INBOX.a.b, as they were until Cyrus 3; else a/b
	HTTP bool // it serves JMAP, CalDAV and CardDAV, too
}

// CyrusServer is a Cyrus. Every user name can log in, to a separate account that is empty at first.
type CyrusServer struct {
	Addr     string // IMAP, plain, 127.0.0.1:port
	URL      string // http://127.0.0.1:port, if it serves HTTP: the session of JMAP is at /jmap/, calendars are below /dav/
	Password string // of every user
}

// Deliver puts messages into a mailbox over IMAP, and makes the mailbox if it does not exist.
func (c CyrusServer) Deliver(t testing.TB, user, mailbox string, messages ...Message) {
	t.Helper()
	deliver(t, c.Addr, user, c.Password, mailbox, messages)
}

// Cyrus starts a Cyrus for the test.
func Cyrus(t testing.TB, o CyrusOptions) CyrusServer {
	t.Helper()
	tree := unpacked(t)
	dir := tempDir(t, t, "cyrus")
	makeDirs(t, dir, "lib/db", "lib/socket", "lib/log", "lib/msg", "lib/proc", "lib/sync", "spool")
	ports := freePorts(t, 2)
	c := CyrusServer{Addr: fmt.Sprintf("127.0.0.1:%d", ports[0]), Password: "pw"}
	answerLogins(t, filepath.Join(dir, "saslauthd"), c.Password)
	modern := map[bool]string{true: "no", false: "yes"}[o.Dots]
	imapd, cyrus := filepath.Join(dir, "imapd.conf"), filepath.Join(dir, "cyrus.conf")
	var services, settings string
	bin := filepath.Join(tree.dir, "usr/lib/cyrus/bin")
	if o.HTTP {
		_, err := os.Stat(filepath.Join(bin, "httpd"))
		need.That(t, err == nil, "the httpd of Cyrus is not unpacked: testbed/packages, on Debian")
		web := fmt.Sprintf("127.0.0.1:%d", ports[1])
		c.URL = "http://" + web
		services = fmt.Sprintf("  http cmd=\"%s/httpd -C %s\" listen=\"%s\" prefork=0 maxchild=100\n", bin, imapd, web)
		settings = httpSettings
	}
	writeFile(t, imapd, fmt.Appendf(nil, `configdirectory: %[1]s/lib
partition-default: %[1]s/spool
defaultpartition: default
cyrus_user: nobody
cyrus_group: nogroup
admins: cyrus
allowplaintext: yes
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: %[1]s/saslauthd
sasl_mech_list: PLAIN
autocreate_quota: 0
autocreate_users: anyone
skiplist_unsafe: yes
altnamespace: %[2]s
unixhierarchysep: %[2]s
%[3]s`, dir, modern, settings), 0o644)
	writeFile(t, cyrus, fmt.Appendf(nil, `START {
  recover cmd="%[1]s/ctl_cyrusdb -C %[2]s -r"
}
SERVICES {
  imap cmd="%[1]s/imapd -C %[2]s" listen="%[3]s" prefork=0 maxchild=100
%[4]s}
EVENTS {
}
`, bin, imapd, c.Addr, services), 0o644)
	giveToNobody(t, dir)
	cmd := exec.Command(filepath.Join(bin, "master"), "-C", imapd, "-M", cyrus, "-p", filepath.Join(dir, "pid"), "-D")
	cmd.Env = tree.env
	p := launch(t, cmd, filepath.Join(dir, "log"), func() error { return greets(c.Addr) })
	t.Cleanup(p.kill)
	return c
}

// httpSettings are those of JMAP and of calendars and address books. JMAP needs conversations, and
// Cyrus makes the others for a user who logs in.
const httpSettings = `httpmodules: jmap caldav carddav
httpallowcompress: no
conversations: yes
conversations_counted_flags: \Draft \Flagged $IsMailingList $IsNotification $HasAttachment
virtdomains: off
jmap_nonstandard_extensions: no
`

// answerLogins replaces saslauthd: it answers whether a password is right. All users have the same
// one.
func answerLogins(t testing.TB, socket, password string) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err == nil {
		err = os.Chmod(socket, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			answerLogin(conn, password)
			conn.Close()
		}
	}()
}

// answerLogin reads user, password, service and realm, each after its length, and answers in the
// same way.
func answerLogin(conn io.ReadWriter, password string) {
	var asked [4][]byte
	for i := range asked {
		var size uint16
		if binary.Read(conn, binary.BigEndian, &size) != nil {
			return
		}
		asked[i] = make([]byte, size)
		if _, err := io.ReadFull(conn, asked[i]); err != nil {
			return
		}
	}
	answer := []byte("NO")
	if bytes.Equal(asked[1], []byte(password)) {
		answer = []byte("OK")
	}
	_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
}
