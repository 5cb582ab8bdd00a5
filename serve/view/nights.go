package view

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
)

// complete returns the complete manifests of an account, the newest first. What cannot be read
// becomes damage of the view.
func (a *Archive) complete(ctx context.Context, v *View) (nights []*archive.Contents, err error) {
	onlyTables := archive.NewLookahead(a.reader, func(*manifest.Mailbox) bool { return false }, false)
	for s, err := range onlyTables.Manifests(ctx, archive.AccountManifests(ctx, a.repo, v.Account)) {
		if err != nil {
			if archive.EndsListing(ctx, s.Head, err) {
				return nil, err
			}
			v.Damage = append(v.Damage, err)
			continue
		}
		if s.Manifest.State == manifest.Complete {
			c := a.reader.Contents(s.Manifest)
			c.Head = s.Head
			nights = append(nights, c)
		}
	}
	if len(nights) == 0 {
		return nil, fmt.Errorf("%w: no backup of %q is complete", ErrNoView, v.Account)
	}
	return nights, nil
}

// How many nights are shown side by side. All others can be named.
const (
	newestNights = 14
	weeks        = 8
	months       = 12
)

// chosen returns the nights that are shown side by side, of those from the newest to the oldest:
// the newest ones, and before these the newest of each week, month and year.
func chosen(times []time.Time) (shown []int) {
	rules := []struct {
		left   int
		period func(time.Time) string
		last   string
	}{
		{newestNights, func(t time.Time) string { return t.String() }, ""},
		{weeks, func(t time.Time) string { year, week := t.ISOWeek(); return fmt.Sprint(year, week) }, ""},
		{months, func(t time.Time) string { return t.Format("2006-01") }, ""},
		{len(times), func(t time.Time) string { return t.Format("2006") }, ""},
	}
	for i, t := range times {
		keep := false
		for n := range rules {
			r := &rules[n]
			if n > 0 && rules[n-1].left > 0 {
				break // the rule before it still has nights
			}
			if period := r.period(t); r.left > 0 && period != r.last {
				r.left, keep = r.left-1, true
			}
			r.last = r.period(t)
		}
		if keep {
			shown = append(shown, i)
		}
	}
	return shown
}

// sideBySide returns the view of some nights: each is a mailbox with its mailboxes below it. They
// have no special uses, so that no client puts drafts into the past.
func (a *Archive) sideBySide(ctx context.Context, account string) (*View, error) {
	v := &View{Account: account}
	all, err := a.complete(ctx, v)
	if err != nil {
		return nil, err
	}
	times := make([]time.Time, len(all))
	for i, c := range all {
		times[i] = c.Head.Time.Local()
	}
	type night struct {
		name      string
		contents  *archive.Contents
		mailboxes []*manifest.Mailbox
	}
	var nights []night
	var every []*manifest.Mailbox
	for _, i := range chosen(times) {
		mailboxes, err := v.read(ctx, all[i])
		if err != nil {
			return nil, err
		}
		nights = append(nights, night{nightName(all, times, i), all[i], mailboxes})
		every = append(every, mailboxes...)
	}
	delimiter := delimiterOf(every)
	for _, n := range nights {
		names := newNames(n.mailboxes, delimiter)
		var mailboxes []*Mailbox
		for _, m := range n.mailboxes {
			mailboxes = append(mailboxes, a.mailbox(n.contents, m, names, n.mailboxes))
		}
		subscribe(mailboxes)
		for _, m := range mailboxes {
			m.Name, m.SpecialUse = n.name+delimiter+m.Name, nil
		}
		v.Mailboxes = append(v.Mailboxes, mailboxes...)
	}
	v.sort()
	return v, nil
}

// nightName returns the name of a night. Those of the same minute have the beginning of their ids.
func nightName(all []*archive.Contents, times []time.Time, i int) string {
	const layout = "2006-01-02 1504"
	name := times[i].Format(layout)
	for n, t := range times {
		if n != i && t.Format(layout) == name {
			return name + " " + all[i].Head.ID.String()[:8]
		}
	}
	return name
}

func (v *View) sort() {
	slices.SortFunc(v.Mailboxes, func(a, b *Mailbox) int { return strings.Compare(a.Name, b.Name) })
}
