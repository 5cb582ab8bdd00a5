package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/demo"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// Hosts that do not know of each other back up, forget and prune one repository at random, on a
// store where each request takes seconds. Some are killed, some are stopped for a while. Days pass,
// so that what was condemned is deleted while others write. After each day nothing is damaged, and
// in the end every listed manifest can be restored completely. What is gone raises no alarm, for
// the manifests before an alarm are kept. MAILSTRATA_LONG=10m sets how long the test runs.
func TestProcessesAtRandom(t *testing.T) {
	t.Parallel()
	days, commands, until := 6, 8, time.Time{}
	if long, err := time.ParseDuration(os.Getenv("MAILSTRATA_LONG")); err == nil {
		until, commands = time.Now().Add(long), 32
	}
	s := newStorm(t, 11)
	for day := 0; day < days || time.Now().Before(until); day++ {
		s.waste(day)
		s.day(commands)
		s.quiet(day, day%8 == 5)
		s.clock.skip(16*time.Hour + time.Duration(s.random.Int64N(int64(24*time.Hour))))
		if t.Failed() {
			break
		}
	}
	if s.deleted() == 0 {
		t.Error("nothing was ever deleted: this shows nothing")
	}
	t.Logf("%d processes, of which %d were killed, %d stopped, %d ended by themselves with nothing done; %d manifests restored; in %d days %d packs were deleted; statuses %v",
		s.started, s.killed, s.stopped, s.failed, s.restored, int(s.clock.now().Sub(s.began).Hours()/24), s.deleted(), s.ends)
}

// storm is a repository, and hosts that use it.
type storm struct {
	t      *testing.T
	random *rand.Rand
	clock  *movedClock
	began  time.Time
	hosts  []*host
	mail   *demo.Server
	bucket *bucket
	packs  map[string]bool // all that were ever seen

	mu                                         sync.Mutex
	started, killed, stopped, failed, restored int
	ends                                       map[string]int
}

// stormAccounts are the archived accounts, each with groups of messages that arrive and disappear.
var stormAccounts = []string{"anna", "bert"}

func newStorm(t *testing.T, seed uint64) *storm {
	clock := newStandingClock()
	minio := testbed.MinIO(t)
	gateway := &testbed.Gateway{Clock: clock.now, Spoil: func(testbed.Request) testbed.Spoil {
		clock.skip(3 * time.Second)
		return testbed.Pass
	}}
	store, name := gateway.Before(t, minio), minio.NewBucket()
	server, err := demo.Start(demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	s := &storm{t: t, random: rand.New(rand.NewPCG(seed, 5)), clock: clock, began: clock.now(), mail: server, packs: map[string]bool{}, ends: map[string]int{}}
	for i := range 3 {
		h := newHost(t)
		h.use(store, name)
		if i == 0 {
			h.seal()
		} else {
			h.set("MAILSTRATA_KEY_FILE", s.hosts[0].home+"/key")
		}
		s.hosts = append(s.hosts, h)
	}
	s.bucket = openBucket(t, minio, name)
	for _, user := range stormAccounts {
		if _, err := server.AddAccount(user, imapPassword); err != nil {
			t.Fatal(err)
		}
		s.hosts[0].backUp(0, server.URL(user))
	}
	return s
}

// waste archives mail that is gone before the others begin. So each day leaves something to forget
// and to delete, whatever the speed of the machine is.
func (s *storm) waste(day int) {
	for _, user := range stormAccounts {
		a, name := s.mail.Account(user), fmt.Sprintf("day %d", day)
		err := a.Create(name)
		for i := range 5 {
			text := strings.Repeat(fmt.Sprintf("line of message %d to %s\r\n", i, user), 40)
			err = errors.Join(err, a.Append(name, demo.Message{Body: fmt.Appendf(nil, "Subject: %s/%d\r\n\r\n%s", name, i, text), Internal: time.Unix(1e9, 0)}))
		}
		s.hosts[0].backUp(0, s.mail.URL(user), "--shrink-limit", "off")
		if err = errors.Join(err, a.Lose(name)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// day lets each host run some commands, while mail comes and goes.
func (s *storm) day(commands int) {
	stop := make(chan struct{})
	var hosts, mail sync.WaitGroup
	for i, h := range s.hosts {
		random := rand.New(rand.NewPCG(s.random.Uint64(), uint64(i)))
		hosts.Go(func() {
			for range commands {
				s.act(h, random)
			}
		})
	}
	random := rand.New(rand.NewPCG(s.random.Uint64(), 99))
	mail.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(random.Int64N(int64(300 * time.Millisecond)))):
				s.comeOrGo(random)
			}
		}
	})
	hosts.Wait()
	close(stop)
	mail.Wait()
}

