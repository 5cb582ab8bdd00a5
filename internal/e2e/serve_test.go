package e2e_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// servePassword is that of every server of these tests.
const servePassword = "serve-secret-77d0"

// serve starts the program as an IMAP server with servePassword.
func (h *host) serve(flags ...string) string {
	h.t.Helper()
	return h.serveWith(servePassword, flags...)
}

// serveWith starts the program as an IMAP server with a password.
func (h *host) serveWith(password string, flags ...string) string {
	h.t.Helper()
	imap, _ := h.serveAll(password, flags...)
	return imap
}

// serveAll starts the program as a server. It returns the address of IMAP, and a link that opens
// the page. The server ends with the test, and without a complaint.
func (h *host) serveAll(password string, flags ...string) (imap, web string) {
	h.t.Helper()
	cmd := h.command(append([]string{"serve", "--json", "--imap", "127.0.0.1:0", "--web", "127.0.0.1:0"}, flags...)...)
	cmd.Env = append(cmd.Env, "MAILSTRATA_SERVE_PASSWORD="+password)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || strings.Contains(stderr.String(), "internal error") {
			h.t.Errorf("serve ends with %v:\n%s", err, stderr.String())
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	var served struct{ IMAP, Web string }
	if err != nil || json.Unmarshal([]byte(line), &served) != nil {
		h.t.Fatalf("serve prints %q, %v", line, err)
	}
	return served.IMAP, served.Web
}

// sameNumbers compares what sameAccount leaves out, because a restore changes it: UIDs.
func sameNumbers(t testing.TB, have, want account) {
	t.Helper()
	uids := func(b *box) (list []uint32) {
		for _, l := range b.letters {
			list = append(list, l.uid)
		}
		return list
	}
	for name, w := range want {
		if h := have[name]; h != nil && !slices.Equal(uids(h), uids(w)) {
			t.Errorf("mailbox %s has the UIDs %v, want %v", name, uids(h), uids(w))
		}
	}
}

// numbers returns UIDVALIDITY and UIDNEXT of the mailboxes.
func numbers(t testing.TB, address, user, password string, mailboxes account) map[string]string {
	t.Helper()
	c := login(t, address, user, password)
	defer c.conn.Close()
	all := make(map[string]string)
	for name, b := range mailboxes {
		if b.selectable {
			c.do("STATUS "+quoted(name)+" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)", func(line string, _ []literal) {
				all[name] = line[strings.LastIndexByte(line, '('):]
			})
		}
	}
	return all
}

// Each night of an account is served as the account was: all bytes, flags, dates, UIDs and numbers.
func TestServedNightsAreTheAccount(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{Config: oddZone()})
	fill(t, dovecot, "anna", 7, 20, 5<<20)
	h := newHost(t)
	h.onDirectory()
	h.secrets = append(h.secrets, servePassword)
	g := generate.New(8)
	type night struct {
		account
		numbers map[string]string
	}
	var nights []night
	for n := range 4 {
		if n > 0 {
			dovecot.Deliver("anna", "INBOX", appended(g.Messages(5))...)
			dovecot.Doveadm("flags", "add", "-u", "anna", `\Flagged $Label`+fmt.Sprint(n), "mailbox", "INBOX", fmt.Sprint(n))
			dovecot.Doveadm("expunge", "-u", "anna", "mailbox", "Sent", fmt.Sprint(n))
			dovecot.Doveadm("mailbox", "create", "-u", "anna", fmt.Sprint("new/", n))
		}
		now := readAccount(t, dovecot.Addr, "anna", imapPassword)
		nights = append(nights, night{now, numbers(t, dovecot.Addr, "anna", imapPassword, now)})
		h.backUp(0, accountURL("anna", dovecot.Addr))
	}
	name, _, _ := net.SplitHostPort(dovecot.Addr)
	address := h.serve()
	for n := range nights {
		user, want := fmt.Sprintf("anna@%s#latest~%d", name, len(nights)-1-n), nights[n]
		if n == len(nights)-1 {
			user = "anna@" + name
		}
		have := readAccount(t, address, user, servePassword)
		sameAccount(t, have, want.account)
		sameNumbers(t, have, want.account)
		for mailbox, have := range numbers(t, address, user, servePassword, have) {
			if have != want.numbers[mailbox] {
				t.Errorf("night %d, mailbox %s has %s, want %s", n, mailbox, have, want.numbers[mailbox])
			}
		}
		if t.Failed() {
			return
		}
	}
}

