package look

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive/health"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/notify"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
)

// accountStatus is how an account is doing, as JSON.
type accountStatus struct {
	Account     string         `json:"account"`
	Repository  string         `json:"repository"`
	LastGood    time.Time      `json:"last_good,omitzero"`
	Good        *goodManifest  `json:"good,omitempty"` // of that night
	Newest      time.Time      `json:"newest,omitzero"`
	ID          string         `json:"id,omitempty"` // of the newest manifest
	Messages    int64          `json:"messages"`
	Bytes       int64          `json:"bytes"`
	NewMessages int64          `json:"new_messages"` // of the newest manifest
	NewBytes    int64          `json:"new_bytes"`
	Growth      *growth        `json:"growth,omitempty"`
	Failures    int64          `json:"failures"`
	Alarms      []string       `json:"alarms,omitempty"`
	Alarming    []alarmSummary `json:"alarming,omitempty"` // the manifests with these alarms
	Lost        []string       `json:"lost,omitempty"`
	Unreadable  int            `json:"unreadable,omitempty"` // recent manifests that cannot be read
	Needs       []string       `json:"needs,omitempty"`      // why it needs a look; the worst first
	Damaged     time.Time      `json:"damaged,omitzero"`     // when a check found damage in the repository
	Read        time.Time      `json:"read,omitzero"`        // when a rolling check of any host last ended without damage

	Failed *cli.FailedBackup `json:"failed,omitempty"` // the last backup on this host; nil: it did not fail

	duration time.Duration // of the newest run
}

// goodManifest is the manifest of the last good night, as JSON.
type goodManifest struct {
	ID       string `json:"id"`
	Messages int64  `json:"messages"`
	Bytes    int64  `json:"bytes"`
}

// growth is how much larger an account is than 30 days ago, as JSON.
type growth struct {
	Messages int64 `json:"messages"`
	Bytes    int64 `json:"bytes"`
}

// alarmSummary is a manifest with alarms, as JSON.
type alarmSummary struct {
	ID     string    `json:"id"`
	Time   time.Time `json:"time"`
	Alarms []string  `json:"alarms"`
}

// status is the exit status for an account.
func (a *accountStatus) status() int {
	switch {
	case len(a.Alarms)+len(a.Lost) > 0:
		return cli.StatusShrunk
	case len(a.Needs) > 0:
		return cli.StatusPartial
	}
	return cli.StatusDone
}

// describe says why an account needs a look.
func describe(a *health.Account, repository string, late time.Time) *accountStatus {
	m := a.Newest.Manifest
	s := &accountStatus{
		Account: a.Name, Repository: repository, Newest: a.Newest.Head.Time.UTC(), ID: summary.ID(a.Newest.Head),
		Messages: m.Totals.Messages, Bytes: m.Totals.Bytes, NewMessages: m.Totals.NewMessages, NewBytes: m.Totals.NewBytes, Failures: m.Totals.Failures,
		Alarms: a.AlarmTexts(), Lost: a.Lost, Unreadable: len(a.Damage), duration: m.End.Sub(m.Start),
	}
	if good := a.Good.Manifest; good != nil {
		s.LastGood = a.LastGood.UTC()
		s.Good = &goodManifest{summary.ID(a.Good.Head), good.Totals.Messages, good.Totals.Bytes}
	}
	if a.Growth != nil {
		s.Growth = &growth{a.Growth.Messages, a.Growth.Bytes}
	}
	for _, alarm := range a.Alarms {
		s.Alarming = append(s.Alarming, alarmSummary{summary.ID(alarm.Head), alarm.Head.Time.UTC(), alarm.Texts})
	}
	s.Needs = needs(s, late)
	switch {
	case len(s.Needs) > 0 && m.State == manifest.Checkpoint: // such as each day of a spent budget
		s.Needs = append(s.Needs, "the newest is a checkpoint")
	case s.Failures > 0:
		s.Needs = append(s.Needs, summary.Unread(summary.OfSources(m))...)
	}
	return s
}

