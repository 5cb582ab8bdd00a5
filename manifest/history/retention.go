package history

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/manifest"
)

// Unlimited, as a number in a Policy, keeps every one.
const Unlimited = -1

// Policy says which manifests of an account are to stay. Its zero value names none to keep: what Decide keeps even so
// is what must never go.
//
// Each rule goes from the newest to the oldest and keeps the newest of each hour, day, week (of ISO 8601), month or
// year, until it has kept its number. Where there are not so many, the oldest stays too, so that a young archive has
// its whole reach. A manifest stays if any rule keeps it.
type Policy struct {
	Last, Hourly, Daily, Weekly, Monthly, Yearly int

	Within Span     // all that are younger than the newest by no more than this
	Tags   []string // all that bear one of these
}

// IsZero reports whether the policy has no rule.
func (p *Policy) IsZero() bool {
	numbers := []int{p.Last, p.Hourly, p.Daily, p.Weekly, p.Monthly, p.Yearly}
	return !slices.ContainsFunc(numbers, func(n int) bool { return n != 0 }) && p.Within == Span{} && len(p.Tags) == 0
}

// Run is what retention goes by: a manifest of an account that is not marked to be forgotten.
type Run struct {
	Hash  [32]byte
	Time  time.Time // the store's, when it was put
	State manifest.State
	Late  bool // put after its deadline: it was never committed
	Alarm bool // something shrank suspiciously
	Tags  []string

	Dating Dating
}

// Tags with a meaning of their own.
const (
	TagPinned       = "pinned"       // it stays until that is taken back
	TagAcknowledged = "acknowledged" // its alarm was seen, and is no reason to keep anything
	TagDated        = "dated"        // its time is right, though the store got it long after: it is no longer belated
)

func (r *Run) tagged(tag string) bool { return slices.Contains(r.Tags, tag) }

// alarming reports whether nobody has said yet that the shrinkage is right.
func (r *Run) alarming() bool { return r.Alarm && !r.tagged(TagAcknowledged) }

func (r *Run) complete() bool { return r.State == manifest.Complete && !r.Late }

// Verdict is what becomes of a manifest, and why.
type Verdict struct {
	Keep    bool
	Firm    bool     // it stays even if a person names it
	Reasons []string // why it stays; where it goes, why it does not even count, or nothing
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

// Decide says of each manifest of one account whether it stays. They may come in any order; of two with one time the
// larger hash counts as the newer. Hours, days and so on are those of the zone.
//
// Whatever the policy, these stay: the newest complete one; those that are pinned; one in which something shrank and
// the last complete one before it, until that is acknowledged; and checkpoints that no complete one followed, for the
// next run goes on from them. Other checkpoints go, and so does what was never committed: neither counts for any rule.
//
// Belated manifests take no place from those that came in time: the rules are applied to the latter alone, and then to
// all, and a manifest stays if it stays either time. While one is misdated, all stay, because somebody may have written
// it to make rules forget the others.
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
			verdicts[i].keep(ReasonMisdated)
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
	p.protect(list, newestFirst, inTime, verdicts)
	p.apply(list, inTime, verdicts, zone)
	if len(inTime) < len(complete) {
		p.protect(list, newestFirst, complete, verdicts)
		p.apply(list, complete, verdicts, zone)
	}
	suspend(list, verdicts)
	return verdicts
}

// suspend keeps everything while a manifest is misdated.
func suspend(list []Run, verdicts []Verdict) {
	if !slices.ContainsFunc(list, func(l Run) bool { return l.Dating == Misdated }) {
		return
	}
	for i := range verdicts {
		if list[i].Dating != Misdated {
			verdicts[i].keep(ReasonSuspended)
		}
	}
}

// Why manifests stay while one of the account is misdated.
const (
	ReasonMisdated  = "misdated: forget it by its id"
	ReasonSuspended = "a manifest of the account is misdated"
)

// protect keeps what no policy may take, by the manifests that count (those of complete). What lies between a loss and
// the last of them before it stays too, because two manifests are not compared again once anything between them was
// forgotten.
func (p *Policy) protect(list []Run, newestFirst, complete []int, verdicts []Verdict) {
	newest, shrunk := true, false // shrunk: the next one that counts has a loss that nobody acknowledged
	var between []int
	for _, i := range newestFirst {
		if len(complete) == 0 {
			return
		}
		if i != complete[0] {
			between = append(between, i)
			continue
		}
		complete = complete[1:]
		if newest {
			verdicts[i].keep("newest")
			newest = false
		}
		if shrunk {
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

// apply keeps what the rules keep.
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

// rules are the counting ones. An hour is told with its offset: where clocks are set back, one comes twice.
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
