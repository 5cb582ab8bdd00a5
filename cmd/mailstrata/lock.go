package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/repo"
)

// lockPeriod is a number of days; 0: none.
type lockPeriod int

// UnmarshalText reads 30d.
func (l *lockPeriod) UnmarshalText(text []byte) error {
	digits, ok := strings.CutSuffix(string(text), "d")
	days, err := strconv.Atoi(digits)
	if !ok || err != nil || days < 1 || days > repo.MaxLockDays {
		return fmt.Errorf("%s is no period such as 30d, from 1d to %dd", quoted(string(text)), repo.MaxLockDays)
	}
	*l = lockPeriod(days)
	return nil
}

// lockSummary is a repository's lock, as JSON.
type lockSummary struct {
	Days      int    `json:"days"`
	Mode      string `json:"mode"`
	ByDefault bool   `json:"by_default"` // the bucket's default retention does it
}

func summarizeLock(l *repo.Lock) *lockSummary {
	if l == nil {
		return nil
	}
	return &lockSummary{l.Days, lockMode(l), l.ByDefault}
}

func lockMode(l *repo.Lock) string {
	if l.Compliance {
		return "compliance"
	}
	return "governance"
}

// describeLock is a repository's lock in words; "" where there is none.
func describeLock(l *repo.Lock) string {
	switch {
	case l == nil:
		return ""
	case l.ByDefault:
		return fmt.Sprintf("%d days, %s, by the bucket's default retention", l.Days, lockMode(l))
	}
	return fmt.Sprintf("%d days, %s, asked for with each object (s3:PutObjectRetention)", l.Days, lockMode(l))
}

// renewedLocks is how many locks were renewed, in words; "" where none was.
func renewedLocks(n int) string {
	if n == 0 {
		return ""
	}
	return "of " + plural(int64(n), "object")
}
