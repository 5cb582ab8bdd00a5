package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
)

// latestSummary describes the newest manifest of an account, and its last good night, in JSON.
type latestSummary struct {
	manifestSummary
	LastGood *time.Time `json:"last_good,omitempty"` // complete, without failures and alarms; nil if no night was
}

// latestOfEach returns the newest manifest of each account, the one with the oldest last good night first. Its argument
// is sorted, the newest first.
func latestOfEach(all []manifestSummary) []latestSummary {
	var newest []latestSummary
	at := make(map[string]int)
	for i := range all {
		s := &all[i]
		n, seen := at[s.Account]
		if !seen {
			n = len(newest)
			at[s.Account] = n
			newest = append(newest, latestSummary{manifestSummary: *s})
		}
		if good := s.State == manifest.Complete.String() && s.Failures == 0 && s.Alarms == 0 && len(s.Lost) == 0; good && newest[n].LastGood == nil {
			newest[n].LastGood = &s.Time
		}
	}
	slices.SortStableFunc(newest, func(a, b latestSummary) int {
		return cmp.Or(a.good().Compare(b.good()), cmp.Compare(a.Account, b.Account))
	})
	return newest
}

func (s *latestSummary) good() time.Time {
	if s.LastGood == nil {
		return time.Time{}
	}
	return *s.LastGood
}

// printLatest writes one line for each account.
func (p *program) printLatest(newest []latestSummary) error {
	if p.flags.JSON {
		for i := range newest {
			if err := p.PrintJSON(&newest[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if len(newest) == 0 {
		return nil
	}
	t := p.Table("ACCOUNT", "LAST GOOD", "AGE", "ID", "TIME", "MESSAGES", "    SIZE", "REMARKS").Optional("SIZE", "TIME", "MESSAGES")
	defer t.Flush()
	for i := range newest {
		s := &newest[i]
		good, age := "never", ""
		if s.LastGood != nil {
			good, age = ui.Time(*s.LastGood), ui.Ago(*s.LastGood)
		}
		t.ColoredRow(s.color(), s.Account, good, age, s.ID[:8], ui.Time(s.Time), ui.Right(ui.Count(s.Messages), "MESSAGES"), ui.Right(ui.Size(s.Bytes), "    SIZE"), s.remarks())
	}
	return nil
}
