package find

import (
	"cmp"
	"context"
	"iter"
	"sync/atomic"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/readable"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/search/query"
	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/conditions"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/cli/wordindex"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mail/entity"
	"github.com/mailstrata/mailstrata/mail/extract"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// searchResults searches, and prints what is found as it is found.
type searchResults struct {
	*cli.Program
	repo     *repo.Repo
	command  *Command
	query    search.Query
	words    *query.Query
	readable bool
	reader   *archive.Reader // of what is printed

	scope    textindex.Scope
	table    *ui.Table
	flushed  time.Time
	where    string
	accounts func() bool // there are several
	attached bool        // only messages with attachments are wanted
	indexed  bool        // it is searched by the index
	found    int64
	counts   []nightCount
	more     atomic.Bool // than --limit
	shown    *search.Hit // the first that is printed: it is shown how to restore it
	unread   int

	beginnings, spare, excluding []string // of guess

	otherDates bool // of guess: the words are found without --since and --before
}

// hits are messages that are found, with errors between them as search.Find has them.
type hits = iter.Seq2[*search.Hit, error]

// run searches what was chosen, and prints.
func (s *searchResults) run(ctx context.Context) error {
	s.Page()
	if s.command.All { // what is found is printed after all manifests were listed
		s.accounts = func() bool { return s.command.Account == "" && s.repo.AccountsListed() > 1 }
	}
	err := s.each(ctx, func(found hits) error { return s.printAll(ctx, found) })
	if s.table != nil {
		s.table.Flush()
	}
	if err == nil {
		s.showRestore()
	}
	return err
}

// each calls do with what is found.
func (s *searchResults) each(ctx context.Context, do func(hits) error) error {
	var found hits
	s.indexed = !s.command.NoIndex && textindex.Exists(s.repo)
	switch {
	case s.words.Words == nil && (!s.indexed || !s.attached):
		found = s.newestFirst(ctx, s.scope.Scan(ctx, s.query))
	case s.indexed:
		err := s.eachIndexed(ctx, do)
		if !textindex.IsDamaged(err) || s.found > 0 {
			return err
		}
		wordindex.WarnDropped(s.Output)
		if err := textindex.Drop(ctx, s.repo); err != nil {
			return err
		}
		return s.eachIndexed(ctx, do)
	default:
		progress := s.Progress("read")
		defer progress.Done()
		found = s.newestFirst(ctx, s.readAll(ctx, progress))
	}
	return do(s.limited(found))
}

// eachIndexed is each by the index, which it brings up to date before.
func (s *searchResults) eachIndexed(ctx context.Context, do func(hits) error) error {
	x, live, err := wordindex.Open(ctx, s.Program, s.repo)
	if err != nil {
		return err
	}
	defer x.Close()
	wanted, err := s.wanted(ctx, x, live)
	if err != nil {
		return err
	}
	if wanted.Words == nil {
		return do(s.limited(s.newestFirst(ctx, s.scope.Scan(ctx, s.query))))
	}
	found, sorted, err := s.scope.Find(ctx, x, live, wanted, s.query)
	if err != nil {
		return err
	}
	if !sorted {
		found = s.newestFirst(ctx, found)
	}
	var some atomic.Bool
	err = do(func(yield func(*search.Hit, error) bool) {
		for hit, err := range s.limited(found) {
			some.Store(true)
			if !yield(hit, err) {
				return
			}
		}
	})
	if err == nil && !some.Load() {
		s.guess(ctx, x, live, wanted.Words)
	}
	return err
}

// wanted returns the words that messages must have. If only messages with attachments are wanted,
// and the index is complete, they must have one: then the others need not be read.
func (s *searchResults) wanted(ctx context.Context, x *textindex.Index, live *textindex.Live) (*words.Query, error) {
	if !s.attached {
		return s.words.Query, nil
	}
	complete, err := x.Complete(ctx, live)
	if err != nil || !complete {
		return s.words.Query, err
	}
	return s.words.Query.And(&words.Expr{Op: words.HasAttachment}), nil
}

// choose finds the manifests that are searched.
func (s *searchResults) choose(ctx context.Context) (err error) {
	c := s.command
	s.scope = textindex.Scope{Repo: s.repo, All: c.All, Account: c.Account}
	if len(c.Mailbox)+len(c.Exclude)+len(s.words.In)+len(s.words.NotIn) > 0 {
		s.scope.Wants = s.wantsMailbox
	}
	if c.All {
		s.where = " in any manifest"
		s.words.Fold = true // to fold in as for one manifest would need the mailboxes of all
		return nil
	}
	ref := c.Manifest
	if c.Account != "" {
		ref = c.Account + "@latest"
	}
	if ref == "" {
		s.scope.Manifests, err = archive.Latest(ctx, s.repo)
	} else {
		s.scope.Manifests = make([]*archive.Contents, 1)
		s.scope.Manifests[0], err = named.Manifest(ctx, s.Output, s.repo, ref)
	}
	if err != nil {
		return err
	}
	if len(s.scope.Manifests) == 0 {
		s.where = ": there are no manifests yet; mailstrata backup creates one"
	}
	for _, contents := range s.scope.Manifests {
		contents.KeepMail()
		if ref != "" && ref == c.Manifest && isWord(ref) && len(c.Text) > 0 {
			s.Note("searching in manifest %s of %s; --text %s searches for the word",
				summary.ShortID(contents.Head), ui.Time(contents.Head.Time), ui.Safe(ref))
		}
	}
	named.FoldIn(ctx, s.words.In, s.scope.Manifests)
	named.FoldIn(ctx, s.words.NotIn, s.scope.Manifests)
	s.accounts = func() bool { return len(s.scope.Manifests) > 1 }
	if len(s.scope.Manifests) == 1 {
		s.noteLabels(ctx, s.scope.Manifests[0])
		names := job.Selection{Mailbox: s.mailboxes(), Exclude: c.Exclude}
		return named.CheckMailboxes(ctx, s.Output, &names, s.repo, s.scope.Manifests[0])
	}
	return nil
}

// chooseMessages limits a search of one manifest to the UIDs of --message.
func (s *searchResults) chooseMessages(ctx context.Context, texts []string) (err error) {
	switch {
	case len(texts) == 0:
		return nil
	case len(s.scope.Manifests) != 1:
		return hint.Usagef("--message needs one manifest: MANIFEST, or --account")
	}
	s.scope.Mailbox, s.scope.UIDs, err = named.Messages(ctx, s.repo, s.scope.Manifests[0], texts, s.command.Selection)
	return err
}

func (s *searchResults) wantsMailbox(m *mail.Mailbox) bool {
	return s.command.Selection.Wants(m) && s.words.Wants(m)
}

// readAll searches for words without an index.
func (s *searchResults) readAll(ctx context.Context, progress *ui.Progress) hits {
	total, bytes, err := s.scope.Count(ctx, s.query)
	if err != nil {
		return func(yield func(*search.Hit, error) bool) { yield(nil, err) }
	}
	if !s.command.NoIndex {
		wordindex.NoteReading(s.Output, total, bytes)
	}
	var read atomic.Int64
	s.query.Message = &textindex.Matcher{Query: s.words.Query, Documents: s.Documents(), Read: func() {
		progress.Update("", ui.Tally{Messages: read.Add(1), Total: total})
	}}
	return s.scope.Scan(ctx, s.query)
}

// newestFirst yields what is found when all is found, the newest first, and little more than
// --limit asks for.
func (s *searchResults) newestFirst(ctx context.Context, found hits) hits {
	progress := s.Progress("found")
	counted := func(yield func(*search.Hit, error) bool) {
		n := int64(0)
		for hit, err := range found {
			if err == nil && s.words.Words == nil {
				n++
				progress.Update("", ui.Tally{Messages: n})
			}
			if !yield(hit, err) {
				return
			}
		}
		progress.Done()
	}
	limit := s.command.limit()
	if limit > 0 {
		limit++ // for limited
	}
	return search.Newest(ctx, counted, limit, s.readable)
}

// limited yields the messages that --limit asks for, each with its copies. It looks for one more,
// to say that there are more.
func (s *searchResults) limited(found hits) hits {
	limit := s.command.limit()
	if found = search.Merged(found); limit == 0 {
		return found
	}
	return func(yield func(*search.Hit, error) bool) {
		left := limit
		for hit, err := range found {
			if err == nil && left == 0 {
				s.more.Store(true)
				return
			}
			if !yield(hit, err) {
				return
			}
			if err == nil {
				left--
			}
		}
	}
}

// printAll prints what is found. If it was searched for words, the messages are read for the places
// where they match.
func (s *searchResults) printAll(ctx context.Context, found hits) error {
	if s.words.Words == nil {
		for hit, err := range found {
			if err := s.add(ctx, hit, err); err != nil {
				return err
			}
		}
		return nil
	}
	s.reader = archive.NewReader(s.repo)
	s.reader.Keep(repo.KeptMail)
	for m, err := range s.read(ctx, found, nil) {
		if err != nil {
			err = s.reportDamage(ctx, err)
		} else {
			err = s.addRead(ctx, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read reads messages, with the documents in them that are read.
func (s *searchResults) read(
	ctx context.Context, found hits, documents extract.Documents,
) iter.Seq2[readable.Message[*search.Hit], error] {
	return readable.Messages(ctx, readable.Options[*search.Hit]{
		Chunks: s.reader, Record: func(h *search.Hit) *manifest.Record { return &h.Entry.Record },
		Wants: func(e *entity.Entity) bool { return extract.Reads(e, documents) },
	}, found)
}

// outcome reports that nothing was found, or not all could be read.
func (s *searchResults) outcome(ctx context.Context) error {
	if s.found == 0 {
		if err := s.checkMailboxes(ctx); err != nil {
			return err
		}
		s.Note("nothing found%s", cmp.Or(s.where, "; --all searches older manifests too"))
		if flag, word := conditions.ColumnWord(s.words.Words); word != "" {
			s.Note("%s: finds whole words; --%[1]s %s finds parts of words, too", flag, ui.ShellWord(word))
		}
		s.noteGuesses()
	}
	if s.unread > 0 {
		return cli.Partial("some of it could not be read")
	}
	return nil
}
