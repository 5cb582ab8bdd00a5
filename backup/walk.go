package backup

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/fetch"
	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/backup/moves"
	"github.com/mailstrata/mailstrata/backup/quota"
	"github.com/mailstrata/mailstrata/backup/sample"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/recovery"
)

// rounds bounds how often what changed under the reading is read again before a manifest is laid that is not proven
// consistent; roundsMost, where messages left their places meanwhile (departures).
const (
	rounds     = 4
	roundsMost = 12
)

// walk is one run's way through one account: from a survey, mailbox by mailbox, to the record of what was there.
type walk struct {
	account Account
	program string
	repo    *repo.Repo
	run     *repo.Run
	writer  *repo.Writer
	reader  *repo.Reader
	tell    func(Progress)

	parent *laid // the newest manifest, or a checkpoint; what it records is gone on from
	basis  *laid // the newest that is no checkpoint: what was lost since is told

	checkpoints *checkpoints
	quota       *quota.Quota
	spillAfter  time.Duration
	spill       *recovery.Log // nil: none
	downloads   *fetch.Account
	sampler     *sample.Sampler // nil: nothing that is recorded is compared
	note        func(Note)
	server      mail.Server

	before   map[string]*manifest.Mailbox // by raw name: what is in the parent
	recorded map[string]*manifest.Mailbox // by raw name: what will be in the manifest
	dangling []string
	outside  string // the name of a mailbox that is not read because it is shared or another user's, or ""

	validities identity.Validities // how many mailboxes have each small UIDVALIDITY

	untold bool              // the last survey left out the numbers of a mailbox
	gaps   map[string]string // why, by raw name, where that is a fault of the server

	round      int
	departures departures

	mu        sync.Mutex
	postponed bool                          // the day's budget is used up, and something was left out for it
	failures  map[string][]manifest.Failure // by raw name
	unread    map[string]bool               // raw names of mailboxes that were given up; true: to be tried again
	kept      map[string]int64              // by raw name: at least so many messages of the parent are still in it
	warnings  []string
	alarms    []string
	progress  Progress
	fresh     tally // downloaded in this run
	byIDs     tally // taken by id

	moves         *moves.Index
	comparedBasis bool // what the manifest before a checkpoint has was looked at
	tables        tables
	tooLarge      atomic.Int64 // messages that were not read because they are too large
}

// laid is a manifest that an earlier run laid.
type laid struct {
	repo.Head
	*manifest.Manifest
}

// tally counts messages and their bytes.
type tally struct{ messages, bytes int64 }

// add takes over what another one has counted.
func (t *tally) add(other *tally) {
	t.messages += other.messages
	t.bytes += other.bytes
	*other = tally{}
}

// follow reads the whole account, and reads again what changed meanwhile, until a survey agrees with what is recorded: that
// survey proves that the record was the state of the account when it was taken (design, "How an account is read", 7).
// It reports whether it came to that.
func (w *walk) follow(ctx context.Context) (consistent bool, err error) {
	for w.round = 0; w.round < rounds || w.departures.seen && w.round < roundsMost; w.round++ {
		survey, err := w.survey(ctx)
		if err != nil {
			return false, err
		}
		due, err := w.compare(ctx, survey)
		if err != nil {
			return false, err
		}
		if len(due) == 0 && !w.departures.search {
			w.tellGaps()
			return w.whole(), nil
		}
		if w.round > 0 { // the pages that this run wrote are about to be read
			if err := w.writer.Flush(ctx); err != nil {
				return false, err
			}
		}
		w.departures.early = 0
		if err := w.readAll(ctx, due); err != nil {
			return false, err
		}
		if w.postponed {
			return false, quota.ErrSpent
		}
	}
	return false, w.bringBack(ctx)
}

