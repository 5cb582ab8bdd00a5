package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/repo"
)

// progress tells how far a command has come: in one changing line on a terminal, elsewhere only with -v, in a plain line now
// and then, and not at all with -q. It is safe for concurrent use.
type progress struct {
	console *console
	verb    string // "read", "written"

	mu    sync.Mutex
	parts map[string]tally // by what is worked on at the same time: accounts
	step  string           // of several, one after the other
	next  time.Time        // when to tell again
	moved time.Time        // when the first of it was done: a server may take its time to begin
}

// tally is how much is done.
type tally struct {
	messages, bytes, total int64 // total: messages; 0 where not known
	byID                   int64 // of the messages, those that need not be read
	mailboxes              int64 // done
	allMailboxes           int64 // 0 where not known
}

const (
	liveEvery  = 100 * time.Millisecond
	plainEvery = 30 * time.Second
)

func (p *program) progress(verb string) *progress {
	now := time.Now()
	first := now
	if !p.console.live {
		first = now.Add(plainEvery)
	}
	return &progress{console: p.console, verb: verb, parts: make(map[string]tally), next: first}
}

// begin says what is done before there is anything to count.
func (p *progress) begin(what string) {
	if p.console.live && !p.console.quiet {
		p.console.status(what + " …")
	}
}

// update takes the news of one part.
func (p *progress) update(part string, t tally) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parts[part] = t
	now := time.Now()
	if p.moved.IsZero() {
		if t.messages == 0 && p.console.live {
			return // begin has said what there is to say
		}
		p.moved = now
	}
	if !p.due(now) {
		return
	}
	var sum tally
	for _, t := range p.parts {
		sum.messages += t.messages
		sum.bytes += t.bytes
		sum.byID += t.byID
		sum.mailboxes += t.mailboxes
		sum.allMailboxes += t.allMailboxes
		sum.total += max(t.total, t.messages)
	}
	p.show(now, describe(p.verb, sum, now.Sub(p.moved)))
}

// at takes the news of what is done step by step.
func (p *progress) at(s repo.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if s.Step != p.step {
		p.step, p.moved = s.Step, now
	}
	if p.due(now) {
		p.show(now, describeStep(s, now.Sub(p.moved)))
	}
}

// due reports whether it is to be told again how far the command is.
func (p *progress) due(now time.Time) bool {
	return !p.console.quiet && (p.console.live || p.console.verbose) && !now.Before(p.next)
}

func (p *progress) show(now time.Time, line string) {
	if p.console.live {
		p.next = now.Add(liveEvery)
		if width := p.console.screen.width; width > 0 {
			line = cut(line, width-1) // a line that wraps could not be taken back
		}
		p.console.status(line)
	} else {
		p.next = now.Add(plainEvery)
		p.console.line(levelInfo, line)
	}
}

// done takes the changing line away.
func (p *progress) done() { p.console.clear() }

// describe is one line of progress: "1,234 of 5,678 messages read, 3 of 10 mailboxes, 12 MB, 3.4 MB/s, 2 min left".
func describe(verb string, t tally, elapsed time.Duration) string {
	messages := plural(t.messages, "message")
	if t.total > t.messages {
		messages = count(t.messages) + " of " + plural(t.total, "message")
	}
	words := []string{messages + " " + verb}
	if t.byID > 0 {
		words = append(words, count(t.byID)+" of them known")
	}
	if t.allMailboxes > 1 {
		words = append(words, count(t.mailboxes)+" of "+plural(t.allMailboxes, "mailbox"))
	}
	if t.bytes > 0 {
		words = append(words, size(t.bytes))
	}
	if elapsed < time.Second {
		return strings.Join(words, ", ") // too early to tell how fast it goes
	}
	if t.bytes > 0 {
		words = append(words, size(int64(float64(t.bytes)/elapsed.Seconds()))+"/s")
	}
	if left := rest(elapsed, t.messages, t.total); left > 0 {
		words = append(words, roughly(left)+" left")
	}
	return strings.Join(words, ", ")
}

// describeStep is one line of progress: "packs deleted: 12 of 40, 120 MB of 400 MB, 40 MB/s, 7 s left".
func describeStep(s repo.Progress, elapsed time.Duration) string {
	words := []string{s.Step + ": " + count(s.Done)}
	if s.Of > 0 {
		words[0] += " of " + count(s.Of)
	}
	if s.AllBytes > 0 {
		words = append(words, size(s.Bytes)+" of "+size(s.AllBytes))
	}
	if elapsed < time.Second {
		return strings.Join(words, ", ") // too early to tell how fast it goes
	}
	if s.Bytes > 0 {
		words = append(words, size(int64(float64(s.Bytes)/elapsed.Seconds()))+"/s")
	}
	// Some steps wait for bytes, others for answers: the slower of the two says when it is done.
	if left := max(rest(elapsed, s.Done, s.Of), rest(elapsed, s.Bytes, s.AllBytes)); left > 0 {
		words = append(words, roughly(left)+" left")
	}
	return strings.Join(words, ", ")
}

// rest is how long the rest takes, if it goes on like that; 0: that cannot be told.
func rest(elapsed time.Duration, done, of int64) time.Duration {
	if done <= 0 || of <= done {
		return 0
	}
	return time.Duration(float64(elapsed) / float64(done) * float64(of-done))
}

// roughly is a time that nobody should take to the second.
func roughly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds())+1)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()+0.5))
	}
	return fmt.Sprintf("%d h", int(d.Hours()+0.5))
}
