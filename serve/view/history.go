package view

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// History is the nights of an account. It is immutable.
type History struct {
	Account string
	Nights  []archive.Summary // the newest first; the manifests are without their mailboxes
	Damage  []error           // of manifests that cannot be read

	archive *Archive
}

// Acknowledged returns the names of the manifests with an alarm that somebody has acknowledged. An
// acknowledgement that cannot be read does not count.
func (h *History) Acknowledged(ctx context.Context) (map[string]bool, error) {
	alarming := func(n archive.Summary) bool { return len(n.Manifest.Alarm) > 0 }
	if !slices.ContainsFunc(h.Nights, alarming) {
		return nil, nil
	}
	tags, _, err := h.archive.repo.ReadableTags(ctx)
	if err != nil {
		return nil, err
	}
	names := make(map[string]bool)
	for _, n := range h.Nights {
		if alarming(n) && slices.Contains(tags[n.Head.Name], history.TagAcknowledged) {
			names[n.Head.Name] = true
		}
	}
	return names, nil
}

// freshHistory is how long a history is shown without a look at whether there are new nights.
const freshHistory = 10 * time.Second

// histories are those that were read, by account. Manifests never change, so only new ones are
// read.
type histories struct {
	mu  sync.Mutex
	all map[string]*keptHistory
}

type keptHistory struct {
	reading sync.Mutex // held while it is read, so that requests that need it at once read it once
	history *History
	known   map[string]nightResult // by the name of the manifest
	at      time.Time
}

// nightResult is a manifest without its mailboxes, or why it cannot be read.
type nightResult struct {
	archive.Summary
	err error
}

// History returns the nights of an account. The error wraps ErrNoView if there is no such account.
func (all Archives) History(ctx context.Context, account string) (*History, error) {
	for _, a := range all {
		if h := a.histories.fresh(account); h != nil {
			return h, nil
		}
	}
	a, err := all.WithAccount(ctx, account)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return nil, fmt.Errorf("%w: no account %q is archived", ErrNoView, account)
	}
	return a.history(ctx, account)
}

// fresh returns a history that was read a moment ago, or nil.
func (h *histories) fresh(account string) *History {
	kept := h.kept(account, false)
	if kept == nil {
		return nil
	}
	kept.reading.Lock()
	defer kept.reading.Unlock()
	if time.Since(kept.at) > freshHistory {
		return nil
	}
	return kept.history
}

func (h *histories) kept(account string, add bool) *keptHistory {
	h.mu.Lock()
	defer h.mu.Unlock()
	kept := h.all[account]
	if kept == nil && add {
		if h.all == nil {
			h.all = make(map[string]*keptHistory)
		}
		kept = &keptHistory{known: make(map[string]nightResult)}
		h.all[account] = kept
	}
	return kept
}

// history reads what is new of the nights of an account.
func (a *Archive) history(ctx context.Context, account string) (*History, error) {
	kept := a.histories.kept(account, true)
	kept.reading.Lock()
	defer kept.reading.Unlock()
	h := &History{Account: account, archive: a}
	known := make(map[string]nightResult)
	for n, err := range inorder.Map(ctx, nightsAhead, unmarked(a.repo.AccountManifests(ctx, account)), func(ctx context.Context, head repo.Head) (nightResult, error) {
		if n, ok := kept.known[head.Name]; ok {
			return n, nil
		}
		return a.readNight(ctx, head)
	}) {
		if err != nil {
			return nil, err
		}
		known[n.Head.Name] = n
		switch {
		case n.err != nil:
			h.Damage = append(h.Damage,
				fmt.Errorf("the backup of %s: %w", n.Head.Time.Local().Format("2006-01-02 15:04"), n.err))
		case !n.Head.Late:
			h.Nights = append(h.Nights, n.Summary)
		}
	}
	kept.history, kept.known, kept.at = h, known, time.Now()
	return h, nil
}

// nightsAhead is how many manifests are read at once.
const nightsAhead = 64

// unmarked yields the manifests that are not forgotten.
func unmarked(heads iter.Seq2[repo.Head, error]) iter.Seq2[repo.Head, error] {
	return func(yield func(repo.Head, error) bool) {
		for head, err := range heads {
			if (err != nil || !head.Marked) && !yield(head, err) {
				return
			}
		}
	}
}

// readNight reads a manifest without its mailboxes. Damage becomes part of the result.
func (a *Archive) readNight(ctx context.Context, head repo.Head) (nightResult, error) {
	m, err := archive.ReadManifest(ctx, a.repo, head)
	if err == nil {
		head = a.repo.Judge(head, m.Deadline)
		err = head.Misdating()
	}
	if err != nil {
		if ctx.Err() != nil || archive.UnlessDamage(err) != nil && !errors.Is(err, repo.ErrMisdated) {
			return nightResult{}, err
		}
		return nightResult{archive.Summary{Head: head}, err}, nil
	}
	outline := *m
	outline.Mailboxes, outline.Tables, outline.Dangling = nil, nil, nil
	return nightResult{Summary: archive.Summary{Head: head, Manifest: &outline}}, nil
}

// Latest returns the index of the latest complete night, or -1.
func (h *History) Latest() int {
	for i := range h.Nights {
		if h.Nights[i].Manifest.State == manifest.Complete {
			return i
		}
	}
	return -1
}

// Find returns the index of the night whose id begins with some hexadecimal digits, or -1 if no
// night has such an id, or more than one.
func (h *History) Find(id string) int {
	found := -1
	for i := range h.Nights {
		if len(id) >= 8 && strings.HasPrefix(hex.EncodeToString(h.Nights[i].Head.ID[:]), id) {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	return found
}

// maxRecent is how many views of nights are kept.
const maxRecent = 8

// View returns the view of a night.
func (h *History) View(ctx context.Context, i int) (*View, error) {
	head := h.Nights[i].Head
	if v := h.archive.recent.Get(head.Name); v != nil {
		return v, nil
	}
	h.archive.repo.PrepareIndex(ctx)
	contents, err := h.archive.reader.Open(ctx, head)
	if err != nil {
		return nil, err
	}
	v, err := h.archive.viewOf(ctx, h.Account, contents)
	if err == nil && len(v.Damage) == 0 {
		h.archive.recent.Put(head.Name, v, maxRecent)
	}
	return v, err
}

// Reader returns the reader of all sessions.
func (a *Archive) Reader() *archive.Reader { return a.reader }

// Archive returns the archive of the account.
func (h *History) Archive() *Archive { return h.archive }