// survey takes a fresh view of the account.
func (w *walk) survey(ctx context.Context) (survey *mail.Survey, err error) {
	most := source.MaxAttempts
	if w.round == 0 {
		most = source.OpenAttempts
	}
	attempts := 0
	err = source.Retry(ctx, w.account.waits, most, func() error {
		survey, err = w.account.Source.Survey(ctx)
		if attempts++; attempts == 2 && err != nil && source.IsTransient(err) && ctx.Err() == nil {
			w.remark(false, "the mailboxes cannot be listed yet, and are asked for again, %d times at most: %v", most-attempts, err)
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("list mailboxes: %w", err)
	}
	return survey, err
}

// compare makes the record what the survey says: names, attributes and subscriptions are taken anew, and mailboxes that
// are gone leave it. It tells which mailboxes are to be read, because they may have changed since they were recorded, by
// this run or by the parent.
func (w *walk) compare(ctx context.Context, survey *mail.Survey) (due []*reading, err error) {
	observed, err := w.run.Now(ctx)
	if err != nil {
		return nil, err
	}
	before, unmoved, verify, err := w.basisOf(ctx, survey, observed)
	if err != nil {
		return nil, err
	}
	w.notes(survey)
	w.noteSkipped(survey)
	isLabel := w.labels(survey)
	w.gaps = survey.Gaps
	w.recorded, w.dangling, w.untold = make(map[string]*manifest.Mailbox, len(survey.Mailboxes)), survey.Dangling, false
	vanished := w.lookedFor(survey, before)
	records := identity.Find(survey, before, vanished)
	var renamed []*manifest.Mailbox
	for _, listed := range survey.Mailboxes {
		match := records.Of(&listed)
		old := match.Record
		renamed = append(renamed, old)
		if !w.selected(listed) {
			// It was not asked for, and is not lost. What a virtual mailbox showed is recorded in its own mailbox.
			if old != nil && !match.Shared && listed.Skip != mail.SkipVirtual {
				w.stand(old, listed)
			}
			continue
		}
		listed.Label = isLabel(listed)
		if old != nil && old.Label {
			old = nil // its own messages were never read
		}
		if listed.Label {
			w.recorded[listed.Raw] = &manifest.Mailbox{Mailbox: named(listed)}
			continue
		}
		if w.round > 0 && isContainer(old, listed) {
			w.recorded[listed.Raw] = container(listed)
			continue
		}
		w.untold = w.untold || listed.Selectable() && listed.Status == nil
		switch {
		case !listed.Selectable():
			w.recorded[listed.Raw] = &manifest.Mailbox{Mailbox: named(listed)}
		case old != nil && !match.Doubtful && !slices.Contains(w.departures.strays, old) && unmoved(old, listed.Status):
			w.stand(old, listed)
			w.takeAlong(old.Raw, listed.Raw)
			if verify && old.Messages > 0 {
				due = append(due, &reading{walk: w, listed: listed, old: old, observed: observed, verify: true, idle: true})
			}
		default:
			r := &reading{walk: w, listed: listed, old: old, observed: observed, verify: verify}
			r.doubtful, r.common, r.parent = match.Doubtful, match.Shared, isParent(listed, survey)
			w.recorded[listed.Raw] = r.unread()
			due = append(due, r)
		}
	}
	w.expect(due)
	return due, w.nominate(ctx, survey, before, w.notFound(vanished, renamed))
}

// basisOf returns the records to compare a survey with, and a test whether the record of a mailbox can stay as it is. In the
// first round they are the parent's, and verify reports whether a sample is to be compared.
func (w *walk) basisOf(ctx context.Context, survey *mail.Survey, observed time.Time) (
	before map[string]*manifest.Mailbox, unmoved func(*manifest.Mailbox, *mail.Status) bool, verify bool, err error,
) {
	if w.recorded != nil {
		return w.recorded, w.settled, false, nil
	}
	err = w.begin(ctx, survey)
	return w.before, w.standsSince(observed), w.sampler != nil, err
}

// begin reads the records of the parent, and decides whether they are of this server.
func (w *walk) begin(ctx context.Context, survey *mail.Survey) (err error) {
	if w.before, err = w.mailboxes(ctx, w.parent); err != nil {
		return err
	}
	w.validities = identity.CountValidities(w.before, survey)
	return w.doubtAll(ctx, survey)
}

// stand takes over the record of a mailbox.
func (w *walk) stand(old *manifest.Mailbox, listed mail.Mailbox) {
	w.recorded[listed.Raw] = relisted(old, listed)
	if w.round == 0 {
		w.keep(listed.Raw, old.Messages)
	}
}

// readAll reads mailboxes side by side, the largest first, so that none of them is left to the end alone.
func (w *walk) readAll(ctx context.Context, due []*reading) error {
	slices.SortStableFunc(due, func(a, b *reading) int { return cmp.Compare(b.expected(), a.expected()) })
	if err := w.each(ctx, lookedAt(due), (*reading).lookAhead); err != nil {
		return err
	}
	return w.each(ctx, due, func(r *reading, ctx context.Context) error {
		err := r.run(ctx)
		if err == nil {
			w.finished()
		}
		return err
	})
}

func (w *walk) each(ctx context.Context, readings []*reading, do func(*reading, context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, w.account.Source.Parallel()))
	for _, r := range readings {
		group.Go(func() error { return do(r, ctx) })
	}
	return group.Wait()
}

// settle puts what a reading found into the record.
func (w *walk) settle(r *reading, found *manifest.Mailbox, failures []manifest.Failure) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recorded[r.listed.Raw] = found
	w.fresh.add(&r.fresh)
	w.byIDs.add(&r.byIDs)
	delete(w.unread, r.listed.Raw)
	delete(w.failures, r.listed.Raw)
	if len(failures) > 0 {
		w.failures[r.listed.Raw] = failures
	}
}

