package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail/document"
	"github.com/mailstrata/mailstrata/mail/document/pdf"
	"github.com/mailstrata/mailstrata/mail/extract"
	"github.com/mailstrata/mailstrata/repo"
)

type indexCommand struct {
	Build  indexBuildCommand  `cmd:"" help:"Build the index of words, or bring it up to date."`
	Status indexStatusCommand `cmd:"" help:"Show the index of words on this host."`
	Drop   indexDropCommand   `cmd:"" help:"Remove the index of words from this host."`
}

func (*indexCommand) Help() string {
	return `The index makes "mailstrata find WORDS" fast. It is in the cache directory of this host, encrypted, and has the words of the messages of all manifests. It can be built only with an owner's key. "find" brings it up to date, and so does "backup --index" every night. "repair index" is about another index: that of the packs.

EXAMPLES

    mailstrata index build
    mailstrata index status
    mailstrata index drop

` + exitStatus
}

type indexBuildCommand struct{}

func (*indexBuildCommand) Help() string {
	return `Reads the messages that the index lacks, of all manifests, but no attachments without words. The first time it prints beforehand how much that is. If it is interrupted, the next build goes on from there. What could not be read before, because it was damaged or because this host could not read PDFs, is read again.

EXAMPLES

    mailstrata index build

EXIT STATUS

0 done; 1 failed; 2 invalid command line; 3 done, but some messages could not be read; 130 interrupted.`
}

func (c *indexBuildCommand) Run(ctx context.Context, p *program, r *repo.Repo) error {
	if err := access.MayRead(r); err != nil {
		return err
	}
	x, report, err := p.bringWords(ctx, r, true)
	if err != nil {
		return err
	}
	defer x.Close()
	status, err := x.Status(ctx)
	if err != nil {
		return err
	}
	if p.flags.JSON {
		document := summarizeWords(status)
		document.Added, document.Removed, document.Unread = &report.Messages, &report.Removed, &report.Unread
		document.Documents, document.Again = &report.Documents, &report.Again
		if err := p.PrintJSON(document); err != nil {
			return err
		}
	} else {
		p.Printf("%s added, %s removed; %s of %s in the index, %s on disk", ui.Plural(report.Messages, "message"),
			ui.Count(report.Removed), ui.Plural(status.Messages, "message"), ui.Plural(status.Manifests, "manifest"), ui.Size(status.Bytes))
	}
	if report.Again > 0 {
		p.Note("%s could not be read whole before, and now could", ui.Plural(report.Again, "message"))
	}
	if report.Documents > 0 {
		p.Note("%s without readable text, found by name alone; --verbose prints why", ui.Plural(int64(report.Documents), "document"))
	}
	if report.Unread > 0 {
		return &outcome{statusPartial, "some messages could not be read, so their words are not in the index"}
	}
	return nil
}

type indexStatusCommand struct{}

func (*indexStatusCommand) Help() string {
	return exitStatus
}

func (c *indexStatusCommand) Run(ctx context.Context, p *program, r *repo.Repo) error {
	if err := access.MayRead(r); err != nil {
		return err
	}
	if !textindex.Exists(r) {
		if p.flags.JSON {
			return p.PrintJSON(wordsSummary{})
		}
		p.Printf("this host has no index of words; mailstrata index build makes one")
		return nil
	}
	x, dropped, err := textindex.Open(ctx, r)
	if err != nil {
		return err
	}
	defer x.Close()
	if dropped {
		p.warnDropped()
	}
	status, err := x.Status(ctx)
	if err != nil {
		return err
	}
	if p.flags.JSON {
		return p.PrintJSON(summarizeWords(status))
	}
	p.Facts("distinct messages", ui.Count(status.Messages), "manifests", ui.Count(status.Manifests), "size", ui.Size(status.Bytes), "directory", textindex.Dir(r))
	if status.LackingMessages > 0 {
		p.Note("of %s, text could not be read; it is tried again once a day, and by mailstrata index build", ui.Plural(int64(status.LackingMessages), "message"))
	}
	if status.LackingManifests > 0 {
		p.Note("of %s, messages are missing, because a part of it is damaged; it is tried again in the same way", ui.Plural(int64(status.LackingManifests), "manifest"))
	}
	return nil
}