// needs returns why an account needs a look, the worst first.
func needs(s *accountStatus, late time.Time) (words []string) {
	if n := len(s.Alarms); n > 0 {
		words = append(words, ui.Plural(n, "alarm"))
	}
	if len(s.Lost) > 0 {
		words = append(words, "lacks mail")
	}
	switch {
	case s.Newest.Before(late):
		words = append(words, "no backup since "+ui.Time(s.Newest))
	case s.LastGood.Before(late):
		words = append(words, "no good night")
	}
	if n := s.Failures; n > 0 {
		words = append(words, ui.Plural(n, "failure"))
	}
	if n := s.Unreadable; n > 0 {
		words = append(words, ui.Plural(n, "manifest")+" cannot be read")
	}
	return words
}

// addFailed adds that the last backup on this host failed, unless another host has archived the
// account since.
func (a *accountStatus) addFailed(f cli.FailedBackup) {
	if f.Time.Before(a.LastGood) {
		return
	}
	a.Failed = &f
	a.Needs = append(a.Needs, "the backup failed "+ui.Ago(f.Time))
}

// watched returns the account for monitors.
func (a *accountStatus) watched() notify.Account {
	w := notify.Account{
		Name: ui.Safe(a.Account), Repository: ui.Safe(a.Repository), Status: a.status(), Remark: strings.Join(a.Needs, ", "),
		End: a.Newest, LastGood: a.LastGood, Duration: a.duration, Messages: a.Messages, Bytes: a.Bytes,
		NewMessages: a.NewMessages, NewBytes: a.NewBytes, Failures: a.Failures, Alarms: int64(len(a.Alarms) + len(a.Lost)),
	}
	if a.Newest.IsZero() {
		w.Err = strings.Join(a.Needs, ", ")
	}
	return w
}

// merge returns each account once, the worst first. One that several repositories have is shown as
// the one with the newest good night has it, and needs a look if it does in any of them.
func merge(places []*place) (merged []*accountStatus) {
	at := make(map[string]int)
	for _, from := range places {
		for _, a := range from.accounts {
			n, seen := at[a.Account]
			if !seen {
				at[a.Account] = len(merged)
				merged = append(merged, a)
				continue
			}
			shown, other := merged[n], a
			if other.LastGood.After(shown.LastGood) {
				shown, other = other, shown
			}
			merged[n] = shown.with(other)
		}
	}
	slices.SortStableFunc(merged, worstFirst)
	return merged
}

// with returns an account with what it needs in another repository.
func (a *accountStatus) with(other *accountStatus) *accountStatus {
	both := *a
	both.Alarms, both.Alarming = slices.Clone(a.Alarms), slices.Clone(a.Alarming)
	both.Needs = slices.Clone(a.Needs)
	for _, alarm := range other.Alarming { // a copy has the alarm of its original
		if !slices.ContainsFunc(a.Alarming, func(b alarmSummary) bool { return slices.Equal(b.Alarms, alarm.Alarms) }) {
			both.Alarming, both.Alarms = append(both.Alarming, alarm), slices.Concat(both.Alarms, alarm.Alarms)
		}
	}
	for _, need := range other.Needs {
		both.Needs = append(both.Needs, fmt.Sprintf("in %s: %s", other.Repository, need))
	}
	both.Lost = slices.Concat(a.Lost, other.Lost)
	return &both
}

// shownAs returns the messages and bytes of the last good night, or of the newest if there is none.
func (a *accountStatus) shownAs() goodManifest {
	if a.Good != nil {
		return *a.Good
	}
	return goodManifest{a.ID, a.Messages, a.Bytes}
}

// signed formats a difference.
func signed(n int64) string {
	if n > 0 {
		return "+" + ui.Count(n)
	}
	return ui.Count(n)
}
