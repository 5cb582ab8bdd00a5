package history

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/manifest"
)

// Unlimited is the number in a Policy that keeps every manifest of a rule.
const Unlimited = -1

// Policy says which manifests of an account to keep. With the zero Policy, Decide keeps only those
// that no policy may remove.
//
// Each rule goes from the newest manifest to the oldest and keeps the newest of each hour, day,
// week (ISO 8601), month or year, until it has kept its number. If there are fewer, it also keeps
// the oldest one, so that a young archive keeps its whole range. A manifest is kept if any rule
// keeps it.
type Policy struct {
	Last, Hourly, Daily, Weekly, Monthly, Yearly int

	Within Span     // keep all that are older than the newest by at most this
	Tags   []string // keep all that have one of these tags
}

// IsZero reports whether the policy has no rule.
func (p *Policy) IsZero() bool {
	numbers := []int{p.Last, p.Hourly, p.Daily, p.Weekly, p.Monthly, p.Yearly}
	return !slices.ContainsFunc(numbers, func(n int) bool { return n != 0 }) && p.Within == Span{} && len(p.Tags) == 0
}

// Run is a manifest as a Policy sees it. It is not marked to be forgotten.
type Run struct {
	Hash   [32]byte
	Parent [32]byte
	Start  time.Time // of the run, by the clock of the store
	Time   time.Time // likewise, of the manifest
	State  manifest.State
	Late   bool // written after its deadline, so it was never committed
	Alarm  bool // something shrank suspiciously
	Unread bool // its mail could not be read, and is that of an earlier manifest
	Tags   []string

	Dating Dating
}

// These tags have a meaning for Decide or for Dating.
const (
	TagPinned       = "pinned"       // the manifest is kept until the tag is removed
	TagAcknowledged = "acknowledged" // the owner has seen the alarm; it is no longer a reason to keep anything
	TagDated        = "dated"        // the owner confirmed the time of a belated manifest
)

func (r *Run) tagged(tag string) bool { return slices.Contains(r.Tags, tag) }

// alarming reports whether the run has an alarm that is not acknowledged.
func (r *Run) alarming() bool { return r.Alarm && !r.tagged(TagAcknowledged) }

func (r *Run) complete() bool { return r.State == manifest.Complete && !r.Late }

// Verdict says whether a manifest is kept, and why.
type Verdict struct {
	Keep    bool
	Firm    bool     // keep it even if a person names it
	Reasons []string // why it is kept; if it is not, why no rule counts it, if so
}

func (v *Verdict) keep(reason string) {
	if !v.Keep {
		v.Keep, v.Reasons = true, nil
	}
	if !slices.Contains(v.Reasons, reason) {
		v.Reasons = append(v.Reasons, reason)
	}
}

func (v *Verdict) hold(reason string) {
	v.keep(reason)
	v.Firm = true
}

// Decide returns a Verdict for each manifest of one account. The list may be in any order; of two
// manifests with the same time, the one with the larger hash is newer. Hours, days and so on are in
// the given zone.
//
// Every policy keeps the newest complete manifest; pinned ones; one in which something shrank and
// the last complete one before it, until the loss is acknowledged; those that ran beside the newest
// or beside the one before a loss (Beside); and checkpoints without a later complete one, because
// the next run continues from them. Other checkpoints, and manifests that were never committed, are
// not kept and count for no rule.
//
// Belated manifests do not displace those that are in time: the rules are applied to the latter
// alone and then to all, and a manifest is kept if it is kept either time. Those whose mail could
// not be read do not displace those whose mail was read, in the same way. While one is misdated,
// all are kept, because somebody may have written it to make the rules remove the others.
func (p *Policy) Decide(list []Run, zone *time.Location) []Verdict {
	verdicts := make([]Verdict, len(list))
	newestFirst := make([]int, len(list))
	for i := range list {
		newestFirst[i] = i
	}
	slices.SortFunc(newestFirst, func(i, j int) int {
		return cmp.Or(list[j].Time.Compare(list[i].Time), bytes.Compare(list[j].Hash[:], list[i].Hash[:]))
	})
	var complete []int
	for _, i := range newestFirst {
		switch {
		case list[i].Dating == Misdated:
			verdicts[i].keep(reasonMisdated)
		case list[i].complete():
			complete = append(complete, i)
		case list[i].Late:
			verdicts[i].Reasons = []string{"was never committed"}
		case len(complete) == 0:
			verdicts[i].keep("unfinished run")
		default:
			verdicts[i].Reasons = []string{"checkpoint, superseded"}
		}
		if list[i].tagged(TagPinned) {
			verdicts[i].hold(TagPinned)
		}
	}
	inTime := slices.DeleteFunc(slices.Clone(complete), func(i int) bool { return list[i].Dating == Belated })
	isUnread := func(i int) bool { return list[i].Unread }
	p.protect(list, newestFirst, inTime, verdicts)
	p.apply(list, inTime, verdicts, zone)
	if slices.ContainsFunc(inTime, isUnread) {
		p.apply(list, slices.DeleteFunc(slices.Clone(inTime), isUnread), verdicts, zone)
	}
	if len(inTime) < len(complete) {
		p.protect(list, newestFirst, complete, verdicts)
		p.apply(list, complete, verdicts, zone)
	}
	suspend(list, verdicts)
	return verdicts
}