type indexDropCommand struct{}

func (*indexDropCommand) Help() string {
	return exitStatus
}

func (c *indexDropCommand) Run(ctx context.Context, p *program, r *repo.Repo) error {
	if err := textindex.Drop(ctx, r); err != nil {
		return err
	}
	p.Note("this host has no index of words now")
	return nil
}

// wordsSummary is an index of words as JSON.
type wordsSummary struct {
	Messages  int64  `json:"messages"`
	Manifests int    `json:"manifests"`
	Bytes     int64  `json:"bytes"`
	Lacking   int    `json:"lacking_messages"`
	Damaged   int    `json:"lacking_manifests"`
	Added     *int64 `json:"added,omitempty"`
	Removed   *int64 `json:"removed,omitempty"`
	Unread    *int   `json:"unread,omitempty"`
	Documents *int   `json:"unread_documents,omitempty"`
	Again     *int64 `json:"read_again,omitempty"`
}

func summarizeWords(s textindex.Status) wordsSummary {
	return wordsSummary{Messages: s.Messages, Manifests: s.Manifests, Bytes: s.Bytes, Lacking: s.LackingMessages, Damaged: s.LackingManifests}
}

func (p *program) warnDropped() {
	p.Warn("the index of words was damaged, or made with other keys or by another version: it was dropped, and is built again")
}

// openWords opens the index of words, brought up to date.
func (p *program) openWords(ctx context.Context, r *repo.Repo) (*textindex.Index, *textindex.Live, error) {
	x, live, _, err := p.words(ctx, r, false)
	return x, live, err
}

// bringWords brings the index of words up to date. If retry, it reads at once what could not be read before.
func (p *program) bringWords(ctx context.Context, r *repo.Repo, retry bool) (*textindex.Index, textindex.Report, error) {
	x, _, report, err := p.words(ctx, r, retry)
	return x, report, err
}

// words opens the index of words, and brings it up to date. If it is damaged, it is built again.
func (p *program) words(ctx context.Context, r *repo.Repo, retry bool) (*textindex.Index, *textindex.Live, textindex.Report, error) {
	for again := false; ; again = true {
		x, live, report, err := p.wordsOnce(ctx, r, retry)
		if err == nil || again || !textindex.IsDamaged(err) {
			return x, live, report, err
		}
		p.warnDropped()
		if err := textindex.Drop(ctx, r); err != nil {
			return nil, nil, report, err
		}
	}
}

func (p *program) wordsOnce(ctx context.Context, r *repo.Repo, retry bool) (*textindex.Index, *textindex.Live, textindex.Report, error) {
	p.limitMemory(wordsMemoryLimit)
	x, dropped, err := textindex.Open(ctx, r)
	if err != nil {
		return nil, nil, textindex.Report{}, err
	}
	if dropped {
		p.warnDropped()
	}
	progress := p.Progress("indexed")
	defer progress.Done()
	x.Documents, x.Retry = p.documents(), retry
	x.Damaged = func(err error) { p.Warn("%s", ui.OneLine(err.Error())) }
	x.Skipped = func(err error) { p.Detail("%s", ui.OneLine(err.Error())) }
	total, err := p.planWords(ctx, x)
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

// planWords prints what an index that is empty will read, and returns how many messages. It returns 0 for another index.
func (p *program) planWords(ctx context.Context, x *textindex.Index) (messages int64, err error) {
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

// documents returns what reads the text of attachments.
func (p *program) documents() extract.Documents {
	if p.pdfs == nil && pdf.Supported() {
		if self, err := os.Executable(); err == nil {
			p.pdfs = pdf.NewExtractor(self, p.compiledDir())
		}
	}
	if p.pdfs == nil {
		return document.Reader{}
	}
	return document.Reader{PDF: p.pdfs}
}

// compiledDir returns the directory for the compiled code of the reader of PDFs, or an empty string without a cache.
func (p *program) compiledDir() string {
	cache, err := p.CacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "pdf")
}
