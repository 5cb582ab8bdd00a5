package ui

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Progress shows how far a command is: in a progress line on a terminal, elsewhere with -v in a
// plain line every 30 seconds, and not at all with -q. It is safe for concurrent use.
type Progress struct {
	console *console
	verb    string // "read", "written"

	mu    sync.Mutex
	parts map[string]Tally // by account: several run at the same time
	step  string           // of a command of several steps
	next  time.Time        // when to show it again
	moved time.Time        // when the first part was done: a server may be slow to begin
}

// Tally is how much is done.
type Tally struct {
	Messages, Bytes, Total int64 // total: messages; 0 if not known
	ByID                   int64 // messages that were not downloaded
	Mailboxes              int64 // done
	AllMailboxes           int64 // 0 if not known
}

// StepState is how far one step of several has come.
type StepState struct {
	Step            string
	Done, Of        int64 // Of is 0 if it is not known
	Bytes, AllBytes int64
}

const (
	liveEvery  = 100 * time.Millisecond
	plainEvery = 30 * time.Second
)

// Progress begins to show the progress of what verb says in the past tense, such as "read".
func (o *Output) Progress(verb string) *Progress {
	now := time.Now()
	first := now
	if !o.console.live {
		first = now.Add(plainEvery)
	}
	return &Progress{console: o.console, verb: verb, parts: make(map[string]Tally), next: first}
}

// Begin shows what the command does before there is anything to count.
func (p *Progress) Begin(what string) {
	if p.console.live && !p.console.quiet {
		p.console.status(what + " …")
	}
}

// Update sets the tally of one part.
func (p *Progress) Update(part string, t Tally) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parts[part] = t
	now := time.Now()
	if p.moved.IsZero() {
		if t.Messages == 0 && p.console.live {
			return // Begin has shown what the command does
		}
		p.moved = now
	}
	if !p.due(now) {
		return
	}
	var sum Tally
	for _, t := range p.parts {
		sum.Messages += t.Messages
		sum.Bytes += t.Bytes
		sum.ByID += t.ByID
		sum.Mailboxes += t.Mailboxes
		sum.AllMailboxes += t.AllMailboxes
		sum.Total += max(t.Total, t.Messages)
	}
	p.show(now, describe(p.verb, sum, now.Sub(p.moved)))
}

// Step sets the state of a command of several steps.
func (p *Progress) Step(s StepState) {
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

// due reports whether it is time to show the progress again.
func (p *Progress) due(now time.Time) bool {
	return !p.console.quiet && (p.console.live || p.console.verbose) && !now.Before(p.next)
}

func (p *Progress) show(now time.Time, line string) {
	if p.console.live {
		p.next = now.Add(liveEvery)
		if width := p.console.screen.width; width > 0 {
			line = Cut(line, width-1) // a line that wraps could not be cleared
		}
		p.console.status(line)
	} else {
		p.next = now.Add(plainEvery)
		p.console.line(levelInfo, line)
	}
}

// Done clears the progress line.
func (p *Progress) Done() { p.console.clear() }

// describe returns a line such as "1,234 of 5,678 messages read, 3 of 10 mailboxes, 12 MB, 3.4
// MB/s, 2 min left".
func describe(verb string, t Tally, elapsed time.Duration) string {
	messages := Plural(t.Messages, "message")
	if t.Total > t.Messages {
		messages = Count(t.Messages) + " of " + Plural(t.Total, "message")
	}
	words := []string{messages + " " + verb}
	if t.ByID > 0 {
		words = append(words, Count(t.ByID)+" of them known")
	}
	if t.AllMailboxes > 1 {
		words = append(words, Count(t.Mailboxes)+" of "+Plural(t.AllMailboxes, "mailbox"))
	}
	if t.Bytes > 0 {
		words = append(words, Size(t.Bytes))
	}
	return withPace(words, elapsed, t.Bytes, remaining(elapsed, t.Messages, t.Total))
}

// describeStep returns a line such as "packs deleted: 12 of 40, 120 MB of 400 MB, 40 MB/s, 7 s
// left".
func describeStep(s StepState, elapsed time.Duration) string {
	words := []string{s.Step + ": " + Count(s.Done)}
	if s.Of > 0 {
		words[0] += " of " + Count(s.Of)
	}
	if s.AllBytes > 0 {
		words = append(words, Size(s.Bytes)+" of "+Size(s.AllBytes))
	}
	// Some steps wait for bytes, others for answers. The slower of the two counts.
	left := max(remaining(elapsed, s.Done, s.Of), remaining(elapsed, s.Bytes, s.AllBytes))
	return withPace(words, elapsed, s.Bytes, left)
}

// withPace joins words, with the bytes per second and the time that is left, except in the first
// second.
func withPace(words []string, elapsed time.Duration, bytes int64, left time.Duration) string {
	if elapsed >= time.Second && bytes > 0 {
		words = append(words, Size(int64(float64(bytes)/elapsed.Seconds()))+"/s")
	}
	if elapsed >= time.Second && left > 0 {
		words = append(words, roughly(left)+" left")
	}
	return strings.Join(words, ", ")
}

// remaining estimates how long the rest takes; 0 means that it is not known.
func remaining(elapsed time.Duration, done, of int64) time.Duration {
	if done <= 0 || of <= done {
		return 0
	}
	return time.Duration(float64(elapsed) / float64(done) * float64(of-done))
}

// Span returns a length of time in words, to the second below two minutes and to the minute above.
func Span(d time.Duration) string {
	switch n := int(d.Round(time.Second) / time.Second); {
	case n == 1:
		return "1 second"
	case n < 120:
		return fmt.Sprintf("%d seconds", n)
	}
	return fmt.Sprintf("%d minutes", int(d.Round(time.Minute)/time.Minute))
}

// roughly formats an estimated time.
func roughly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds())+1)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()+0.5))
	}
	return fmt.Sprintf("%d h", int(d.Hours()+0.5))
}
