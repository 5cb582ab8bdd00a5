package e2e_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A run is killed in each of its steps. After each kill nothing is damaged, and the next run of all
// steps is green: nothing that a killed run leaves needs a person. In the end every manifest of
// both repositories can be restored.
func TestRunKilledInEachStep(t *testing.T) {
	t.Parallel()
	k := newKills(t)
	r := newKilledRuns(k)
	r.whole()
	for _, step := range runSteps {
		k.come(20)
		r.kill(step)
		k.h.must(0, "check", "--read-data")
		r.whole()
		k.h.must(0, "check", "--read-data")
		k.other.must(0, "check", "--read-data")
	}
	k.allRestores()
	newest := k.h.backUp(0, k.url)
	if newest.Messages != k.came {
		t.Errorf("the newest night has %d messages of %d", newest.Messages, k.came)
	}
	t.Logf("killed, of times run: %v", k.killed)
}

var runSteps = []string{"backup", "copy", "check", "forget", "prune"}

// killedRuns are runs of all steps on the host of kills.
type killedRuns struct {
	*kills
	configured []string
	took       map[string]time.Duration // of a step
}

func newKilledRuns(k *kills) *killedRuns {
	lines := []string{
		"[[repositories]]", "name = 'own'", "place = '" + k.first + "'", "key_file = '" + k.h.home + "/key'", "copy_to = 'second'",
		"[[repositories]]", "name = 'second'", "place = '" + k.second + "'", "key_file = '" + k.other.home + "/key'",
		"[[accounts]]", "name = 'anna'", "url = '" + k.url + "'", "secret_env = 'MAILSTRATA_IMAP_PASSWORD'", "repository = 'own'",
		"[run]", "check = '1d'", "prune = '1d'", "repositories = ['own']", "[retention]", "keep_last = 2",
	}
	k.h.configure(lines...)
	return &killedRuns{k, lines, map[string]time.Duration{}}
}

// command is a run that has not begun. Its repositories and keys are those of the configuration.
func (r *killedRuns) command(flags ...string) *exec.Cmd {
	cmd := r.h.command(append([]string{"run"}, flags...)...)
	cmd.Env = slices.Concat(r.h.env, []string{"MAILSTRATA_REPO=", "MAILSTRATA_KEY_FILE="})
	return cmd
}

// start starts a run, and reports its steps as they begin. The channel ends with the run.
func (r *killedRuns) start() (begun <-chan string, kill func(), wait func() error) {
	r.t.Helper()
	r.clock.skip(25 * time.Hour)
	for _, done := range r.glob("pruned-*") { // so that prune is due
		if err := os.Remove(done); err != nil {
			r.t.Fatal(err)
		}
	}
	cmd := r.command()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	steps := make(chan string, 100)
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(steps)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if command, ok := strings.CutPrefix(lines.Text(), "$ mailstrata "); ok {
				step, _, _ := strings.Cut(command, " ")
				steps <- step
			}
		}
	}()
	wait = func() error {
		<-read
		return cmd.Wait()
	}
	return steps, func() { _ = cmd.Process.Kill() }, wait
}

// whole runs all steps, which must all be green.
func (r *killedRuns) whole() {
	r.t.Helper()
	begun, _, wait := r.start()
	var seen []string
	began := time.Now()
	for step := range begun {
		r.note(seen, began)
		seen, began = append(seen, step), time.Now()
	}
	r.note(seen, began)
	if err := wait(); err != nil || !slices.Equal(seen, runSteps) {
		r.t.Errorf("after a kill, a run of %v ends with %v", seen, err)
	}
}

// note remembers how long the last step took.
func (r *killedRuns) note(seen []string, began time.Time) {
	if len(seen) > 0 {
		r.took[seen[len(seen)-1]] = time.Since(began)
	}
}

// kill kills a run at some moment of a step.
func (r *killedRuns) kill(step string) {
	r.t.Helper()
	begun, kill, wait := r.start()
	found := false
	for at := range begun {
		if at == step {
			found = true
			time.Sleep(time.Duration(r.random.Int64N(int64(r.took[step]) + 1)))
			kill()
		}
	}
	count := r.killed[step]
	if count[1]++; wait() != nil {
		count[0]++
	}
	r.killed[step] = count
	if !found {
		r.t.Errorf("a run has no step %s", step)
	}
}

// glob returns the files of the state of the host.
func (r *killedRuns) glob(pattern string) []string {
	var found []string
	for _, dir := range []string{".local/state", "state"} {
		at, err := filepath.Glob(filepath.Join(r.h.home, dir, "mailstrata", pattern))
		if err != nil {
			r.t.Fatal(err)
		}
		found = append(found, at...)
	}
	return found
}

// Two runs on one host at once: the second says that it waits, and both are green. So are two on
// two hosts, which do not know of each other.
func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	k := newKills(t)
	r := newKilledRuns(k)
	r.whole()
	k.come(50)
	begun, _, wait := r.start()
	<-begun
	second := r.command("--quiet")
	said, err := second.CombinedOutput()
	if want := "waiting for another mailstrata run of this host"; err != nil || !strings.Contains(string(said), want) {
		t.Errorf("the second ends with %v, and says %s; want %q", err, said, want)
	}
	for range begun {
	}
	if err := wait(); err != nil {
		t.Errorf("the first ends with %v", err)
	}

	k.come(50)
	elsewhere := &killedRuns{&kills{t: t, clock: k.clock, h: sameKey(t, k.h)}, nil, nil}
	elsewhere.h.configure(r.configured...)
	one, _, waitOne := r.start()
	other, _, waitOther := elsewhere.start()
	for range one {
	}
	for range other {
	}
	for _, wait := range []func() error{waitOne, waitOther} {
		if err := wait(); err != nil {
			t.Errorf("one of two hosts ends with %v", err)
		}
	}
	k.h.must(0, "check", "--read-data")
	k.other.must(0, "check", "--read-data")
	if newest := k.h.backUp(0, k.url); newest.Messages != k.came {
		t.Errorf("the newest night has %d messages of %d", newest.Messages, k.came)
	}
	k.allRestores()
}
