package page

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/search/query"
	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/serve/view"
)

// searchPage is what a search found.
type searchPage struct {
	page
	Where   string // which nights are searched
	Wrong   string // what is wrong with the query
	Note    string
	Pager   pager
	More    bool   // there is more than the pager says
	Bound   string // that older messages cannot be seen; empty: they can
	Rows    []foundRow
	Restore string // command lines
	First   bool   // Restore is that of the first message alone
	Command string
	Mbox    string // addresses of downloads
	ZIP     string
}

// foundRow is a message that was found.
type foundRow struct {
	messageRow
	Mailbox     string
	First, Last time.Time // of the nights that have it; zero if one night is searched
	Snippet     []snippetPart
}

// snippetPart is a piece of the place where words match.
type snippetPart struct {
	Text string
	Mark bool
}

const (
	foundOnPage = 30
	// maxFound is how many messages of a search can be seen, the newest ones.
	maxFound = 1500
	// maxUnread is how many errors of a search are shown.
	maxUnread = 5
	// searchTime is how long a search reads messages without an index.
	searchTime = 60 * time.Second
)

// hits are messages that are found, with errors between them.
type hits = iter.Seq2[*search.Hit, error]

func (s *Server) search(w http.ResponseWriter, r *request) error {
	h, err := r.history()
	if err != nil {
		return err
	}
	data := &searchPage{page: page{
		Title: "Search", Account: h.Account, Crumbs: accountCrumbs(h),
		Query: r.values.Get(queryParam), Night: r.values.Get(nightParam), Wide: true,
	}, Where: "all backups"}
	found := &finder{server: s, history: h, limit: maxFound + 1}
	if data.Night != "" {
		p, err := r.nightOf(h, data.Night)
		if err != nil {
			return err
		}
		found.contents, data.Where = p.view.Contents, "the backup of "+nightName(h, p.index)
	}
	if found.query, err = query.Parse([]string{data.Query}, search.Query{}, time.Now()); err != nil {
		data.Wrong = sentence(err)
	}
	if data.Wrong != "" || found.query.IsZero() {
		return s.show(w, "search", data)
	}
	found.query.Fold = true
	data.Command = found.command(data.Query)
	pairs := []string{accountParam, h.Account, nightParam, data.Night, queryParam, data.Query, formatParam}
	data.Mbox, data.ZIP = to("export", append(pairs, "mbox")...), to("export", append(pairs, "zip")...)
	number := r.number(pageParam)
	found.limit = min(number*foundOnPage+1, maxFound)
	end, err := s.large.Take(r.Context())
	if err != nil {
		return err
	}
	defer end()
	if err := found.run(r.Context()); err != nil {
		return err
	}
	data.Note = found.note
	data.damaged(found.unread[:min(len(found.unread), maxUnread)]...)
	data.More = len(found.hits) == found.limit
	data.Restore, data.First = found.restore(data.Query)
	data.Pager = newPager(len(found.hits), foundOnPage, number, func(n string) string {
		return to("search", accountParam, h.Account, nightParam, data.Night, queryParam, data.Query, pageParam, n)
	})
	data.Pager.Open = data.More && found.limit < maxFound
	if data.More && found.limit == maxFound {
		data.Bound = "Only the newest " + ui.Plural(maxFound, "message") +
			" are shown. To see others, narrow the search: another word, or dates."
	}
	if data.Rows, err = found.rows(r.Context(), found.hits[data.Pager.First:data.Pager.End]); err != nil {
		return err
	}
	return s.show(w, "search", data)
}

// finder searches.
type finder struct {
	server   *Server
	history  *view.History
	contents *archive.Contents // of the night that is searched; nil: all are
	query    *query.Query
	limit    int

	hits   []*search.Hit // the newest first
	unread []error
	note   string
}

// command returns the command line of the search.
func (f *finder) command(text string) string {
	words := []string{"find", "--all", "--account", f.history.Account}
	if f.contents != nil {
		words = []string{"find", repoID(f.contents.Head)}
	}
	return command(f.history.Archive(), append(words, flag("--text", text)...)...)
}

