package e2e_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// A first backup over a slow line is killed at several moments. Each run continues where the one before was killed:
// it downloads again only what arrived in its first seconds, and what was in transit and in buffers. At the end
// nothing is missing, and nothing is there twice.
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
	line := slowLine{early: 64 << 10}
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
			time.Sleep(readsBy)
			_ = cmd.Process.Kill()
			<-ended
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
	// What arrived before the pause. For each connection: the messages in transit then, and at the end, buffers of
	// the recovery log, and the content of the line. And the answers beside the messages: a few lines for each, in
	// each run.
	_, received, _ := p.traffic("")
	lost := int64(kills)*(line.early+connections*(2*largest+96<<10+64<<10)) + int64(kills+1)*int64(want.count())*300
	t.Logf("%d bytes of mail; %d were downloaded in %d runs, each of which might lose %d", bytes, received, kills+1, lost/int64(kills))
	if received > bytes+lost {
		t.Errorf("%d bytes were downloaded for %d bytes of mail", received, bytes)
	}
	restoredSame(t, h, dovecot, want)
	h.must(0, "check", "--read-data")
}

// spillsBy is when a run has certainly begun its recovery log, after the login.
const spillsBy = 5500 * time.Millisecond

// readsBy is when a run has read what arrived: on a busy machine, megabytes may wait to be read.
const readsBy = 2 * time.Second

// slowLine makes a proxy slow. After a number of bytes it signals and stops. In a run it can stop once before, when
// messages are arriving, until the run has begun its recovery log.
type slowLine struct {
	early int64

	mu      sync.Mutex
	last    int64
	began   int64
	until   int64
	pause   bool
	reached chan struct{}
}

// next sets how many more bytes may arrive, in another run, and whether the line stops before.
func (s *slowLine) next(bytes int64, still bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began, s.until, s.pause, s.reached = s.last, s.last+bytes, still, make(chan struct{})
}

// watch is for a proxy.
func (s *slowLine) watch(_, received int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last < s.until && received >= s.until {
		close(s.reached)
		defer time.Sleep(readsBy + time.Second) // and nothing more comes until it is killed
	}
	s.last = max(s.last, received)
	time.Sleep(2 * time.Millisecond)
	if s.pause && received-s.began >= s.early {
		s.pause = false
		time.Sleep(spillsBy)
	}
}