// comeOrGo adds a group of messages to an account, or removes it: always the same ones.
func (s *storm) comeOrGo(random *rand.Rand) {
	a, group := s.mail.Account(stormAccounts[random.IntN(len(stormAccounts))]), random.IntN(6)
	mailbox := fmt.Sprintf("group %d", group)
	if a.Create(mailbox) != nil {
		_ = a.Lose(mailbox)
		return
	}
	for i := range 5 {
		text := strings.Repeat(fmt.Sprintf("line of message %d of group %d\r\n", i, group), 20*(group+1))
		if err := a.Append(mailbox, demo.Message{Body: fmt.Appendf(nil, "Subject: %d/%d\r\n\r\n%s", group, i, text), Internal: time.Unix(1e9+int64(i), 0)}); err != nil {
			return // it has just left again
		}
	}
}

// act runs one command on a host, and may kill or stop it.
func (s *storm) act(h *host, random *rand.Rand) {
	var args []string
	switch random.IntN(6) {
	case 0:
		args = []string{"forget", "--yes", "--keep-last", "2", "--shrink-limit", "off"}
	case 1, 2:
		args = []string{"prune", "--max-unused", "0%"}
	default:
		args = []string{"backup", "--shrink-limit", "off", "--imap", s.mail.URL(stormAccounts[random.IntN(len(stormAccounts))])}
	}
	var printed bytes.Buffer
	cmd := h.command(args...)
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Start(); err != nil {
		s.t.Error(err)
		return
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	fate, after := random.IntN(6), time.Duration(random.Int64N(int64(500*time.Millisecond)))
	killed := false
	if fate < 2 {
		select {
		case <-ended:
		case <-time.After(after):
			if killed = fate == 0; killed {
				_ = cmd.Process.Kill()
			} else {
				_ = cmd.Process.Signal(syscall.SIGSTOP)
				time.Sleep(after)
				_ = cmd.Process.Signal(syscall.SIGCONT)
			}
		}
	}
	<-ended
	s.note(args[0], cmd.ProcessState.ExitCode(), printed.String(), killed, fate == 1)
}

// harmless matches the errors with which a process may end.
var harmless = regexp.MustCompile(`12 hours|came too late|took too long|deadline|clock|nothing to|try again|is gone|was removed meanwhile|changed meanwhile`)

func (s *storm) note(verb string, status int, printed string, killed, stopped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started++
	if stopped {
		s.stopped++
	}
	if killed {
		s.killed++
		return
	}
	s.ends[fmt.Sprint(verb, " ", status)]++
	if strings.Contains(printed, "panic:") {
		s.t.Errorf("%s:\n%s", verb, printed)
	}
	if status == 0 || status == 4 {
		return
	}
	if s.failed++; !harmless.MatchString(printed) {
		s.t.Errorf("%s ends with %d:\n%s", verb, status, printed)
	}
}

// quiet checks the repository while no process uses it, from a host without a cache.
func (s *storm) quiet(day int, restore bool) {
	h := sameKey(s.t, s.hosts[0])
	if e := h.run("check", "--read-data", "--json"); e.status != 0 {
		s.t.Errorf("day %d: %s ends with %d:\n%s%s", day, e.call, e.status, e.stdout, e.stderr)
	}
	for name := range s.bucket.objects("data/") {
		s.packs[name] = true
	}
	if !restore {
		return
	}
	for line := range strings.Lines(h.must(0, "list", "--json").stdout) {
		var m written
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			s.t.Fatal(err)
		}
		out := filepath.Join(s.t.TempDir(), "out")
		e := h.run("restore", "--json", m.ID, "--to", "maildir:"+out, "--with-deleted")
		var r restored
		if e.json(&r); e.status != 0 || r.Added != m.Messages {
			s.t.Errorf("day %d: of manifest %s with %d messages %d are restored; %s ends with %d: %s", day, m.ID, m.Messages, r.Added, e.call, e.status, e.stderr)
		}
		s.restored++
	}
}

// deleted returns how many packs of mail were seen once, and are gone.
func (s *storm) deleted() int {
	return len(s.packs) - len(s.bucket.objects("data/"))
}
