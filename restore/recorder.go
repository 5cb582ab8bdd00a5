package restore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Report is what a restore did.
type Report struct {
	Progress

	Changed   int64 // messages that were added, but not with the flags, keywords or date that were archived
	FlagsLost int64 // of these, messages without a system flag that they had, such as \Seen
	Altered   int64 // messages that were added, but of which the target made other bytes; kept likewise
	Refused   int64 // messages that the target did not take; they are kept as .eml, if a directory was named
	Failed    int64 // messages, pages, lists and tables that could not be read from the archive

	Mirror *MirrorReport // what of the target is too much; nil: nobody asked

	Previewed bool // a dry run that looked at the target: Added is what would be added, Present what is there

	Notes    []string  // what the target could not make as it was
	Problems []Problem // the first maxProblems; all are in File
	File     string    // the report file; empty if there was nothing to write, or nowhere
}

// Whole reports whether every message that was to be restored is in the target, byte for byte and with its system flags.
func (r *Report) Whole() bool {
	return r.Altered == 0 && r.Refused == 0 && r.Failed == 0 && r.FlagsLost == 0
}

// Progress tells how far a restore is. Done messages are those added, found in the target, or in the report as
// refused or failed.
type Progress struct {
	Mailboxes     int64 // to be restored
	Messages      int64
	Bytes         int64
	DoneMessages  int64
	DoneBytes     int64
	Added         int64
	AddedBytes    int64
	Present       int64 // in the target already
	DoneMailboxes int64
}

// Problem is what is to be told of one message.
type Problem struct {
	Kind    ProblemKind
	Mailbox string   // decoded name; empty: a mailbox table
	UID     mail.UID // 0: more than one message, as Reason tells
	Reason  string
	Kept    string // the file that the message is kept in

	FlagsLost bool // a system flag is among what was changed
}

// ProblemKind is what happened to a message.
type ProblemKind uint8

const (
	MessageChanged ProblemKind = iota // added, but with other flags, keywords or date
	MessageAltered                    // added, but the target made other bytes of it
	MessageRefused                    // not taken by the target
	MessageFailed                     // not to be had from the archive
)

func (k ProblemKind) String() string {
	switch k {
	case MessageChanged:
		return "changed"
	case MessageAltered:
		return "altered"
	case MessageRefused:
		return "refused"
	}
	return "failed"
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Kind.String())
	if p.Mailbox != "" {
		fmt.Fprintf(&b, " mailbox %q", p.Mailbox)
	}
	if p.UID != 0 {
		fmt.Fprintf(&b, " UID %d", p.UID)
	}
	fmt.Fprintf(&b, ": %s", p.Reason)
	if p.Kept != "" {
		fmt.Fprintf(&b, "; kept as %s", p.Kept)
	}
	return b.String()
}

// maxProblems bounds the problems that a report holds in memory.
const maxProblems = 10_000

// reportFile is the name of the report in the directory for what a target refuses.
const reportFile = "report.txt"

// ledger takes down what becomes of every message. It may be used by several goroutines at once.
type ledger struct {
	dir  string
	tell func(Progress)

	mu     sync.Mutex
	report Report
	file   *os.File
	lines  *bufio.Writer
	homes  map[string]string // directories of mailboxes, by raw name
	taken  map[string]bool   // those directories, in lower case
}

func newLedger(dir string, tell func(Progress)) *ledger {
	return &ledger{dir: dir, tell: tell, homes: make(map[string]string), taken: make(map[string]bool)}
}

// update changes the figures and tells of them.
func (l *ledger) update(change func(*Report)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.report)
	if l.tell != nil {
		l.tell(l.report.Progress)
	}
}

// expect counts a mailbox of which so much is to be restored.
func (l *ledger) expect(messages, bytes int64) {
	l.update(func(r *Report) {
		r.Mailboxes++
		r.Messages += messages
		r.Bytes += bytes
	})
}

func (l *ledger) present(messages, bytes int64) {
	l.update(func(r *Report) {
		r.Present += messages
		r.DoneMessages += messages
		r.DoneBytes += bytes
	})
}

func (l *ledger) added(messages, bytes int64) {
	l.update(func(r *Report) {
		r.Added += messages
		r.AddedBytes += bytes
		r.DoneMessages += messages
		r.DoneBytes += bytes
	})
}

