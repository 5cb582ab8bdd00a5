package fulltext_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/fulltext"
	"github.com/mailstrata/mailstrata/fulltext/words"
)

// The tests in this file run the test binary again, as a process that updates an index and that can
// be killed.
const (
	updateDir   = "MAILSTRATA_TEST_INDEX"
	updateFirst = "MAILSTRATA_TEST_FIRST" // the number of the first batch
	updateLast  = "MAILSTRATA_TEST_LAST"  // the number after the last one
)

// perBatch is the number of messages in an update.
const perBatch = 30

// planted are what must not be on disk.
var planted = []string{"Zwetschgendatschi", "zwetschgendatschi", "hippopotamus", "datschi@hippopotamus", "CREATE TABLE", "substr(hash", "SQLite format"}

func TestMain(m *testing.M) {
	if dir := os.Getenv(updateDir); dir != "" {
		if err := updateForever(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// updateForever adds batches, and prints the number of each one that is committed.
func updateForever(dir string) error {
	ctx := context.Background()
	first, err := strconv.Atoi(os.Getenv(updateFirst))
	if err != nil {
		return err
	}
	last, err := strconv.Atoi(os.Getenv(updateLast))
	if err != nil {
		return err
	}
	x, err := fulltext.Open(dir, key)
	if err != nil {
		return err
	}
	defer x.Close()
	for batch := first; batch < last; batch++ {
		err := x.Update(ctx, func(u *fulltext.Update) error {
			for n := range perBatch {
				if err := u.Add(ctx, batchMessage(batch, n)); err != nil {
					return err
				}
			}
			return u.Put(ctx, []byte(fmt.Sprintf("batch %06d", batch)), []byte("Zwetschgendatschi"))
		})
		if err != nil {
			return err
		}
		fmt.Println(batch)
	}
	return nil
}

// batchMessage returns message n of a batch. All have the words of the batch, and text of some
// length.
func batchMessage(batch, n int) fulltext.Message {
	r := rand.New(rand.NewPCG(uint64(batch), uint64(n)))
	var body strings.Builder
	fmt.Fprintf(&body, "Zwetschgendatschi batch%d ", batch)
	for range 300 {
		fmt.Fprintf(&body, "w%d hippopotamus ", r.IntN(5000))
	}
	return fulltext.Message{Hash: hash(batch*perBatch + n), Date: day(n), Data: []byte("zwetschgendatschi"), Fields: words.Fields{
		From: "datschi@hippopotamus.example", Body: []string{body.String()},
	}}
}

// updater is a process that updates an index.
type updater struct {
	*exec.Cmd
	out    *bufio.Scanner
	stderr bytes.Buffer
}

func startUpdater(t *testing.T, dir, temp string, first, last int) *updater {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	u := &updater{Cmd: exec.Command(exe)}
	u.Env = append(os.Environ(), updateDir+"="+dir, updateFirst+"="+strconv.Itoa(first), updateLast+"="+strconv.Itoa(last), "TMPDIR="+temp, "SQLITE_TMPDIR="+temp)
	u.Dir = temp
	u.Stderr = &u.stderr
	out, err := u.StdoutPipe()
	must(t, err)
	u.out = bufio.NewScanner(out)
	must(t, u.Start())
	return u
}

// findPlainText returns an error that names a file in directories with one of the planted words.
func findPlainText(dirs ...string) error {
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if os.IsNotExist(err) || err == nil && d.IsDir() {
				return nil // a file of the process, which went away
			}
			text, readErr := os.ReadFile(path)
			if err = errors.Join(err, readErr); err != nil && !os.IsNotExist(readErr) {
				return err
			}
			for _, word := range planted {
				if bytes.Contains(text, []byte(word)) {
					return fmt.Errorf("%s has %q in plain text", path, word)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// TestKilled kills a process that updates the index, again and again: some time after it began, and
// in every second round some time after its first batch, so that there are batches however slow the
// machine is. After each time, the index opens, and has every batch that the process reported, all
// of the one that it was at or nothing of it, and nothing else. At no time is a word in plain text
// on disk.
func TestKilled(t *testing.T) {
	rounds := 15
	if testing.Short() {
		rounds = 8
	}
	dir, temp := filepath.Join(t.TempDir(), "index"), t.TempDir()
	must(t, os.WriteFile(filepath.Join(temp, "planted"), []byte("a hippopotamus"), 0o600))
	if findPlainText(dir, temp) == nil {
		t.Fatal("a planted word was not found")
	}
	must(t, os.Remove(filepath.Join(temp, "planted")))
	r := rand.New(rand.NewPCG(4, 4))
	next, inBetween := 0, 0
	for round := range rounds {
		u := startUpdater(t, dir, temp, next, 1_000_000)
		kill := func() *time.Timer {
			return time.AfterFunc(time.Duration(50+r.IntN(400))*time.Millisecond, func() { _ = u.Process.Kill() })
		}
		var stop *time.Timer
		if round%2 == 0 {
			stop = kill()
		}
		watched := make(chan error)
		go func() {
			var err error
			for range 3 {
				err = errors.Join(err, findPlainText(dir, temp))
			}
			watched <- err
		}()
		reported := next - 1
		for u.out.Scan() {
			n, err := strconv.Atoi(u.out.Text())
			must(t, err)
			reported = n
			if stop == nil {
				stop = kill()
			}
		}
		must(t, <-watched)
		if err := u.Wait(); stop == nil || stop.Stop() || err == nil {
			t.Fatalf("the process ended: %v\n%s", err, &u.stderr)
		}
		must(t, findPlainText(dir, temp))
		x := open(t, dir)
		pairs, err := x.State(t.Context(), []byte("batch "))
		must(t, err)
		if has := len(pairs); has != reported+1 && has != reported+2 {
			t.Fatalf("%d batches after %d were reported", has, reported+1)
		} else if has == reported+2 {
			inBetween++
		}
		next = len(pairs)
		status, err := x.Status(t.Context())
		must(t, err)
		if status.Messages != int64(next*perBatch) {
			t.Fatalf("%d messages in %d batches", status.Messages, next)
		}
		if got := len(find(t, x, "zwetschgendatschi", fulltext.Bounds{})); got != next*perBatch {
			t.Fatalf("%d hits in %d batches of %d", got, next, perBatch)
		}
		for _, batch := range []int{0, next - 1, next} {
			want := perBatch
			if batch < 0 || batch == next {
				want = 0
			}
			if got := len(find(t, x, fmt.Sprintf("batch%d hippopotamus", batch), fulltext.Bounds{})); got != want {
				t.Fatalf("batch %d: %d hits, want %d", batch, got, want)
			}
		}
		must(t, x.Close())
	}
	t.Logf("%d batches, %d of them committed and not reported", next, inBetween)
	if next < rounds/2 {
		t.Errorf("%d batches in %d rounds show little", next, rounds)
	}
}

// TestTwoProcesses updates an index from two processes at once, and searches it meanwhile: each
// search sees whole batches.
func TestTwoProcesses(t *testing.T) {
	const each = 60
	dir, temp := filepath.Join(t.TempDir(), "index"), t.TempDir()
	x := open(t, dir)
	done := make(chan error, 2)
	for i := range 2 {
		u := startUpdater(t, dir, temp, i*each, (i+1)*each)
		go func() {
			for u.out.Scan() {
			}
			err := u.Wait()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, &u.stderr)
			}
			done <- err
		}()
	}
	searches, last := 0, 0
	for running := 2; running > 0; searches++ {
		select {
		case err := <-done:
			must(t, err)
			running--
		default:
		}
		if searches%50 == 0 {
			must(t, x.Close())
			x = open(t, dir)
		}
		r := rand.New(rand.NewPCG(uint64(searches), 5))
		if got := len(find(t, x, fmt.Sprintf("batch%d", r.IntN(2*each)), fulltext.Bounds{})); got%perBatch != 0 {
			t.Fatalf("a search finds %d messages of a batch of %d", got, perBatch)
		}
		status, err := x.Status(t.Context())
		must(t, err)
		if n := int(status.Messages); n%perBatch != 0 || n < last {
			t.Fatalf("%d messages after %d", n, last)
		} else {
			last = n
		}
	}
	if got, want := len(find(t, x, "hippopotamus", fulltext.Bounds{})), 2*each*perBatch; got != want {
		t.Errorf("%d messages, want %d", got, want)
	}
	t.Logf("%d searches", searches)
}

// TestDamagedBytes changes bytes of an index: what a search finds is right, or it says that the
// index is damaged.
func TestDamagedBytes(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	for batch := range 4 {
		var all []fulltext.Message
		for n := range perBatch {
			all = append(all, batchMessage(batch, n))
		}
		add(t, x, all...)
	}
	must(t, x.Close())
	queries := []string{"hippopotamus", "batch2", `"zwetschgendatschi batch1"`, "w1*", "-batch0", "from:datschi", "in:INBOX"}
	right := make(map[string]int)
	intact := open(t, dir)
	for _, query := range queries {
		right[query] = len(find(t, intact, query, fulltext.Bounds{}))
	}
	noticed, r := 0, rand.New(rand.NewPCG(6, 6))
	for range 300 {
		name := []string{"pages", "pages", "pages", "root"}[r.IntN(4)]
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		must(t, err)
		changed := bytes.Clone(text)
		switch r.IntN(3) {
		case 0:
			changed[r.IntN(len(text))] ^= 1 << r.IntN(8)
		case 1:
			changed = changed[:r.IntN(len(text))]
		default:
			at, from, n := r.IntN(len(text)), r.IntN(len(text)), 1+r.IntN(20_000)
			copy(changed[at:min(at+n, len(text))], text[from:])
		}
		must(t, os.WriteFile(path, changed, 0o600))
		if isNoticed(t, dir, queries, right) {
			noticed++
		}
		must(t, os.WriteFile(path, text, 0o600))
	}
	t.Logf("%d of 300 noticed", noticed)
	if noticed < 150 {
		t.Errorf("%d of 300 noticed", noticed)
	}
}

// isNoticed reports whether a search says that the index is damaged. It fails if one finds
// something else than right.
func isNoticed(t *testing.T, dir string, queries []string, right map[string]int) (noticed bool) {
	t.Helper()
	x, err := fulltext.Open(dir, key)
	if err != nil {
		wantDamage(t, err)
		return true
	}
	defer x.Close()
	for _, query := range queries {
		found := 0
		for _, err := range x.Search(t.Context(), parse(t, query), fulltext.Bounds{}) {
			if err != nil {
				wantDamage(t, err)
				noticed, found = true, -1
				break
			}
			found++
		}
		if found >= 0 && found != right[query] {
			t.Fatalf("%s finds %d, want %d, and no error", query, found, right[query])
		}
	}
	return noticed
}
