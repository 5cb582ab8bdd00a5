package job

import (
	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/mail"
)

// Limits returns the limits of losses, by account: these rules, or else those of the configuration.
func Limits(h *access.Host, rules []loss.Rule) archive.Limits {
	return func(account string) func(*mail.Mailbox) loss.Limit {
		rules := loss.Rules(rules)
		if a, err := h.ConfiguredAccount(account); len(rules) == 0 && err == nil && a != nil {
			rules = a.Configured.ShrinkLimits
		}
		return func(m *mail.Mailbox) loss.Limit { return shrinkLimit(rules, m) }
	}
}

// shrinkLimit returns the limit of a mailbox. A nil mailbox means the account as a whole.
func shrinkLimit(rules loss.Rules, m *mail.Mailbox) loss.Limit {
	return rules.Limit(m, func(name string, m *mail.Mailbox) bool { return Pattern(name).Matches(m) })
}
