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

// reporter makes the Report, from the result for every message. It is safe for concurrent use.
type reporter struct {
	dir      string
	progress func(Progress)

	mu     sync.Mutex
	report Report
	file   *os.File
	lines  *bufio.Writer
	dirs   map[string]string // directories of mailboxes, by raw name
	taken  map[string]bool   // these directories, in lower case
}

func newReporter(dir string, progress func(Progress)) *reporter {
	return &reporter{dir: dir, progress: progress, dirs: make(map[string]string), taken: make(map[string]bool)}
}

// update changes the report and calls progress.
func (rep *reporter) update(change func(*Report)) {
	rep.mu.Lock()
	defer rep.mu.Unlock()
	change(&rep.report)
	if rep.progress != nil {
		rep.progress(rep.report.Progress)
	}
}

// expect counts a mailbox and the messages of it that are to be restored.
func (rep *reporter) expect(rt *route) {
	rep.update(func(r *Report) {
		r.Mailboxes += rt.count()
		r.Messages += rt.messages
		r.Bytes += rt.bytes
	})
}

func (rep *reporter) present(messages, bytes int64) {
	rep.update(func(r *Report) {
		r.Present += messages
		r.DoneMessages += messages
		r.DoneBytes += bytes
	})
}

func (rep *reporter) added(messages, bytes int64) {
	rep.update(func(r *Report) {
		r.Added += messages
		r.AddedBytes += bytes
		r.DoneMessages += messages
		r.DoneBytes += bytes
	})
}

// notAdded takes back what added counted.
func (rep *reporter) notAdded(messages, bytes int64) { rep.added(-messages, -bytes) }

// skipped counts messages that are not restored.
func (rep *reporter) skipped(messages, bytes int64) {
	rep.update(func(r *Report) {
		r.DoneMessages += messages
		r.DoneBytes += bytes
	})
}

func (rep *reporter) mailboxesDone(n int64) {
	rep.update(func(r *Report) { r.DoneMailboxes += n })
}

func (rep *reporter) addNotes(notes ...string) {
	rep.mu.Lock()
	defer rep.mu.Unlock()
	rep.report.Notes = append(rep.report.Notes, notes...)
}

// add adds a problem.
func (rep *reporter) add(p Problem) error {
	rep.mu.Lock()
	defer rep.mu.Unlock()
	switch p.Kind {
	case MessageChanged:
		rep.report.Changed++
	case MessageAltered:
		rep.report.Altered++
	case MessageRefused:
		rep.report.Refused++
	case MessageFailed:
		rep.report.Failed++
	case FolderLost:
		rep.report.Lost++
	}
	if p.FlagsLost {
		rep.report.FlagsLost++
	}
	if len(rep.report.Problems) < maxProblems {
		rep.report.Problems = append(rep.report.Problems, p)
	}
	return rep.write(p.String())
}

// reportChanges reports what the target changed in a message, and keeps the message if its bytes
// are different.
func (rep *reporter) reportChanges(
	ctx context.Context, mailbox *manifest.Mailbox, uid mail.UID, result AppendResult, body archive.Body,
) error {
	if len(result.Changed) == 0 && !result.Altered {
		return nil
	}
	problem := Problem{
		Mailbox: mailbox.Name, UID: uid, Reason: strings.Join(result.Changed, "; "), FlagsLost: result.FlagsLost,
	}
	if result.Altered {
		kept, err := rep.keep(ctx, mailbox, uid, body)
		if err != nil {
			return err
		}
		problem.Kind, problem.Kept = MessageAltered, kept
	}
	return rep.add(problem)
}

// write adds a line to the report file. It makes the file for the first line.
func (rep *reporter) write(line string) error {
	if rep.dir == "" {
		return nil
	}
	if rep.file == nil {
		if err := os.MkdirAll(rep.dir, 0o700); err != nil {
			return fmt.Errorf("make a directory for the report: %w", err)
		}
		file, err := os.OpenFile(filepath.Join(rep.dir, reportFile), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		rep.file, rep.lines, rep.report.File = file, bufio.NewWriter(file), file.Name()
	}
	if _, err := rep.lines.WriteString(line + "\n"); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// finish closes the report file and returns the report.
func (rep *reporter) finish() (*Report, error) {
	rep.mu.Lock()
	defer rep.mu.Unlock()
	if rep.file == nil {
		return &rep.report, nil
	}
	err := errors.Join(rep.lines.Flush(), rep.file.Sync(), rep.file.Close())
	if err != nil {
		err = fmt.Errorf("report: %w", err)
	}
	return &rep.report, err
}

// keep writes a message that the target refused to a file in ReportDir and returns its path.
func (rep *reporter) keep(
	ctx context.Context, mailbox *manifest.Mailbox, uid mail.UID, body archive.Body,
) (kept string, err error) {
	if rep.dir == "" {
		return "", nil
	}
	dir := filepath.Join(rep.dir, rep.dirFor(mailbox))
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

// dirFor returns the directory of the kept messages of a mailbox. Two mailboxes never share one,
// not even on a file system that ignores case.
func (rep *reporter) dirFor(mailbox *manifest.Mailbox) string {
	rep.mu.Lock()
	defer rep.mu.Unlock()
	dir, ok := rep.dirs[mailbox.Raw]
	if !ok {
		plain := dirName(mailbox.Name)
		dir = plain
		for n := 2; rep.taken[strings.ToLower(dir)]; n++ {
			dir = fmt.Sprintf("%s~%d", plain, n)
		}
		rep.dirs[mailbox.Raw], rep.taken[strings.ToLower(dir)] = dir, true
	}
	return dir
}

// dirName returns a directory name for the name of a mailbox. Bytes that could have a meaning for a
// file system become %XX.
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
