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
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// maxProblems is the most problems that a report has in memory.
const maxProblems = 10_000

// reportFile is the name of the report in Options.ReportDir.
const reportFile = "report.txt"

// recorder records the result for every message. It is safe for concurrent use.
type recorder struct {
	dir      string
	progress func(Progress)

	mu     sync.Mutex
	report Report
	file   *os.File
	lines  *bufio.Writer
	dirs   map[string]string // directories of mailboxes, by raw name
	taken  map[string]bool   // these directories, in lower case
}

func newRecorder(dir string, progress func(Progress)) *recorder {
	return &recorder{dir: dir, progress: progress, dirs: make(map[string]string), taken: make(map[string]bool)}
}

// update changes the report and calls progress.
func (rec *recorder) update(change func(*Report)) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	change(&rec.report)
	if rec.progress != nil {
		rec.progress(rec.report.Progress)
	}
}

// expect counts a mailbox and the messages of it that are to be restored.
func (rec *recorder) expect(messages, bytes int64) {
	rec.update(func(r *Report) {
		r.Mailboxes++
		r.Messages += messages
		r.Bytes += bytes
	})
}

func (rec *recorder) present(messages, bytes int64) {
	rec.update(func(r *Report) {
		r.Present += messages
		r.DoneMessages += messages
		r.DoneBytes += bytes
	})
}

func (rec *recorder) added(messages, bytes int64) {
	rec.update(func(r *Report) {
		r.Added += messages
		r.AddedBytes += bytes
		r.DoneMessages += messages
		r.DoneBytes += bytes
	})
}

// skipped counts messages that are not restored.
func (rec *recorder) skipped(messages, bytes int64) {
	rec.update(func(r *Report) {
		r.DoneMessages += messages
		r.DoneBytes += bytes
	})
}

func (rec *recorder) mailboxesDone(n int) {
	rec.update(func(r *Report) { r.DoneMailboxes += int64(n) })
}

func (rec *recorder) addNotes(notes ...string) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.report.Notes = append(rec.report.Notes, notes...)
}

// add records a problem.
func (rec *recorder) add(p Problem) error {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	switch p.Kind {
	case MessageChanged:
		rec.report.Changed++
	case MessageAltered:
		rec.report.Altered++
	case MessageRefused:
		rec.report.Refused++
	case MessageFailed:
		rec.report.Failed++
	}
	if p.FlagsLost {
		rec.report.FlagsLost++
	}
	if len(rec.report.Problems) < maxProblems {
		rec.report.Problems = append(rec.report.Problems, p)
	}
	return rec.write(p.String())
}

// recordChanges records what the target changed in a message, and keeps the message if its bytes are different.
func (rec *recorder) recordChanges(ctx context.Context, mailbox *manifest.Mailbox, uid mail.UID, result AppendResult, body archive.Body) error {
	if len(result.Changed) == 0 && !result.Altered {
		return nil
	}
	problem := Problem{
		Mailbox: mailbox.Name, UID: uid, Reason: strings.Join(result.Changed, "; "), FlagsLost: result.FlagsLost,
	}
	if result.Altered {
		kept, err := rec.keep(ctx, mailbox, uid, body)
		if err != nil {
			return err
		}
		problem.Kind, problem.Kept = MessageAltered, kept
	}
	return rec.add(problem)
}

// write adds a line to the report file. It makes the file for the first line.
func (rec *recorder) write(line string) error {
	if rec.dir == "" {
		return nil
	}
	if rec.file == nil {
		if err := os.MkdirAll(rec.dir, 0o700); err != nil {
			return fmt.Errorf("make a directory for the report: %w", err)
		}
		file, err := os.OpenFile(filepath.Join(rec.dir, reportFile), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		rec.file, rec.lines, rec.report.File = file, bufio.NewWriter(file), file.Name()
	}
	if _, err := rec.lines.WriteString(line + "\n"); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// finish closes the report file and returns the report.
func (rec *recorder) finish() (*Report, error) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.file == nil {
		return &rec.report, nil
	}
	err := errors.Join(rec.lines.Flush(), rec.file.Sync(), rec.file.Close())
	if err != nil {
		err = fmt.Errorf("report: %w", err)
	}
	return &rec.report, err
}

// keep writes a message that the target refused to a file in ReportDir and returns its path.
func (rec *recorder) keep(ctx context.Context, mailbox *manifest.Mailbox, uid mail.UID, body archive.Body) (kept string, err error) {
	if rec.dir == "" {
		return "", nil
	}
	dir := filepath.Join(rec.dir, rec.dirFor(mailbox))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("keep a refused message: %w", err)
	}
	file, err := local.NewReplacement(filepath.Join(dir, fmt.Sprintf("%d.eml", uid)))
	if err != nil {
		return "", fmt.Errorf("keep a refused message: %w", err)
	}
	if err = body.WriteTo(ctx, file); err == nil {
		err = file.Commit()
	}
	if err != nil {
		file.Discard()
		return "", fmt.Errorf("keep a refused message: %w", err)
	}
	return file.Path(), nil
}

// dirFor returns the directory of the kept messages of a mailbox. Two mailboxes never share one, not even on a file
// system that ignores case.
func (rec *recorder) dirFor(mailbox *manifest.Mailbox) string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	dir, ok := rec.dirs[mailbox.Raw]
	if !ok {
		plain := dirName(mailbox.Name)
		dir = plain
		for n := 2; rec.taken[strings.ToLower(dir)]; n++ {
			dir = fmt.Sprintf("%s~%d", plain, n)
		}
		rec.dirs[mailbox.Raw], rec.taken[strings.ToLower(dir)] = dir, true
	}
	return dir
}

// dirName returns a directory name for the name of a mailbox. Bytes that could have a meaning for a file system become
// %XX.
func dirName(name string) string {
	const longest = 150 // bytes; with a suffix, the name must stay below 255 bytes
	var b strings.Builder
	for i, c := range []byte(name) {
		if b.Len() > longest {
			break
		}
		plain := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			c == '-' || c == '_' || c == '.' && i > 0
		if plain {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