// restore returns the command line that restores what was found, as find prints it: all if it is in
// one night, or else the first message.
func (f *finder) restore(text string) (line string, first bool) {
	if len(f.hits) == 0 {
		return "", false
	}
	shown := f.hits[0]
	night := lastNight(shown)
	words := append([]string{"restore", repoID(night)}, flag("--text", text)...)
	elsewhere := func(hit *search.Hit) bool { return lastNight(hit).Name != night.Name }
	if f.contents == nil && (len(f.hits) == f.limit || slices.ContainsFunc(f.hits, elsewhere)) {
		words, first = append([]string{"restore", repoID(night)}, flag("--mailbox", shown.Mailbox.Name)...), true
		words = append(words, "--message", fmt.Sprint(shown.Entry.UID))
	}
	return command(f.history.Archive(),
		append(words, "--to", back(f.history, f.history.Find(night.ID.String())))...), first
}

// lastNight returns the last night that has a message.
func lastNight(hit *search.Hit) repo.Head {
	if hit.Last.Name != "" {
		return hit.Last
	}
	return hit.Contents.Head
}

// repoID returns the id of a manifest as command lines have it.
func repoID(head repo.Head) string { return head.ID.String()[:8] }

// run finds the newest messages, by the index of this host if there is one.
func (f *finder) run(ctx context.Context) error {
	if f.query.Words == nil {
		return f.collect(f.scope().Scan(ctx, f.query.Record), false)
	}
	used, err := f.history.Archive().Words(ctx, func(x *textindex.Index, live *textindex.Live) error {
		if f.contents != nil && !live.Has(f.contents.Head) {
			return errNotIndexed
		}
		found, sorted, err := f.scope().Find(ctx, x, live, f.query.Query, f.query.Record)
		if err != nil {
			return err
		}
		return f.collect(found, sorted)
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case used && err == nil:
		return nil
	case err != nil:
		f.server.o.Log("the index of words cannot be used: %v", err)
	}
	f.hits, f.unread = nil, nil
	return f.readAll(ctx)
}

var errNotIndexed = errors.New("it does not have the backup")

// scope returns what is searched.
func (f *finder) scope() *textindex.Scope {
	s := &textindex.Scope{Repo: f.history.Archive().Repo(), All: f.contents == nil, Account: f.history.Account}
	if f.contents != nil {
		s.Manifests = []*archive.Contents{f.contents}
	}
	if len(f.query.In)+len(f.query.NotIn) > 0 {
		s.Wants = f.query.Wants
	}
	return s
}

// readAll searches for words without an index.
func (f *finder) readAll(ctx context.Context) error {
	f.note = "This host has no index of words, so messages were read. The command mailstrata index build makes searches fast."
	limited, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	record := f.query.Record
	record.Message = &textindex.Matcher{Query: f.query.Query}
	err := f.collect(f.scope().Scan(limited, record), false)
	if limited.Err() != nil && ctx.Err() == nil {
		f.note = "The search took too long, and did not look at all messages. The command mailstrata index build makes searches fast."
		return nil
	}
	return err
}

// collect keeps the newest of what is found. sorted says that the newest come first.
func (f *finder) collect(found hits, sorted bool) error {
	for hit, err := range found {
		switch {
		case err != nil && !archive.IsDamage(err):
			f.cut()
			return err
		case err != nil:
			f.unread = append(f.unread, err)
		default:
			f.hits = append(f.hits, hit)
		}
		if sorted && len(f.hits) == f.limit {
			return nil
		}
		if !sorted && len(f.hits) >= 2*f.limit+1000 {
			f.cut()
		}
	}
	if !sorted {
		f.cut()
	}
	return nil
}

// cut sorts what was found, and drops the oldest beyond the limit.
func (f *finder) cut() {
	slices.SortStableFunc(f.hits, func(a, b *search.Hit) int {
		return cmp.Compare(b.Entry.Internal.Resolved().Seconds, a.Entry.Internal.Resolved().Seconds)
	})
	if len(f.hits) > f.limit {
		clear(f.hits[f.limit:])
		f.hits = f.hits[:f.limit]
	}
}

// Count returns the number of messages in words.
func (p *searchPage) Count() string {
	if p.More {
		return "More than " + ui.Plural(p.Pager.Total-1, "message")
	}
	return ui.Plural(p.Pager.Total, "message")
}