// suspend keeps all manifests if one is misdated.
func suspend(list []Run, verdicts []Verdict) {
	if !slices.ContainsFunc(list, func(l Run) bool { return l.Dating == Misdated }) {
		return
	}
	for i := range verdicts {
		if list[i].Dating != Misdated {
			verdicts[i].keep(reasonSuspended)
		}
	}
}

// These are the reasons why manifests are kept while one of the account is misdated.
const (
	reasonMisdated  = "misdated: forget it by its id"
	reasonSuspended = "a manifest of the account is misdated"
)

// protect keeps the manifests that no policy may remove. complete are those that count. It also
// keeps those between a loss and the last complete one before it, because two manifests are not
// compared again after one between them was forgotten.
func (p *Policy) protect(list []Run, newestFirst, complete []int, verdicts []Verdict) {
	newest, shrunk := -1, false // shrunk: the next complete one has a loss that is not acknowledged
	held := -1                  // the last complete one before a loss
	beside := func(at, n int) bool {
		line := func(n int) Line {
			r := &list[newestFirst[n]]
			return Line{r.Hash, r.Parent, r.Start, r.Time}
		}
		return at >= 0 && Beside(line, at, n)
	}
	var between []int
	for n, i := range newestFirst {
		if len(complete) == 0 {
			return
		}
		if i != complete[0] {
			between = append(between, i)
			continue
		}
		complete = complete[1:]
		switch {
		case newest < 0:
			verdicts[i].keep("newest")
			newest = n
		case beside(newest, n):
			verdicts[i].keep("ran beside the newest")
		}
		if beside(held, n) {
			verdicts[i].hold("ran beside the last before it shrank")
		}
		if shrunk {
			held = n
			verdicts[i].hold("last before it shrank")
			for _, j := range between {
				verdicts[j].hold("beside a loss, not acknowledged")
			}
		}
		if shrunk = list[i].alarming(); shrunk {
			verdicts[i].hold("shrank, not acknowledged")
		}
		between = nil
	}
}

// apply applies the rules to the complete manifests.
func (p *Policy) apply(list []Run, complete []int, verdicts []Verdict, zone *time.Location) {
	for _, rule := range p.rules() {
		left, last := rule.number, ""
		for n, i := range complete {
			if left == 0 {
				break
			}
			bucket := rule.bucket(list[i].Time.In(zone), n)
			switch {
			case n == 0 || bucket != last:
				verdicts[i].keep(rule.name)
			case n == len(complete)-1:
				verdicts[i].keep("oldest " + rule.name)
			default:
				continue
			}
			last = bucket
			if left > 0 {
				left--
			}
		}
	}
	for _, i := range complete {
		if p.Within != (Span{}) && !list[i].Time.Before(p.Within.Before(list[complete[0]].Time.In(zone))) {
			verdicts[i].keep("within " + p.Within.String())
		}
		for _, tag := range p.Tags {
			if list[i].tagged(tag) {
				verdicts[i].keep("tag " + tag)
			}
		}
	}
}

type rule struct {
	name   string
	number int
	bucket func(t time.Time, n int) string
}

// rules returns the rules that count. The key of an hour has the zone offset, because an hour
// occurs twice when clocks are set back.
func (p *Policy) rules() []rule {
	layout := func(form string) func(time.Time, int) string {
		return func(t time.Time, _ int) string { return t.Format(form) }
	}
	return []rule{
		{"last", p.Last, func(_ time.Time, n int) string { return fmt.Sprint(n) }},
		{"hourly", p.Hourly, layout("2006-01-02 15 -0700")},
		{"daily", p.Daily, layout("2006-01-02")},
		{"weekly", p.Weekly, func(t time.Time, _ int) string { return fmt.Sprint(t.ISOWeek()) }},
		{"monthly", p.Monthly, layout("2006-01")},
		{"yearly", p.Yearly, layout("2006")},
	}
}
