package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// confidential is in the erased message and nowhere else. It is found in compressed data too,
// because the test undoes zstd.
const confidential = "confidential-4711"

// erasures has two repositories in buckets, whose clock advances, and accounts on a Dovecot.
type erasures struct {
	t        *testing.T
	clock    *movedClock
	h, other *host
	buckets  [2]*bucket
	places   [2]string
	dovecot  *testbed.DovecotServer
}

func newErasures(t *testing.T) *erasures {
	e := &erasures{t: t, clock: newMovedClock(), h: newHost(t), other: newHost(t)}
	minio := testbed.MinIO(t)
	store := (&testbed.Gateway{Clock: e.clock.now}).Before(t, minio)
	for i, h := range []*host{e.h, e.other} {
		name := minio.NewBucket()
		h.use(store, name)
		h.must(0, "init", "--no-seal")
		e.buckets[i], e.places[i] = openBucket(t, minio, name), "s3:"+store.Endpoint+"/"+name
	}
	e.dovecot = startDovecot(t, testbed.DovecotOptions{})
	for _, user := range []string{"anna", "bert"} {
		e.dovecot.Deliver(user, "INBOX", plain(0, 60)...)
		e.dovecot.Deliver(user, "INBOX", testbed.Message{
			Body: "Message-ID: <secret@mail.example>\r\nSubject: " + confidential + "\r\n\r\n" + confidential + "\r\n", Date: time.Unix(1e9, 0),
		})
		e.dovecot.Deliver(user, "INBOX", plain(60, 90)...)
	}
	return e
}

// night archives an account, and copies in both directions.
func (e *erasures) night(user string) written {
	e.t.Helper()
	m := e.h.backUp(0, accountURL(user, e.dovecot.Addr))
	e.h.must(0, "copy", "--to", e.places[1])
	e.other.must(0, "copy", "--to", e.places[0])
	return m
}

// prune prunes a day later.
func (e *erasures) prune(h *host) {
	e.t.Helper()
	e.clock.skip(25 * time.Hour)
	h.must(0, "prune", "--max-unused", "unlimited")
}

// holds returns the names of objects of a repository, and of files of a host's cache, that contain
// the word.
func (e *erasures) holds(b *bucket, h *host) (names []string) {
	e.t.Helper()
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		e.t.Fatal(err)
	}
	defer decoder.Close()
	look := func(name string, stored []byte) {
		content, err := decoder.DecodeAll(stored, nil)
		if err != nil && !errors.Is(err, zstd.ErrMagicMismatch) && !strings.Contains(name, "/spill/") && strings.Contains(name, "data/") {
			e.t.Fatalf("%s: %v", name, err)
		}
		if bytes.Contains(content, []byte(confidential)) || bytes.Contains(stored, []byte(confidential)) {
			names = append(names, name)
		}
	}
	packs := 0
	for name := range b.objects("") {
		look(name, b.get(name))
		if strings.HasPrefix(name, "data/") {
			packs++
		}
	}
	if packs == 0 {
		e.t.Error("there are no packs")
	}
	err = filepath.WalkDir(h.home, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		stored, err := os.ReadFile(path)
		if err == nil {
			look(path, stored)
		}
		return err
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return names
}

func (e *erasures) gone(b *bucket, h *host) {
	e.t.Helper()
	if names := e.holds(b, h); len(names) > 0 {
		e.t.Errorf("what was erased is in %v", names)
	}
	h.must(0, "check", "--read-data")
}

// pause stops a process at a time when it has no lock that another mailstrata on its host waits
// for.
func pause(t *testing.T, p *os.Process) {
	t.Helper()
	for range 3000 {
		_ = p.Signal(syscall.SIGSTOP)
		for !stoppedOrEnded(p) {
			time.Sleep(time.Millisecond)
		}
		open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.Pid))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(open, func(fd string) bool {
			name, err := os.Readlink(fd)
			return err == nil && strings.HasSuffix(name, ".json.lock")
		}) {
			return
		}
		_ = p.Signal(syscall.SIGCONT)
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the process always has a lock")
}

// stoppedOrEnded reports whether the signal to stop has reached a process.
func stoppedOrEnded(p *os.Process) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid))
	return err != nil || bytes.Contains(stat, []byte(") T ")) || bytes.Contains(stat, []byte(") Z "))
}