// lost counts messages that are not restored.
func (l *ledger) lost(messages, bytes int64) {
	l.update(func(r *Report) {
		r.DoneMessages += messages
		r.DoneBytes += bytes
	})
}

func (l *ledger) mailboxesDone(n int) {
	l.update(func(r *Report) { r.DoneMailboxes += int64(n) })
}

func (l *ledger) note(notes ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.report.Notes = append(l.report.Notes, notes...)
}

// add takes down a problem.
func (l *ledger) add(p Problem) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch p.Kind {
	case MessageChanged:
		l.report.Changed++
	case MessageAltered:
		l.report.Altered++
	case MessageRefused:
		l.report.Refused++
	case MessageFailed:
		l.report.Failed++
	}
	if p.FlagsLost {
		l.report.FlagsLost++
	}
	if len(l.report.Problems) < maxProblems {
		l.report.Problems = append(l.report.Problems, p)
	}
	return l.write(p.String())
}

// notice records what the target changed in a message, and keeps the message if its bytes differ.
func (l *ledger) notice(ctx context.Context, mailbox *manifest.Mailbox, uid mail.UID, fate AppendResult, body archive.Body) error {
	if len(fate.Changed) == 0 && !fate.Altered {
		return nil
	}
	problem := Problem{Mailbox: mailbox.Name, UID: uid, Reason: strings.Join(fate.Changed, "; "), FlagsLost: fate.FlagsLost}
	if fate.Altered {
		kept, err := l.keep(ctx, mailbox, uid, body)
		if err != nil {
			return err
		}
		problem.Kind, problem.Kept = MessageAltered, kept
	}
	return l.add(problem)
}

// write adds a line to the report file, which it makes for the first.
func (l *ledger) write(line string) error {
	if l.dir == "" {
		return nil
	}
	if l.file == nil {
		if err := os.MkdirAll(l.dir, 0o700); err != nil {
			return fmt.Errorf("directory for the report: %w", err)
		}
		file, err := os.OpenFile(filepath.Join(l.dir, reportFile), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		l.file, l.lines, l.report.File = file, bufio.NewWriter(file), file.Name()
	}
	if _, err := l.lines.WriteString(line + "\n"); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// close ends the report file and gives the report.
func (l *ledger) close() (*Report, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return &l.report, nil
	}
	err := errors.Join(l.lines.Flush(), l.file.Sync(), l.file.Close())
	if err != nil {
		err = fmt.Errorf("report: %w", err)
	}
	return &l.report, err
}

// keep writes a message that the target refused into a file of its own, whole or not at all.
func (l *ledger) keep(ctx context.Context, mailbox *manifest.Mailbox, uid mail.UID, body archive.Body) (kept string, err error) {
	if l.dir == "" {
		return "", nil
	}
	dir := filepath.Join(l.dir, l.home(mailbox))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("keep a refused message: %w", err)
	}
	file, err := os.CreateTemp(dir, ".keep-*")
	if err != nil {
		return "", fmt.Errorf("keep a refused message: %w", err)
	}
	defer os.Remove(file.Name()) // not there any more once it has its name
	err = body.WriteTo(ctx, file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("keep a refused message: %w", err)
	}
	kept = filepath.Join(dir, fmt.Sprintf("%d.eml", uid))
	if err := os.Rename(file.Name(), kept); err != nil {
		return "", fmt.Errorf("keep a refused message: %w", err)
	}
	return kept, nil
}

// home is the directory of a mailbox's refused messages. Two mailboxes never share one, not even where case is not told
// apart.
func (l *ledger) home(mailbox *manifest.Mailbox) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	home, ok := l.homes[mailbox.Raw]
	if !ok {
		plain := safeName(mailbox.Name)
		home = plain
		for n := 2; l.taken[strings.ToLower(home)]; n++ {
			home = fmt.Sprintf("%s~%d", plain, n)
		}
		l.homes[mailbox.Raw], l.taken[strings.ToLower(home)] = home, true
	}
	return home
}

// safeName makes a mailbox's name good for a directory: what could mean something to a file system is written as %XX.
func safeName(name string) string {
	const longest = 150 // bytes; with what follows a name, file systems take 255
	var b strings.Builder
	for i, c := range []byte(name) {
		if b.Len() > longest {
			break
		}
		plain := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' && i > 0
		if plain {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
