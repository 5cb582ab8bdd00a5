package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// imaplibScript prints all mailboxes and messages of an account, one a line, for each line that it
// reads.
const imaplibScript = `
import hashlib, imaplib, re, sys
imaplib._MAXLINE = 10**8
def text(line):
    if isinstance(line, tuple):
        line = line[0].rsplit(b'{', 1)[0] + b'"' + line[1].replace(b'\\', b'\\\\').replace(b'"', b'\\"') + b'"'
    return line
def show(host, port, user, password):
    m = imaplib.IMAP4(host, int(port))
    m.login(user, password)
    for line in m.list('""', '*')[1]:
        if not line: continue
        attributes, name = re.match(rb'\((.*?)\) "." (.*)$', text(line)).groups()
        if b'\\Noselect' in attributes: continue
        if not name.startswith(b'"'): name = b'"' + name + b'"'
        status, count = m.select(name, readonly=True)
        if status != 'OK': continue
        print(name, count, m.response('UIDVALIDITY')[1], m.response('UIDNEXT')[1])
        if count != [b'0']: messages(m, name)
    m.logout()
def messages(m, name):
    items, message = b'', None
    def flush():
        if message is None: return
        flags = sorted(set(re.search(rb'FLAGS \((.*?)\)', items).group(1).split()) - {b'\\Recent'})
        date = imaplib.Internaldate2tuple(items)
        print(name, re.search(rb'UID (\d+)', items).group(1), flags, date, len(message), hashlib.sha256(message).hexdigest())
    for part in m.uid('FETCH', '1:*', '(UID FLAGS INTERNALDATE BODY.PEEK[])')[1]:
        if isinstance(part, tuple):
            flush()
            items, message = part
        elif part: items += part
    flush()
for line in sys.stdin:
    show(*line.rstrip('\n').split('\t'))
    print('.', flush=True)
`

// imaplib reads accounts with Python's imaplib.
type imaplib struct {
	t  testing.TB
	in io.Writer
	r  *bufio.Reader
}

func startImaplib(t testing.TB) *imaplib {
	t.Helper()
	cmd := exec.Command(need.Program(t, "python3", "python3"), "-c", imaplibScript)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("imaplib: %v\n%s", err, stderr.String())
		}
	})
	return &imaplib{t, in, bufio.NewReader(out)}
}

// read returns the mailboxes and messages of an account, sorted.
func (p *imaplib) read(address, user, password string) string {
	p.t.Helper()
	host, port, _ := net.SplitHostPort(address)
	fmt.Fprintf(p.in, "%s\t%s\t%s\t%s\n", host, port, user, password)
	var lines []string
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			p.t.Fatalf("imaplib ends with %v", err)
		}
		if line == ".\n" {
			slices.Sort(lines)
			return strings.Join(lines, "")
		}
		lines = append(lines, line)
	}
}