// Python's imaplib, mbsync and OfflineIMAP make the same of a served night as of the server.
func TestServedToClients(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	f := place(t, dovecot, "anna")
	g := generate.New(9)
	for _, name := range mailboxNames {
		if !strings.ContainsAny(name, `"`) {
			f.put(name, g.Messages(8)...)
		}
	}
	f.put("odd", g.Oddities()...)
	f.subscribe("Sent", "Entw&APw-rfe")
	f.done()
	small := place(t, dovecot, "bert") // OfflineIMAP needs a tenth of a second for a message
	small.put("INBOX", g.Messages(3)...)
	small.put("Entw&APw-rfe", g.Messages(2)...)
	small.put("odd", g.Oddities()...)
	small.done()
	h := newHost(t)
	h.onDirectory()
	h.backUp(0, accountURL("anna", dovecot.Addr))
	h.backUp(0, accountURL("bert", dovecot.Addr))
	address := h.serve()
	hostname, _, _ := net.SplitHostPort(dovecot.Addr)

	t.Run("imaplib", func(t *testing.T) {
		python := startImaplib(t)
		want := python.read(dovecot.Addr, "anna", imapPassword)
		if have := python.read(address, "anna@"+hostname, servePassword); have != want || strings.Count(want, "\n") < 100 {
			t.Errorf("imaplib reads\n%s\nwant\n%s", have, want)
		}
	})
	t.Run("mbsync", func(t *testing.T) {
		mbsync := need.Program(t, "mbsync", "apt-get install isync")
		sync := func(address, user, password string) map[string]int {
			dir := t.TempDir()
			host, port, _ := net.SplitHostPort(address)
			rc := fmt.Sprintf(mbsyncrc, host, port, user, password, dir, dir)
			if err := os.WriteFile(filepath.Join(dir, "rc"), []byte(rc), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(dir, "Mail"), 0o700); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(mbsync, "-q", "-c", filepath.Join(dir, "rc"), "all").CombinedOutput(); err != nil {
				t.Fatalf("mbsync: %v\n%s", err, out)
			}
			return maildirFiles(t, filepath.Join(dir, "Mail"))
		}
		want := sync(dovecot.Addr, "anna", imapPassword)
		have := sync(address, "anna@"+hostname+"#latest", servePassword) // in quotes: "#" begins a comment
		sameFiles(t, have, want)
	})
	t.Run("OfflineIMAP", func(t *testing.T) {
		program := need.Program(t, "offlineimap", "apt-get install offlineimap3")
		want := offlineimap(t, program, dovecot.Addr, "bert", imapPassword)
		sameFiles(t, offlineimap(t, program, address, "bert@"+hostname, servePassword), want)
	})
}

// sameFiles compares the files that a program makes of two servers.
func sameFiles(t *testing.T, have, want map[string]int) {
	t.Helper()
	for file, n := range want {
		if have[file] != n {
			t.Errorf("%d of %.300s, want %d", have[file], file, n)
		}
	}
	if len(have) != len(want) || len(want) < 10 {
		t.Errorf("%d files, want %d", len(have), len(want))
	}
}

// mbsyncrc pulls an account into a directory. The user's name is quoted, because "#" begins a
// comment.
const mbsyncrc = `FSync no

IMAPAccount server
Host %s
Port %s
User "%s"
Pass "%s"
SSLType None
AuthMechs LOGIN

IMAPStore far
Account server

MaildirStore near
SubFolders Verbatim
Path %s/Mail/
Inbox %s/Mail/INBOX

Channel all
Far :far:
Near :near:
Patterns *
Create Near
Sync Pull
SyncState *
CopyArrivalDate yes
`

// maildirFiles returns the files of Maildirs in words, and how many there are of each: mailbox,
// UID, flags, time and text without the header field X-TUID, which mbsync adds.
func maildirFiles(t *testing.T, root string) map[string]int {
	files := make(map[string]int)
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var lines []string
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "X-TUID: ") {
				lines = append(lines, line)
			}
		}
		mailbox, _ := filepath.Rel(root, filepath.Dir(path))
		name, flags, _ := strings.Cut(d.Name(), ":")
		_, uid, _ := strings.Cut(name, ",U=")
		uid, _, _ = strings.Cut(uid, ",")
		date := info.ModTime().UTC().String()
		if time.Since(info.ModTime()) < time.Hour {
			date = "now" // mbsync cannot set the first second of 1970
		}
		files[fmt.Sprintf("%s %s %s %s %q", mailbox, uid, flags, date, strings.Join(lines, ""))]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Without a certificate, serve listens on the loopback alone; with one, connections are TLS. A
// writer's key serves nothing.
func TestServeIsClosed(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.set("MAILSTRATA_REPO", filepath.Join(h.home, "repository"))
	h.seal()
	for _, args := range [][]string{
		{"--imap", "0.0.0.0:0"}, {"--imap", "[::]:0"}, {"--imap", ":0"}, {"--imap", "none", "--web", "0.0.0.0:0"},
		{"--imap", "none", "--web", "none"}, {"--tls-cert", "cert.pem"}, {"--tls-key", "key.pem"},
	} {
		h.must(2, append([]string{"serve"}, args...)...)
	}
	stopped := h.must(0, "serve", "--imap", "127.0.0.1:0", "--web", "127.0.0.1:0", "--stop-after", "300ms")
	if !strings.Contains(stopped.stderr, "nothing was opened for 300ms") {
		t.Errorf("serve stops with %q", stopped.stderr)
	}
	h.must(1, "serve", "--imap", "127.0.0.1:0", "--web", "127.0.0.1:0", "--tls-cert", "missing.pem", "--tls-key", "missing.pem")
	certificate, key := selfSigned(t, h.home)
	address := h.serve("--imap", "0.0.0.0:0", "--tls-cert", certificate, "--tls-key", key)
	_, port, _ := net.SplitHostPort(address)
	trusted, err := os.ReadFile(certificate)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	conn, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{RootCAs: roots, ServerName: "mail.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if line, err := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(line, "* OK [CAPABILITY IMAP4rev1 ") {
		t.Errorf("over TLS the server says %q, %v", line, err)
	}

	h.must(0, "key", "add", "--role", "writer", "--new-key-file", "writer.key")
	h.set("MAILSTRATA_KEY_FILE", filepath.Join(h.home, "writer.key"))
	h.must(1, "serve", "--imap", "127.0.0.1:0", "--web", "127.0.0.1:0")
}

// selfSigned makes a certificate for mail.example, and returns the paths of it and of its key.
func selfSigned(t *testing.T, dir string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"mail.example"}, NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: signed}, key: {Type: "PRIVATE KEY", Bytes: encoded}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}
