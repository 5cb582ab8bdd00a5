package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/manifest"
)

// latestSummary describes the newest manifest of an account, and its last good night, in JSON.
type latestSummary struct {
	manifestSummary
	LastGood *time.Time `json:"last_good,omitempty"` // complete, without failures and alarms; nil if no night was
}

// latestOfEach returns the newest manifest of each account, the one whose last good night is longest ago first. Its
// argument is sorted, the newest first.
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
			if err := p.printJSON(&newest[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if len(newest) == 0 {
		return nil
	}
	t := p.table("ACCOUNT", "LAST GOOD", "AGE", "ID", "TIME", "MESSAGES", "    SIZE", "REMARKS").canSpare("SIZE", "TIME", "MESSAGES")
	defer t.close()
	for i := range newest {
		s := &newest[i]
		good, age := "never", ""
		if s.LastGood != nil {
			good, age = moment(*s.LastGood), ago(*s.LastGood)
		}
		t.mark(s.colour(), s.Account, good, age, s.ID[:8], moment(s.Time), right(count(s.Messages), "MESSAGES"), right(size(s.Bytes), "    SIZE"), s.remarks())
	}
	return nil
}
