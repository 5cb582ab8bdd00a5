package loss

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/internal/percent"
	"github.com/mailstrata/mailstrata/mail"
)

// parseLimit parses "20%", "20%,50" (a share and a minimum number of messages) or "off".
func parseLimit(text string) (Limit, error) {
	if text == "off" {
		return Limit{Off: true}, nil
	}
	share, least, both := strings.Cut(text, ",")
	limit := Usual
	var err error
	if limit.Share, err = percent.Parse(share); err != nil {
		return Limit{}, fmt.Errorf("%q is not a limit: write 20%%, or 20%%,50 for at least fifty messages, or off",
			text)
	}
	if both {
		if limit.Least, err = strconv.ParseInt(strings.TrimSpace(least), 10, 64); err != nil || limit.Least < 1 {
			return Limit{}, fmt.Errorf("%q is not a limit: write a number of messages after the comma", text)
		}
	}
	return limit, nil
}

// String returns the limit as parseLimit reads it.
func (l Limit) String() string {
	if l.Off {
		return "off"
	}
	return fmt.Sprintf("%v,%d", l.Share, l.Least)
}

// Rule is a limit for the mailboxes that match a pattern, or, without a pattern, for all others and
// for the account as a whole. The caller of Rules.Limit decides what a pattern means.
type Rule struct {
	Pattern string
	Limit   Limit
}

// ParseRule parses LIMIT or PATTERN=LIMIT. A pattern may contain "=": the last one separates.
func ParseRule(text string) (rule Rule, err error) {
	limit := text
	if i := strings.LastIndexByte(text, '='); i >= 0 {
		if rule.Pattern, limit = text[:i], text[i+1:]; rule.Pattern == "" {
			return Rule{}, fmt.Errorf("%q has no mailbox before the =", text)
		}
	}
	rule.Limit, err = parseLimit(limit)
	return rule, err
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rule) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRule(string(text))
	return err
}

// String returns the rule as ParseRule reads it.
func (r Rule) String() string {
	if r.Pattern == "" {
		return r.Limit.String()
	}
	return r.Pattern + "=" + r.Limit.String()
}

// Rules are the rules of an account. The last one that matches applies; rules with a pattern take
// precedence over those without.
type Rules []Rule

// Limit returns the limit of a mailbox, or, if m is nil, of the account as a whole.
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
