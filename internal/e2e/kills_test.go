package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/demo"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// Every command is killed at a random moment, again and again, with a repository in a bucket. After
// each kill nothing is damaged, and restores continue where they were killed, without duplicates.
// MAILSTRATA_LONG=10m sets how long the test runs.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	rounds, until := 2, time.Time{}
	if long, err := time.ParseDuration(os.Getenv("MAILSTRATA_LONG")); err == nil {
		until = time.Now().Add(long)
	}
	k := newKills(t)
	for round := 0; (round < rounds || time.Now().Before(until)) && !t.Failed(); round++ {
		k.backup()
		k.upset("forget", k.h, "forget", "--yes", "--keep-last", "3")
		k.clock.skip(25 * time.Hour)
		k.upset("prune", k.h, "prune", "--max-unused", "0%")
		k.h.must(0, "check", "--read-data")
		k.upset("copy", k.h, "copy", "--to", k.second, "--to-key-file", k.other.home+"/key")
		k.other.must(0, "check", "--read-data")
		k.restore("maildir", "maildir:"+filepath.Join(k.h.home, fmt.Sprint("back", k.backs["maildir"])))
		k.restore("imap", accountURL(fmt.Sprint("back", k.backs["imap"]), k.dovecot.Addr))
	}
	k.allRestores()
	t.Logf("killed, of times run: %v; targets completed: %v", k.killed, k.backs)
}

type kills struct {
	t       *testing.T
	random  *rand.Rand
	clock   *movedClock
	mail    *demo.Account
	url     string
	came    int // messages
	dovecot *testbed.DovecotServer
	h       *host   // of the repository
	other   *host   // of the one that is copied to
	first   string  // its place
	second  string  // that of the other
	pinned  written // what is restored

	took   map[string]time.Duration // a run that was not killed
	killed map[string][2]int        // kills, runs
	backs  map[string]int           // restores completed
}

func newKills(t *testing.T) *kills {
	k := &kills{t: t, random: rand.New(rand.NewPCG(21, 1)), clock: newMovedClock(),
		took: map[string]time.Duration{}, killed: map[string][2]int{}, backs: map[string]int{}}
	minio := testbed.MinIO(t)
	store := (&testbed.Gateway{Clock: k.clock.now}).Before(t, minio)
	k.h, k.other = newHost(t), newHost(t)
	bucket := minio.NewBucket()
	k.h.use(store, bucket)
	k.h.seal()
	name := minio.NewBucket()
	k.other.use(store, name)
	k.other.seal()
	k.first, k.second = "s3:"+store.Endpoint+"/"+bucket, "s3:"+store.Endpoint+"/"+name
	k.dovecot = startDovecot(t, testbed.DovecotOptions{})
	server, err := demo.Start(demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	if k.mail, err = server.AddAccount("anna", imapPassword); err != nil {
		t.Fatal(err)
	}
	k.url = server.URL("anna")
	k.come(120)
	began := time.Now()
	k.pinned = k.h.backUp(0, k.url)
	k.took["backup"] = time.Since(began)
	k.h.must(0, "pin", k.pinned.ID)
	return k
}

// come puts messages into the account.
func (k *kills) come(n int) {
	k.t.Helper()
	for range n {
		k.came++
		body := fmt.Appendf(nil, "Subject: %d\r\n\r\n", k.came)
		for range 10 + k.random.IntN(500) {
			body = fmt.Appendf(body, "%x\r\n", k.random.Uint64())
		}
		if err := k.mail.Append("INBOX", demo.Message{Body: body, Internal: time.Unix(1e9, 0)}); err != nil {
			k.t.Fatal(err)
		}
	}
}

// backup adds mail, backs up and is killed, and then backs up again, so that there is something to
// forget.
func (k *kills) backup() {
	k.t.Helper()
	mailbox := fmt.Sprint("passing ", k.random.IntN(3))
	if k.mail.Create(mailbox) != nil {
		_ = k.mail.Lose(mailbox)
	}
	k.come(20)
	k.upset("backup", k.h, "backup", "--imap", k.url)
	k.h.must(0, "check")
	k.h.backUp(0, k.url)
}

// upset runs a command and kills it at some moment. It reports whether the command ended before.
func (k *kills) upset(verb string, h *host, args ...string) (done bool) {
	k.t.Helper()
	took := k.took[verb]
	if took == 0 {
		took = 150 * time.Millisecond
	}
	cmd := h.command(args...)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	count := k.killed[verb]
	count[1]++
	select {
	case err := <-ended:
		if err != nil {
			k.t.Errorf("%s, which nobody killed, ends with %v", strings.Join(args, " "), err)
		}
		k.took[verb], done = time.Since(began), true
	case <-time.After(time.Duration(k.random.Int64N(int64(took) + 1))):
		_ = cmd.Process.Kill()
		<-ended
		count[0]++
		k.took[verb] = took + took/16 // so that it is not always killed early
	}
	k.killed[verb] = count
	return done
}

// restore continues a restore of the pinned manifest. When it is complete there, nothing is there
// twice.
func (k *kills) restore(kind, target string) {
	k.t.Helper()
	if !k.upset(kind, k.h, "restore", k.pinned.ID, "--to", target, "--with-deleted") && k.random.IntN(4) > 0 {
		return
	}
	r := k.h.restore(0, k.pinned.ID, target)
	n := 0
	if path, ok := strings.CutPrefix(target, "maildir:"); ok {
		n = len(dirEntries(k.t, filepath.Join(path, "cur")))
	} else {
		n = readAccount(k.t, k.dovecot.Addr, fmt.Sprint("back", k.backs[kind]), imapPassword).count()
	}
	if n != k.pinned.Messages || r.Added+r.Present != n {
		k.t.Errorf("after kills, %s has %d messages of %d; the restore reports %+v", target, n, k.pinned.Messages, r)
	}
	k.backs[kind]++
}

// allRestores restores every manifest of both repositories.
func (k *kills) allRestores() {
	for _, h := range []*host{k.h, k.other} {
		h := sameKey(k.t, h)
		for line := range strings.Lines(h.must(0, "list", "--json").stdout) {
			var m written
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				k.t.Fatal(err)
			}
			if r := h.restore(0, m.ID, "maildir:"+filepath.Join(k.t.TempDir(), "out")); r.Added != m.Messages {
				k.t.Errorf("of manifest %s with %d messages %d are restored", m.ID, m.Messages, r.Added)
			}
		}
	}
}