// giveUp records a mailbox that cannot be read as it was recorded before, with what was known to be missing of it then,
// and says why. With again, another round tries, if the survey still lists it.
func (w *walk) giveUp(r *reading, reason error, again bool) {
	raw := r.listed.Raw
	failures := []manifest.Failure{{Mailbox: raw, Reason: reason.Error()}}
	earlier := w.failuresOf(raw)
	if len(earlier) == 0 && w.parent != nil {
		earlier = w.parent.Failures
	}
	for _, failure := range earlier {
		if failure.Mailbox == raw && failure.UID != 0 {
			failures = append(failures, failure)
		}
	}
	w.settle(r, r.inherited(), failures)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unread[raw] = again
	w.departures.seen = w.departures.seen || again
}

// wasGivenUp reports whether this run has tried to read a mailbox before, and could not.
func (w *walk) wasGivenUp(raw string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, givenUp := w.unread[raw]
	return givenUp
}

func (w *walk) failuresOf(raw string) []manifest.Failure {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failures[raw]
}

func (w *walk) warn(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if warning := fmt.Sprintf(format, args...); !slices.Contains(w.warnings, warning) {
		w.warnings = append(w.warnings, warning)
	}
}

// load fetches a chunk of the catalog: pages and lists of an earlier manifest.
func (w *walk) load(ctx context.Context) func(chunk.ID) ([]byte, error) {
	return func(id chunk.ID) ([]byte, error) { return w.reader.Chunk(ctx, id) }
}

// put keeps a chunk of the catalog.
func (w *walk) put(ctx context.Context) func([]byte) (chunk.ID, error) {
	return func(data []byte) (chunk.ID, error) {
		id, _, err := w.writer.Put(ctx, repo.LaneCatalog, data)
		return id, err
	}
}

// mailboxes is what a manifest recorded, by raw name; nothing for none. What is damaged of it is told of, and read anew.
func (w *walk) mailboxes(ctx context.Context, m *laid) (map[string]*manifest.Mailbox, error) {
	mailboxes := make(map[string]*manifest.Mailbox)
	if m == nil {
		return mailboxes, nil
	}
	load := w.load(ctx)
	if m == w.parent {
		load = w.loadTables(ctx)
	}
	for mailbox, err := range m.AllMailboxes(load) {
		if archive.IsDamage(err) {
			w.warn("not all mailboxes of an earlier manifest can be read, and these are read anew (mailstrata check tells more): %v", err)
			break
		}
		if err != nil {
			return nil, fmt.Errorf("mailboxes of an earlier manifest: %w", err)
		}
		mailboxes[mailbox.Raw] = mailbox
	}
	return mailboxes, nil
}

// chosen reports whether the user wants a mailbox.
func (w *walk) chosen(listed mail.Mailbox) bool {
	return w.account.Select == nil || w.account.Select(listed)
}

// selected reports whether a mailbox is to be archived in this run. Others stand as they were recorded before, if they
// were: not to be asked for is no loss.
func (w *walk) selected(listed mail.Mailbox) bool {
	return listed.Skip == mail.NotSkipped && w.chosen(listed)
}

// tellGaps makes failures of what nobody refused and yet did not come: a mailbox of which the server tells more messages, or
// fewer, than it lists, though nothing changed meanwhile.
func (w *walk) tellGaps() {
	for raw, m := range w.recorded {
		if !m.Selectable() || !w.selected(m.Mailbox) || m.Complete || m.Status == nil || m.Accounted() == int64(m.Status.Messages) || len(w.failures[raw]) > 0 {
			continue
		}
		reason := fmt.Sprintf("the server tells of %d messages and lists %d", m.Status.Messages, m.Messages)
		w.failures[raw] = []manifest.Failure{{Mailbox: raw, Reason: reason}}
	}
}

// failUnnumbered makes failures of mailboxes without numbers: they may be read, but nothing shows that all of their messages
// were.
func (w *walk) failUnnumbered() {
	for raw, reason := range w.gaps {
		if m := w.recorded[raw]; m != nil && w.selected(m.Mailbox) && len(w.failures[raw]) == 0 {
			w.failures[raw] = []manifest.Failure{{Mailbox: raw, Reason: reason}}
			m.Complete = false
		}
	}
}

// whole reports whether everything that the last survey told of was read without a gap.
func (w *walk) whole() bool {
	for _, mailbox := range w.recorded {
		if mailbox.Selectable() && !mailbox.Label && w.selected(mailbox.Mailbox) && !mailbox.Complete {
			return false
		}
	}
	return !w.untold
}

// session is for reading a mailbox of the account.
func (w *walk) session(mailbox mail.Mailbox) *source.Session {
	return source.NewSession(w.account.Source, w.account.waits, mailbox)
}
