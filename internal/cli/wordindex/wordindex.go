package wordindex

import (
	"context"
	"time"

	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// Among returns a function that reports whether the words of a message match, by the index, which
// it brings up to date before.
func Among(ctx context.Context, p *cli.Program, r *repo.Repo, q *words.Query) (func(chunk.ID) bool, error) {
	x, _, err := Open(ctx, p, r)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	return x.Among(ctx, q)
}

// NoteMissing notes that this host has no index of words.
func NoteMissing(o *ui.Output) {
	o.Note("this host has no index of words, so all messages are read; mailstrata index build makes one")
}

// NoteReading notes that this host has no index of words, and how many messages are read, of how
// many bytes.
func NoteReading(o *ui.Output, messages, bytes int64) {
	duration := ""
	if atLeast := time.Duration(bytes/bytesPerSecond) * time.Second; atLeast >= worthSaying {
		duration = ", which takes at least " + ui.Span(atLeast)
	}
	o.Note("this host has no index of words, so %s (%s) are read%s; mailstrata index build makes one", ui.Plural(messages, "message"),
		ui.Size(bytes), duration)
}

const (
	// bytesPerSecond is how much mail a search without an index reads on a host of two processors.
	// A far store is slower.
	bytesPerSecond = 50_000_000
	worthSaying    = 5 * time.Second
)

// WarnDropped warns that the index was dropped.
func WarnDropped(o *ui.Output) {
	o.Warn("the index of words was damaged, or made with other keys or by another version: it was dropped, and is built again")
}

// Open opens the index of words, brought up to date.
func Open(ctx context.Context, p *cli.Program, r *repo.Repo) (*textindex.Index, *textindex.Live, error) {
	x, live, _, err := openCurrent(ctx, p, r, false)
	return x, live, err
}

// Bring brings the index of words up to date. If retry, it reads at once what could not be read
// before.
func Bring(ctx context.Context, p *cli.Program, r *repo.Repo, retry bool) (*textindex.Index, textindex.Report, error) {
	x, _, report, err := openCurrent(ctx, p, r, retry)
	return x, report, err
}

// openCurrent opens the index of words, and brings it up to date. If it is damaged, it is built
// again.
func openCurrent(
	ctx context.Context, p *cli.Program, r *repo.Repo, retry bool,
) (*textindex.Index, *textindex.Live, textindex.Report, error) {
	for again := false; ; again = true {
		x, live, report, err := openOnce(ctx, p, r, retry)
		if err == nil || again || !textindex.IsDamaged(err) {
			return x, live, report, err
		}
		WarnDropped(p.Output)
		if err := textindex.Drop(ctx, r); err != nil {
			return nil, nil, report, err
		}
	}
}

func openOnce(
	ctx context.Context, p *cli.Program, r *repo.Repo, retry bool,
) (*textindex.Index, *textindex.Live, textindex.Report, error) {
	p.LimitMemory(wordsMemoryLimit)
	x, dropped, err := textindex.Open(ctx, r)
	if err != nil {
		return nil, nil, textindex.Report{}, err
	}
	if dropped {
		WarnDropped(p.Output)
	}
	progress := p.Progress("indexed")
	defer progress.Done()
	x.Documents, x.Retry = p.Documents(), retry
	x.Damaged = func(err error) { p.Warn("%s", ui.OneLine(err.Error())) }
	x.Skipped = func(err error) { p.Detail("%s", ui.OneLine(err.Error())) }
	total, err := planWords(ctx, p, x)
	if err == nil {
		x.Progress = func(now textindex.Report) {
			progress.Update("", ui.Tally{Messages: now.Messages, Bytes: now.Bytes, Total: total})
		}
		live, report, bringing := x.Bring(ctx)
		if err = bringing; err == nil {
			return x, live, report, nil
		}
	}
	_ = x.Close()
	return nil, nil, textindex.Report{}, err
}

// planWords prints what an index that is empty will read, and returns how many messages. It returns
// 0 for another index.
func planWords(ctx context.Context, p *cli.Program, x *textindex.Index) (messages int64, err error) {
	status, err := x.Status(ctx)
	if err != nil || status.Messages > 0 || status.Manifests > 0 {
		return 0, err
	}
	plan, err := x.Plan(ctx)
	if err != nil || plan.Messages == 0 {
		return 0, err
	}
	p.Note("building the index of words: %s of %s (%s), of which about %s are read", ui.Plural(plan.Messages, "message"),
		ui.Plural(plan.Manifests, "manifest"), ui.Size(plan.Bytes), ui.Size(plan.Fetched))
	return plan.Messages, nil
}

// wordsMemoryLimit is the memory limit while the index is brought up to date, in bytes.
const wordsMemoryLimit = 120 << 20
