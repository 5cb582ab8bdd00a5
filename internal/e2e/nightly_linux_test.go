package e2e_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// BenchmarkNightly measures what a night costs: of an account in which nothing changed, and of one
// with 100 messages more, 100 less and 100 with other flags. An account of 2,000 messages is
// compared with one of 200,000, in 40 mailboxes each:
//
//	go test ./internal/e2e -run '^$' -bench Nightly -benchtime 1x -timeout 1h
func BenchmarkNightly(b *testing.B) {
	for _, messages := range []int{2_000, 200_000} {
		b.Run(fmt.Sprint(messages), func(b *testing.B) { nightly(b, messages) })
	}
}

func nightly(b *testing.B, messages int) {
	dovecot := startDovecot(b, testbed.DovecotOptions{})
	f, g := place(b, dovecot, "anna"), generate.New(200)
	for i := range messages {
		f.put(numbered(i%40), g.Note())
	}
	f.done()
	n := &night{b: b, dovecot: dovecot, mail: g, host: newHost(b)}
	n.imap = startProxy(b, dovecot.Addr, nil)
	minio := testbed.MinIO(b)
	n.store = startProxy(b, strings.TrimPrefix(minio.Endpoint, "http://"), nil)
	name := minio.NewBucket()
	n.host.use(testbed.S3{Endpoint: "http://" + n.store.addr, AccessKey: minio.AccessKey, SecretKey: minio.SecretKey}, name)
	n.host.seal()
	n.bucket = openBucket(b, minio, name)
	for b.Loop() {
		n.cost("first")
		n.cost("unchanged") // Dovecot has its indexes now
		n.cost("unchanged")
		n.change(0)
		n.cost("changed") // and fetches the index
		n.change(40)
		n.cost("changed")
		n.cost("unchanged")
	}
}

// numbered is the name of a mailbox.
func numbered(i int) string {
	if i == 0 {
		return "INBOX"
	}
	return fmt.Sprintf("lists/number %02d", i)
}

// night is an account, a repository, and the proxies between them that count.
type night struct {
	b           *testing.B
	dovecot     *testbed.DovecotServer
	mail        *generate.Generator
	host        *host
	imap, store *proxy
	bucket      *bucket
}

// change appends, removes and flags 100 messages each, spread over the mailboxes, from a UID on.
func (n *night) change(from int) {
	w := login(n.b, n.dovecot.Addr, "anna", imapPassword)
	defer w.conn.Close()
	for i := range 40 {
		w.do("SELECT "+quoted(numbered(i)), nil)
		for j := range 3 {
			if 3*i+j >= 100 {
				return
			}
			w.do(fmt.Sprintf(`UID STORE %d +FLAGS.SILENT (\Deleted)`, from+5+2*j), nil)
			w.do(fmt.Sprintf(`UID EXPUNGE %d`, from+5+2*j), nil)
			w.do(fmt.Sprintf(`UID STORE %d FLAGS.SILENT (\Answered work)`, from+20+j), nil)
			text := n.mail.Note().Body
			w.do(fmt.Sprintf("APPEND %s {%d+}\r\n%s", quoted(numbered(i)), len(text), text), nil)
		}
	}
}

// cost runs a backup and returns what it took.
func (n *night) cost(kind string) {
	before := n.bucket.objects("")
	n.imap.reset()
	n.store.reset()
	cmd := n.host.command("backup", "--imap", accountURL("anna", n.imap.addr))
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		n.b.Fatalf("%v\n%s", err, out)
	}
	wall := time.Since(began)
	sent, received, commands := n.imap.traffic("\r\n")
	put, got, requests := n.store.traffic(" HTTP/1.1\r\n")
	var objects, bytes int64
	for name, size := range n.bucket.objects("") {
		if _, old := before[name]; !old {
			objects++
			bytes += size
		}
	}
	state := cmd.ProcessState
	n.b.Logf("%-9s %6d ms, CPU %5d ms, %4d MiB; server: %4d commands, %7d bytes there, %9d back; store: %3d requests, %8d bytes there, %7d back; %2d objects, %8d bytes",
		kind, wall.Milliseconds(), (state.UserTime() + state.SystemTime()).Milliseconds(), state.SysUsage().(*syscall.Rusage).Maxrss/1024,
		commands, sent, received, requests, put, got, objects, bytes)
	n.b.ReportMetric(wall.Seconds()*1000, "ms/"+kind)
	n.b.ReportMetric(float64(received+got+put+sent), "bytes/"+kind)
}