// A message is erased from all nights of two accounts, while the server and a second copy still
// have it, and a backup is running. After two prunes no pack and no cache has it.
func TestEraseMessage(t *testing.T) {
	t.Parallel()
	e := newErasures(t)
	e.night("anna")
	e.night("bert")
	e.dovecot.Deliver("anna", "INBOX", plain(90, 95)...)
	e.night("anna")
	if len(e.holds(e.buckets[0], e.h)) == 0 {
		t.Fatal("what is to be erased is not found: the test shows nothing")
	}
	var plan struct {
		Manifests int
		Messages  []struct{ Hash string }
	}
	e.h.must(0, "erase", "--message", "<secret@mail.example>", "--dry-run", "--json").json(&plan)
	if plan.Manifests != 3 || len(plan.Messages) != 1 {
		t.Fatalf("the plan is %+v", plan)
	}

	e.dovecot.Deliver("carl", "INBOX", plain(0, 400)...)
	e.dovecot.Deliver("carl", "INBOX", testbed.Message{
		Body: "Message-ID: <secret@mail.example>\r\nSubject: " + confidential + "\r\n\r\n" + confidential + "\r\n", Date: time.Unix(1e9, 0),
	})
	late := e.h.command("backup", "--imap", accountURL("carl", e.dovecot.Addr))
	if err := late.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	pause(t, late.Process)
	e.h.must(0, "erase", "--message", "<secret@mail.example>", "--confirm", plan.Messages[0].Hash[:8])
	_ = late.Process.Signal(syscall.SIGCONT)
	if err := late.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("objects that have it after a backup that was under way: %v", e.holds(e.buckets[0], e.h))

	e.dovecot.Deliver("anna", "Work", testbed.Message{
		Body: "Message-ID: <secret@mail.example>\r\nSubject: " + confidential + "\r\n\r\n" + confidential + "\r\n", Date: time.Unix(1e9, 0),
	})
	if m := e.night("anna"); !m.Consistent || m.Failures+m.Warnings > 0 || m.Messages != 95 {
		t.Errorf("the night after: %+v", m)
	}
	if m := e.night("anna"); !m.Consistent || m.NewMessages > 0 {
		t.Errorf("the night after that: %+v", m)
	}
	for range 3 { // one more than erase says, for the backup that was under way
		e.prune(e.h)
		e.night("bert")
	}
	e.gone(e.buckets[0], e.h)
	e.h.must(0, "repair", "manifest", "anna@127.0.0.1@latest")
	if s := e.h.must(0, "find", "anna@127.0.0.1@latest", "--subject", confidential); strings.Contains(s.stdout, confidential) {
		t.Errorf("it is found: %s", s.stdout)
	}
	var list struct{ Messages int }
	e.h.must(0, "list", "--json", "bert@127.0.0.1").json(&list)
	if list.Messages != 90 {
		t.Errorf("bert's first night has %d messages, not 90", list.Messages)
	}

	e.other.must(0, "erase", "--message", "<secret@mail.example>", "--dry-run", "--json").json(&plan)
	e.other.must(0, "erase", "--message", "<secret@mail.example>", "--confirm", plan.Messages[0].Hash[:8])
	for range 2 {
		e.prune(e.other)
		e.h.must(0, "copy", "--to", e.places[1])
	}
	e.gone(e.buckets[1], e.other)
}

// An account of a person who left is erased. Another account's mail stays, and nothing brings the
// account back.
func TestEraseAccount(t *testing.T) {
	t.Parallel()
	e := newErasures(t)
	e.dovecot.Deliver("anna", "Private", testbed.Message{Body: "Subject: mine\r\n\r\n" + confidential + "-mine\r\n", Date: time.Unix(1e9, 0)})
	e.night("anna")
	e.night("bert")
	var hash struct{ Hash string }
	e.h.must(0, "find", "bert@127.0.0.1@latest", "--subject", confidential, "--json").json(&hash)
	if s := e.h.must(1, "erase", "anna@127.0.0.1"); !strings.Contains(s.stderr, "no terminal") {
		t.Errorf("without a terminal: %s", s.stderr)
	}
	var erased struct {
		Marked int `json:"marked_manifests"`
		Shared int `json:"shared_chunks"`
	}
	e.h.must(0, "erase", "anna@127.0.0.1", "--confirm", "anna@127.0.0.1", "--json").json(&erased)
	if erased.Marked != 1 || erased.Shared < 90 {
		t.Errorf("erase: %+v", erased)
	}
	if s := e.h.must(1, "backup", "--imap", accountURL("anna", e.dovecot.Addr)); !strings.Contains(s.stderr, "was erased from this repository") {
		t.Errorf("a backup of it: %s", s.stderr)
	}
	e.other.must(0, "copy", "--to", e.places[0])
	e.h.must(0, "erase", "--message", hash.Hash, "--confirm", hash.Hash[:8])
	for range 2 {
		e.prune(e.h)
		e.other.must(0, "copy", "--to", e.places[0])
	}
	e.gone(e.buckets[0], e.h)
	if s := e.h.must(0, "list", "--json"); strings.Contains(s.stdout, "anna@") {
		t.Errorf("the account is listed: %s", s.stdout)
	}
	e.h.must(0, "restore", "latest", "--to", "maildir:"+filepath.Join(e.h.home, "back"))
}
