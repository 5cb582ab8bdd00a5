package backup

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

// Budget bounds what is downloaded of an account. 0 is what is usual; below 0, there is no bound.
//
// A day's budget is for all runs that begin on that day (UTC, by the store's clock), on whatever host: each manifest says how
// much was downloaded for it. A run that has used it up lays a checkpoint, and the first one of another day goes on from there. What
// counts are the bytes of messages. A run that goes on past midnight is of the day on which it began: else two days'
// budgets could be spent within minutes, and what the budget is to keep, a server's own limit, be broken.
type Budget struct {
	Day    int64 // bytes; usual is none, and of Gmail 2 GB: it locks an account out for a day that downloads 2,500 MB
	Second int64 // bytes; usual is none
}

// gmailDay is what is downloaded of a Gmail account in a day, if nothing else is said.
const gmailDay = 2_000_000_000

// day is the day's budget for an account of a server; 0: none.
func (b Budget) day(server mail.Server) int64 {
	if b.Day == 0 && slices.Contains(server.Capabilities, "X-GM-EXT-1") {
		return gmailDay
	}
	return max(0, b.Day)
}

// errSpent ends a harvest: the budget of the day is used up.
var errSpent = errors.New("the budget of the day is used up")

// allowance counts what comes from the server, and holds it back.
type allowance struct {
	limiter *rate.Limiter // nil: none

	mu       sync.Mutex
	bounded  bool
	left     int64 // of the day's budget, when this run began
	granted  int64 // sizes of messages that were let pass
	received int64
	written  int64 // of received, what is in this run's manifests
}

func newAllowance(b Budget) *allowance {
	m := &allowance{}
	if b.Second > 0 {
		m.limiter = rate.NewLimiter(rate.Limit(b.Second), int(min(b.Second, 1<<20)))
	}
	return m
}

// bound gives a run what is left of the day.
func (m *allowance) bound(left int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bounded, m.left = true, left
}

// spent reports whether nothing is left.
func (m *allowance) spent() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.isSpent()
}

// end is errSpent where nothing is left.
func (m *allowance) end() error {
	if m.spent() {
		return errSpent
	}
	return nil
}

func (m *allowance) isSpent() bool { return m.bounded && max(m.granted, m.received) >= m.left }

// afford gives, of messages that are to be downloaded, those that the budget has room for. The last one may exceed it: else
// one that is larger than a day's budget would never come.
func (m *allowance) afford(messages []mail.Message) []mail.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range messages {
		if m.isSpent() {
			return messages[:i]
		}
		if size := messages[i].Size; size <= mail.MaxMessage { // a larger one is wrong, or does not come
			m.granted += max(0, size)
		}
	}
	return messages
}

// came counts bytes, and waits until so many may have come.
func (m *allowance) came(ctx context.Context, n int) error {
	m.mu.Lock()
	m.received += int64(n)
	m.mu.Unlock()
	for m.limiter != nil && n > 0 {
		piece := min(n, m.limiter.Burst())
		if err := m.limiter.WaitN(ctx, piece); err != nil {
			return err
		}
		n -= piece
	}
	return nil
}

// unwritten is what no manifest of this run tells yet; wrote says that one does.
func (m *allowance) unwritten() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.received - m.written
}

func (m *allowance) wrote(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.written += bytes
}

// metered is a source whose messages are counted and held back.
type metered struct {
	source.Source
	allowance *allowance
}

func (s *metered) Examine(ctx context.Context, mailbox mail.Mailbox) (source.View, error) {
	view, err := s.Source.Examine(ctx, mailbox)
	if err != nil {
		return nil, err
	}
	return &meteredView{view, s.allowance}, nil
}

type meteredView struct {
	source.View
	allowance *allowance
}

func (v *meteredView) Bodies(ctx context.Context, messages []mail.Message, read func(mail.UID, io.Reader) error) error {
	return v.View.Bodies(ctx, messages, func(uid mail.UID, body io.Reader) error {
		return read(uid, &meteredBody{ctx, body, v.allowance})
	})
}

func (v *meteredView) Ranges(ctx context.Context, wanted []source.Range, read func(source.Range, []byte) error) error {
	return v.View.Ranges(ctx, wanted, func(s source.Range, data []byte) error {
		if err := v.allowance.came(ctx, len(data)); err != nil {
			return err
		}
		return read(s, data)
	})
}

type meteredBody struct {
	ctx       context.Context
	body      io.Reader
	allowance *allowance
}

func (b *meteredBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if waited := b.allowance.came(b.ctx, n); waited != nil {
		err = waited
	}
	return n, err
}

// budget finds out what is left of the day for this run.
func (w *walk) budget(ctx context.Context) error {
	day := w.account.Budget.day(w.server)
	if day == 0 {
		return nil
	}
	spent, err := w.spentToday(ctx)
	w.allowance.bound(day - spent)
	return err
}

// spentToday is what the runs of the day on which this one began have downloaded, as far as it is written down.
// A manifest that was committed again, when the account got another name, says what the first one said: it counts once.
func (w *walk) spentToday(ctx context.Context) (bytes int64, err error) {
	midnight := w.run.Start().UTC().Truncate(24 * time.Hour)
	counted := make(map[[32]byte]bool)
	for head, err := range w.run.Heads(ctx, w.account.Name) {
		switch {
		case err != nil && (head.Name == "" || ctx.Err() != nil):
			return 0, err
		case head.Misdated != "":
			continue // its times say nothing, and findParent warned
		case head.Time.Before(midnight):
			return bytes, nil
		case err != nil:
			continue // findParent warned
		}
		m, err := archive.ReadManifest(ctx, w.repo, head)
		if err != nil || m.Start.Before(midnight) {
			continue
		}
		if s := (archive.Summary{Head: head, Manifest: m}); !counted[s.Origin()] {
			counted[s.Origin()] = true
			bytes += m.Downloaded
		}
	}
	return bytes, nil
}

// postponeRest notes that something was left out.
func (w *walk) postponeRest() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.postponed = true
}

// postpone ends a walk whose budget is used up: with a checkpoint, from which the next run goes on.
func (w *walk) postpone(ctx context.Context, b *Result) {
	w.warn(spentWarning, w.account.Budget.day(w.server))
	b.Postponed = true
	b.Head, b.Manifest, b.Err = w.layCheckpoint(ctx)
}
