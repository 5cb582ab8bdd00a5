package testbed

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// CourierServer is a Courier. Every user name can log in, to a separate account that is empty at
// first.
//
// After the login, the session is Courier's. The login itself is implemented here, because
// Courier's asks a daemon at a fixed path.
type CourierServer struct {
	Addr     string // plain, 127.0.0.1:port
	Password string // of every user

	tree unpackedTree
	dir  string
}

// courierCapability is what Debian's Courier offers by default.
const courierCapability = "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE ACL ACL2=UNION"

// Courier starts a Courier for the test.
func Courier(t testing.TB) *CourierServer {
	t.Helper()
	c := &CourierServer{Password: "pw", tree: unpacked(t), dir: tempDir(t, t, "courier")}
	standInForGamin(t, filepath.Base(c.dir))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Addr = l.Addr().String()
	t.Cleanup(func() { l.Close() }) // sessions end when those at their other ends do
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(startLimit))
				if user, tag, ok := c.login(conn); ok {
					_ = conn.SetDeadline(time.Time{})
					c.serve(conn.(*net.TCPConn), user, tag)
				}
			}()
		}
	}()
	return c
}

// login sends a greeting, and waits for LOGIN with the right password, atoms or quoted strings
// without escapes.
func (c *CourierServer) login(conn net.Conn) (user, tag string, ok bool) {
	fmt.Fprintf(conn, "* OK [CAPABILITY %s] Courier-IMAP ready.\r\n", courierCapability)
	for {
		words := strings.Fields(strings.ReplaceAll(readLine(conn), `"`, ""))
		switch {
		case len(words) < 2:
			return "", "", false
		case strings.EqualFold(words[1], "CAPABILITY"):
			fmt.Fprintf(conn, "* CAPABILITY %s\r\n%s OK CAPABILITY completed\r\n", courierCapability, words[0])
		case strings.EqualFold(words[1], "LOGIN") && len(words) == 4 && words[3] == c.Password:
			return words[2], words[0], true
		default:
			fmt.Fprintf(conn, "%s NO Login failed.\r\n", words[0])
		}
	}
}

// readLine reads a line and no byte more: what follows is the session's.
func readLine(conn net.Conn) string {
	var line []byte
	var one [1]byte
	for {
		if _, err := conn.Read(one[:]); err != nil || one[0] == '\n' {
			return string(line)
		}
		line = append(line, one[0])
	}
}

// serve hands the connection to Courier, which answers the LOGIN.
func (c *CourierServer) serve(conn *net.TCPConn, user, tag string) {
	maildir := filepath.Join(c.dir, user, "Maildir")
	for _, sub := range []string{"cur", "new", "tmp"} {
		_ = os.MkdirAll(filepath.Join(maildir, sub), 0o755)
	}
	_ = exec.Command("chown", "nobody:nogroup",
		maildir, filepath.Join(maildir, "cur"), filepath.Join(maildir, "new"), filepath.Join(maildir, "tmp")).Run()
	file, err := conn.File()
	if err != nil {
		return
	}
	defer file.Close()
	cmd := exec.Command("setpriv", "--reuid=nobody",
		"--regid=nogroup", "--clear-groups", filepath.Join(c.tree.dir, "usr/bin/imapd"), "Maildir")
	separate(cmd)
	cmd.Dir, cmd.Stdin, cmd.Stdout = filepath.Dir(maildir), file, file
	// Sessions run at once, so each gets an environment of its own.
	cmd.Env = append(slices.Clip(c.tree.env), "PROTOCOL=IMAP", "AUTHENTICATED="+user, "AUTHADDR="+user, "IMAPLOGINTAG="+tag, "IMAP_CAPABILITY="+courierCapability,
		"IMAP_KEYWORDS=1", "IMAP_ACL=1", "IMAP_USELOCKS=0", "TCPREMOTEIP=127.0.0.1", "TCPREMOTEPORT=1", "GAM_CLIENT_ID="+filepath.Base(c.dir))
	runtime.LockOSThread() // as in launch
	defer runtime.UnlockOSThread()
	_ = cmd.Run()
}

// standInForGamin listens where Courier looks for a watcher of files, which it can do without; but
// where nobody listens, it looks for more than a second in each session.
func standInForGamin(t testing.TB, client string) {
	t.Helper()
	name := "@/tmp/fam-nobody-" + client
	l, err := net.Listen("unix", name+strings.Repeat("\x00", 108-len(name))) // its name is all of the address
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
			conn.Close()
		}
	}()
}

// Deliver puts messages into a mailbox over IMAP, and makes the mailbox if it does not exist.
func (c *CourierServer) Deliver(t testing.TB, user, mailbox string, messages ...Message) {
	t.Helper()
	deliver(t, c.Addr, user, c.Password, mailbox, messages)
}
