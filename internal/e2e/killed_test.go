package e2e_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// A first backup over a slow line is killed at several moments. Each run continues where the one
// before was killed: it downloads again only what arrived in its first seconds, and what was in
// transit and in buffers. At the end nothing is missing, and nothing is there twice.
func TestBackupKilled(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*host){
		"sealed":   func(h *host) { h.set("MAILSTRATA_REPO", h.home+"/repository"); h.seal() },
		"unsealed": func(h *host) { h.onDirectory() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			prepare(h)
			backupKilled(t, h)
		})
	}
}

func backupKilled(t *testing.T, h *host) {
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	f := place(t, dovecot, "anna")
	f.put("INBOX", generate.New(90).Messages(500)...)
	f.put("Sent", generate.New(91).Messages(200)...)
	f.done()
	want := readAccount(t, dovecot.Addr, "anna", imapPassword)
	var bytes, largest int64
	for _, b := range want {
		for _, l := range b.letters {
			bytes, largest = bytes+l.size, max(largest, l.size)
		}
	}

	const connections = 2
	line := slowLine{early: 64 << 10, host: h, resumes: make(chan struct{})}
	defer line.release()
	p := startProxy(t, dovecot.Addr, line.watch)
	account := accountURL("anna", p.addr)
	random := rand.New(rand.NewPCG(1, 2))
	kills := 0
	for ; kills < 2; kills++ {
		cmd := h.command("backup", "--imap", account, "--connections", "2")
		line.next(bytes/4+random.Int64N(bytes/8), true)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-line.reached:
			h.awaitRest(t)
			_ = cmd.Process.Kill()
			<-ended
			line.release()
			p.settle() // or what the server still sends would count as the next run's
		case err := <-ended:
			t.Fatalf("run %d ends (%v) before it is killed", kills, err)
		}
	}
	line.next(1<<60, false)
	m := h.backUp(0, account, "--connections", "2")
	if m.Messages != want.count() || !m.Consistent {
		t.Errorf("after %d kills, of %d messages, the manifest reports %+v", kills, want.count(), m)
	}
	// What arrived before the pause. For each connection: the messages in transit then, and at the
	// end, buffers of the recovery log, and the content of the line. And the answers beside the
	// messages: a few lines for each, in each run.
	_, received, _ := p.traffic("")
	lost := int64(kills)*(line.early+connections*(2*largest+96<<10+64<<10)) + int64(kills+1)*int64(want.count())*300
	t.Logf("%d bytes of mail; %d were downloaded in %d runs, each of which might lose %d", bytes, received, kills+1, lost/int64(kills))
	if received > bytes+lost {
		t.Errorf("%d bytes were downloaded for %d bytes of mail", received, bytes)
	}
	restoredSame(t, h, dovecot, want)
	h.must(0, "check", "--read-data")
}

// spillsBy is when a run keeps in its recovery log what begins to arrive, after it has made the
// directory of the log.
const spillsBy = 5500 * time.Millisecond

// recoveryLogs returns how many bytes are in the recovery logs of a host, and when the newest log
// was made.
func (h *host) recoveryLogs() (bytes int64, made time.Time) {
	files, _ := filepath.Glob(filepath.Join(h.home, ".cache", "mailstrata", "*", "spill", "*", "*", "*"))
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			continue // it has just been removed
		}
		bytes += info.Size()
		if filepath.Base(path) == "lock" && info.ModTime().After(made) {
			made = info.ModTime()
		}
	}
	return bytes, made
}

// awaitRest waits until the run has read all that arrived, and its recovery log grows no more: on a
// busy machine, megabytes may wait to be read.
func (h *host) awaitRest(t *testing.T) {
	t.Helper()
	for last, quiet := int64(-1), 0; quiet < 4; time.Sleep(500 * time.Millisecond) {
		bytes, made := h.recoveryLogs()
		if made.IsZero() {
			t.Fatal("there is no recovery log")
		}
		if quiet++; bytes != last {
			last, quiet = bytes, 0
		}
	}
}

// slowLine makes a proxy slow. After a number of bytes it signals and stops until it is released.
// In a run it can stop once before, when messages are arriving, until the run keeps what arrives in
// its recovery log.
type slowLine struct {
	early int64
	host  *host

	mu      sync.Mutex
	last    int64
	start   time.Time
	began   int64
	until   int64
	pause   bool
	reached chan struct{}
	resumes chan struct{}
}

// next sets how many more bytes may arrive, in another run, and whether the line stops before.
func (s *slowLine) next(bytes int64, still bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began, s.until, s.pause, s.reached = s.last, s.last+bytes, still, make(chan struct{})
	s.resumes, s.start = make(chan struct{}), time.Now()
}

// release lets more arrive after the line has stopped.
func (s *slowLine) release() {
	select {
	case <-s.resumes:
	default:
		close(s.resumes)
	}
}

// watch is for a proxy.
func (s *slowLine) watch(_, received int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last < s.until && received >= s.until {
		close(s.reached)
		<-s.resumes // nothing more comes until the run is killed
	}
	s.last = max(s.last, received)
	time.Sleep(2 * time.Millisecond)
	if s.pause && received-s.began >= s.early {
		s.pause = false
		for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			if _, made := s.host.recoveryLogs(); time.Since(made) > spillsBy && made.After(s.start) {
				break
			}
		}
	}
}
