package history

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/internal/day"
)

// Ref is the name that a person uses for a manifest:
//
//	latest               the newest complete one
//	latest~2             the second one before it
//	3f9a                 the one whose hash begins with these digits, at least 4
//	2026-03-08           the newest complete one of that day or earlier
//	2026-03-08T14:30     the newest complete one of that minute or earlier
//	friday               the newest complete one of the last Friday before today, or earlier
//	2 weeks ago          any other date that day.Parse reads, but for a year, which can be the digits of a hash
//	home@latest          any of these, of the account home
//
// A Belated manifest is the one of a day only if no manifest up to that day is InTime.
//
// Dates, and times without a zone, are in the zone of the clock that is given to ParseRef.
type Ref struct {
	Account string // empty: not given
	text    string // without the account

	prefix string    // of the hash, in hexadecimal digits
	before time.Time // if not zero, the manifest is older than this
	back   int       // the number of newer complete manifests to skip
}

// Candidate is a committed manifest that a Ref can pick.
type Candidate struct {
	Account string
	Hash    [32]byte
	Time    time.Time // by the clock of the store
	Dating  Dating

	// Complete reports whether the manifest is not a checkpoint. Pick calls it only if needed,
	// newest first. Nil: it is complete.
	Complete func() (bool, error)
}

var (
	// ErrRef is wrapped by the errors of ParseRef.
	ErrRef = errors.New(`a manifest is named by "latest", "latest~2", four or more digits of its id, ` +
		`or a date such as 2026-03-08, 2026-03-08T14:30, friday, 2w; ACCOUNT@ may go before`)

	// ErrNoMatch is wrapped by the errors of Pick if no candidate matches.
	ErrNoMatch = errors.New("no such manifest")

	// ErrAmbiguous is wrapped by the errors of Pick if several candidates match.
	ErrAmbiguous = errors.New("more than one manifest matches")
)

const (
	minPrefix = 4
	maxPrefix = 64
)

// ParseRef parses the name of a manifest. now is the time of the person who wrote it. String
// inverts it.
func ParseRef(text string, now time.Time) (Ref, error) {
	var r Ref
	what := text
	if i := strings.LastIndexByte(text, '@'); i >= 0 { // the last one, because an account can be jo@example.org
		if i == 0 {
			return Ref{}, fmt.Errorf("%q: no account before @: %w", text, ErrRef)
		}
		r.Account, what = text[:i], text[i+1:]
	}
	r.text = what
	if rest, ok := strings.CutPrefix(what, "latest"); ok {
		back, err := parseBack(rest)
		if err != nil {
			return Ref{}, fmt.Errorf("%q: %w", text, ErrRef)
		}
		r.back = back
		return r, nil
	}
	if isPrefix(what) {
		r.prefix = strings.ToLower(what)
		return r, nil
	}
	if when, ok := day.Parse(what, now); ok {
		r.before = when.Until
		return r, nil
	}
	return Ref{}, fmt.Errorf("%q: %w", text, ErrRef)
}

func parseBack(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	digits, ok := strings.CutPrefix(text, "~")
	if !ok {
		return 0, ErrRef
	}
	back, err := strconv.ParseUint(digits, 10, 31)
	return int(back), err
}

func isPrefix(text string) bool {
	if len(text) < minPrefix || len(text) > maxPrefix {
		return false
	}
	return !strings.ContainsFunc(strings.ToLower(text), func(c rune) bool {
		return !('0' <= c && c <= '9' || 'a' <= c && c <= 'f')
	})
}

// IsTime reports whether the Ref is a day or a time.
func (r Ref) IsTime() bool { return !r.before.IsZero() }

// Back returns how many newer complete manifests Pick passes over, as latest~2 says it.
func (r Ref) Back() int { return r.back }

// String returns the text of the Ref. ParseRef inverts it.
func (r Ref) String() string {
	if r.Account == "" {
		return r.text
	}
	return r.Account + "@" + r.text
}

// Pick returns the index of the candidate that the Ref names. Candidates may be in any order.
func (r Ref) Pick(list []Candidate) (int, error) {
	others := func(c Candidate) bool { return c.Account != list[0].Account }
	if r.prefix == "" && r.Account == "" && slices.ContainsFunc(list, others) {
		return 0, fmt.Errorf("%s: %w: there are several accounts; name one: ACCOUNT@%s", r, ErrAmbiguous, r.text)
	}
	var fit []int
	for i, c := range list {
		if (r.Account == "" || r.Account == c.Account) && r.fits(c) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return 0, r.noMatch(list)
	}
	if r.prefix != "" {
		if len(fit) > 1 {
			return 0, fmt.Errorf("%s: %w: %d ids begin with these digits", r, ErrAmbiguous, len(fit))
		}
		return fit[0], nil
	}
	slices.SortStableFunc(fit, func(a, b int) int { return list[b].Time.Compare(list[a].Time) })
	return r.pickComplete(list, fit)
}

// fits reports whether a candidate can be the named one. Only its id names a misdated manifest.
func (r Ref) fits(c Candidate) bool {
	if r.prefix != "" {
		return strings.HasPrefix(hex.EncodeToString(c.Hash[:]), r.prefix)
	}
	return c.Dating != Misdated && (r.before.IsZero() || c.Time.Before(r.before))
}

// pickComplete picks among candidates that fit, newest first. For a day, those InTime count,
// because anybody with the key of a writer can date another manifest back to that day. If there is
// one, Confirmed ones count, too. If there is none, as in a copy, all candidates are equal.
func (r Ref) pickComplete(list []Candidate, fit []int) (int, error) {
	if !r.before.IsZero() {
		notInTime := func(i int) bool { return list[i].Dating != InTime }
		belated := func(i int) bool { return list[i].Dating == Belated }
		i, err := r.newestComplete(list, slices.DeleteFunc(slices.Clone(fit), notInTime))
		if err == nil {
			i, err = r.newestComplete(list, slices.DeleteFunc(slices.Clone(fit), belated))
		}
		if !errors.Is(err, ErrNoMatch) {
			return i, err
		}
	}
	return r.newestComplete(list, fit)
}

// Passed returns the belated candidates that are newer than the picked one and were not picked
// because they are belated.
func (r Ref) Passed(list []Candidate, picked int) (passed []int) {
	for i, c := range list {
		closer := c.Account == list[picked].Account && c.Time.After(list[picked].Time)
		if !r.before.IsZero() && c.Dating == Belated && closer && r.fits(c) {
			passed = append(passed, i)
		}
	}
	return passed
}

func (r Ref) newestComplete(list []Candidate, fit []int) (int, error) {
	complete := 0
	for _, i := range fit {
		if list[i].Complete != nil {
			ok, err := list[i].Complete()
			if err != nil {
				return 0, err
			}
			if !ok {
				continue
			}
		}
		if complete == r.back {
			return i, nil
		}
		complete++
	}
	return 0, fmt.Errorf("%s: %w: there are only %d complete ones", r, ErrNoMatch, complete)
}

func (r Ref) noMatch(list []Candidate) error {
	switch {
	case len(list) == 0:
		return fmt.Errorf("%s: %w: there are none yet", r, ErrNoMatch)
	case r.Account != "" && !slices.ContainsFunc(list, func(c Candidate) bool { return c.Account == r.Account }):
		return fmt.Errorf("%s: %w: there are none of account %q", r, ErrNoMatch, r.Account)
	case !r.before.IsZero():
		return fmt.Errorf("%s: %w: all are newer", r, ErrNoMatch)
	}
	return fmt.Errorf("%s: %w", r, ErrNoMatch)
}
