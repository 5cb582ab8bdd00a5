package loss

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/internal/percent"
	"github.com/mailstrata/mailstrata/mail"
)

// ParseLimit reads "20%", "20%,50" (a share, and the least number of messages), or "off".
func ParseLimit(text string) (Limit, error) {
	if text == "off" {
		return Limit{Off: true}, nil
	}
	share, least, both := strings.Cut(text, ",")
	limit := Usual
	var err error
	if limit.Share, err = percent.Parse(share); err != nil {
		return Limit{}, fmt.Errorf("%q is no limit, such as 20%%, or 20%%,50 for fifty messages at the least, or off", text)
	}
	if both {
		if limit.Least, err = strconv.ParseInt(strings.TrimSpace(least), 10, 64); err != nil || limit.Least < 1 {
			return Limit{}, fmt.Errorf("%q is no limit: after the comma stands a number of messages", text)
		}
	}
	return limit, nil
}

// String is what ParseLimit reads.
func (l Limit) String() string {
	if l.Off {
		return "off"
	}
	return fmt.Sprintf("%v,%d", l.Share, l.Least)
}

// Rule is a limit for the mailboxes that a pattern fits, or, without a pattern, for all others and the account as
// a whole. What a pattern means, its user says.
type Rule struct {
	Pattern string
	Limit   Limit
}

// ParseRule reads LIMIT or PATTERN=LIMIT. A pattern may have = in it: the last one counts.
func ParseRule(text string) (rule Rule, err error) {
	limit := text
	if i := strings.LastIndexByte(text, '='); i >= 0 {
		if rule.Pattern, limit = text[:i], text[i+1:]; rule.Pattern == "" {
			return Rule{}, fmt.Errorf("%q has no mailbox before the =", text)
		}
	}
	rule.Limit, err = ParseLimit(limit)
	return rule, err
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rule) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRule(string(text))
	return err
}

// String is what ParseRule reads.
func (r Rule) String() string {
	if r.Pattern == "" {
		return r.Limit.String()
	}
	return r.Pattern + "=" + r.Limit.String()
}

// Rules are what counts for an account. Of several rules that fit, the last one does; one with a pattern goes before
// those without.
type Rules []Rule

// Limit finds the limit of a mailbox; nil: of the account as a whole.
func (rules Rules) Limit(m *mail.Mailbox, fits func(pattern string, m *mail.Mailbox) bool) Limit {
	limit, named := Usual, false
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
