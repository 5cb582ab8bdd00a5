package backup

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/mail"
)

// ShrinkLimit is a loss.Limit that people write.
type ShrinkLimit struct {
	Off   bool  // never
	Share Rate  // of the messages that were there, and
	Least int64 // so many
}

// UsualShrinkLimit is what counts where nothing else is said.
var UsualShrinkLimit = ShrinkLimit{Share: Rate(loss.Usual.Share), Least: loss.Usual.Least}

// ParseShrinkLimit reads "20%", "20%,50" (a share, and the least number of messages), or "off".
func ParseShrinkLimit(text string) (ShrinkLimit, error) {
	if text == "off" {
		return ShrinkLimit{Off: true}, nil
	}
	share, least, both := strings.Cut(text, ",")
	limit := UsualShrinkLimit
	var err error
	if limit.Share, err = ParseRate(share); err != nil {
		return ShrinkLimit{}, fmt.Errorf("%q is no limit, such as 20%%, or 20%%,50 for fifty messages at the least, or off", text)
	}
	if both {
		if limit.Least, err = strconv.ParseInt(strings.TrimSpace(least), 10, 64); err != nil || limit.Least < 1 {
			return ShrinkLimit{}, fmt.Errorf("%q is no limit: after the comma stands a number of messages", text)
		}
	}
	return limit, nil
}

// String is what ParseShrinkLimit reads.
func (l ShrinkLimit) String() string {
	if l.Off {
		return "off"
	}
	return fmt.Sprintf("%v,%d", l.Share, l.Least)
}

// Exceeded reports whether so much is gone that it is suspicious.
func (l ShrinkLimit) Exceeded(before, now int64) bool { return l.Limit().Exceeded(before, before-now) }

// Limit converts the limit for package loss.
func (l ShrinkLimit) Limit() loss.Limit {
	return loss.Limit{Off: l.Off, Share: float64(l.Share), Least: l.Least}
}

// ShrinkRule is a limit for the mailboxes that a pattern fits, or, without a pattern, for all others and the account as
// a whole. What a pattern means, its user says.
type ShrinkRule struct {
	Pattern string
	Limit   ShrinkLimit
}

// ParseShrinkRule reads LIMIT or PATTERN=LIMIT. A pattern may have = in it: the last one counts.
func ParseShrinkRule(text string) (rule ShrinkRule, err error) {
	limit := text
	if i := strings.LastIndexByte(text, '='); i >= 0 {
		if rule.Pattern, limit = text[:i], text[i+1:]; rule.Pattern == "" {
			return ShrinkRule{}, fmt.Errorf("%q has no mailbox before the =", text)
		}
	}
	rule.Limit, err = ParseShrinkLimit(limit)
	return rule, err
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *ShrinkRule) UnmarshalText(text []byte) (err error) {
	*r, err = ParseShrinkRule(string(text))
	return err
}

// String is what ParseShrinkRule reads.
func (r ShrinkRule) String() string {
	if r.Pattern == "" {
		return r.Limit.String()
	}
	return r.Pattern + "=" + r.Limit.String()
}

// ShrinkRules are what counts for an account. Of several rules that fit, the last one does; one with a pattern goes before
// those without.
type ShrinkRules []ShrinkRule

// Limit finds the limit of a mailbox; nil: of the account as a whole.
func (rules ShrinkRules) Limit(m *mail.Mailbox, fits func(pattern string, m *mail.Mailbox) bool) ShrinkLimit {
	limit, named := UsualShrinkLimit, false
	for _, rule := range rules {
		switch {
		case rule.Pattern == "" && !named:
			limit = rule.Limit
		case rule.Pattern != "" && m != nil && fits(rule.Pattern, m):
			limit, named = rule.Limit, true
		}
	}
	return limit
}
