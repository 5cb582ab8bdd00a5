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
)

// CyrusOptions says how a Cyrus differs from the usual one.
type CyrusOptions struct {
	Dots bool // mailboxes are INBOX.a.b, as they were until Cyrus 3; else a/b
}

// CyrusServer is a Cyrus. Every user name can log in, to a separate account that is empty at first.
type CyrusServer struct {
	Addr     string // plain, 127.0.0.1:port
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
	c := CyrusServer{Addr: fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1)[0]), Password: "pw"}
	answerLogins(t, filepath.Join(dir, "saslauthd"), c.Password)
	modern := map[bool]string{true: "no", false: "yes"}[o.Dots]
	imapd, cyrus := filepath.Join(dir, "imapd.conf"), filepath.Join(dir, "cyrus.conf")
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
`, dir, modern), 0o644)
	bin := filepath.Join(tree.dir, "usr/lib/cyrus/bin")
	writeFile(t, cyrus, fmt.Appendf(nil, `START {
  recover cmd="%[1]s/ctl_cyrusdb -C %[2]s -r"
}
SERVICES {
  imap cmd="%[1]s/imapd -C %[2]s" listen="%[3]s" prefork=0 maxchild=100
}
EVENTS {
}
`, bin, imapd, c.Addr), 0o644)
	giveToNobody(t, dir)
	cmd := exec.Command(filepath.Join(bin, "master"), "-C", imapd, "-M", cyrus, "-p", filepath.Join(dir, "pid"), "-D")
	cmd.Env = tree.env
	p := launch(t, cmd, filepath.Join(dir, "log"), func() error { return greets(c.Addr) })
	t.Cleanup(p.kill)
	return c
}

// answerLogins replaces saslauthd: it answers whether a password is right. All users have the same one.
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

// answerLogin reads user, password, service and realm, each after its length, and answers in the same way.
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
