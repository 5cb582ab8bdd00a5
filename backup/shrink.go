package backup

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// ShrinkLimit says when it is suspicious that messages are gone since the last manifest: people delete mail, and servers
// that lost theirs look the same.
type ShrinkLimit struct {
	Off   bool  // never
	Share Rate  // of the messages that were there, and
	Least int64 // so many
}

// UsualShrinkLimit is what counts where nothing else is said.
var UsualShrinkLimit = ShrinkLimit{Share: 0.20, Least: 50}

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
func (l ShrinkLimit) Exceeded(before, now int64) bool {
	lost := before - now
	return !l.Off && lost > 0 && lost >= l.Least && float64(lost) >= float64(l.Share)*float64(before)
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

// losses compares an account with what it was.
type losses struct {
	before, now map[string]*manifest.Mailbox
	limit       func(*mail.Mailbox) ShrinkLimit // nil: the usual one
	moved       map[mail.Status]bool            // identities of mailboxes that came
	apart       func(*manifest.Mailbox) bool
}

func newLosses(before, now map[string]*manifest.Mailbox, limit func(*mail.Mailbox) ShrinkLimit) *losses {
	return &losses{before: before, now: now, limit: limit, moved: newcomers(before, now), apart: readApart(now)}
}

func (l *losses) limitOf(m *mail.Mailbox) ShrinkLimit {
	if l.limit == nil {
		return UsualShrinkLimit
	}
	return l.limit(m)
}

// tell names what lost suspiciously many messages, and what is gone with too few for that.
func (l *losses) tell() (alarms, warnings []string) {
	var had, has int64
	for _, raw := range slices.Sorted(maps.Keys(l.before)) {
		old := l.before[raw]
		if !l.apart(old) {
			continue
		}
		left, there := l.left(raw)
		had += old.Messages
		limit := l.limitOf(&old.Mailbox)
		switch {
		case old.Messages == 0, left == 0 && (l.moved[identity(old)] || hidden(old, l.before, l.now)):
		case limit.Exceeded(old.Messages, left):
			alarms = append(alarms, shrunk(old, left, there))
		case limit.Off:
			had -= max(0, old.Messages-left) // a loss that nobody minds, to the account neither
		case !there:
			warnings = append(warnings, fmt.Sprintf("mailbox %q is gone; messages in it: %d", old.Name, old.Messages))
		}
	}
	for _, m := range l.now {
		has += m.Messages
	}
	if l.limitOf(nil).Exceeded(had, has) {
		told := fmt.Sprintf("the account as a whole: %d messages before, %d now", had, has)
		if has == 0 {
			told = fmt.Sprintf("the account is empty: %d messages before, none now", had)
		}
		alarms = append(alarms, told)
	}
	return alarms, warnings
}

// left is what a mailbox holds now.
func (l *losses) left(raw string) (messages int64, there bool) {
	m, there := l.now[raw]
	if !there {
		return 0, false
	}
	return m.Messages, m.Selectable()
}

// shrunk says what became of a mailbox that lost messages.
func shrunk(old *manifest.Mailbox, left int64, there bool) string {
	name := cmp.Or(old.Name, old.Raw)
	switch {
	case !there:
		return fmt.Sprintf("mailbox %q is gone: %d messages before", name, old.Messages)
	case left == 0:
		return fmt.Sprintf("mailbox %q is empty: %d messages before, none now", name, old.Messages)
	}
	return fmt.Sprintf("mailbox %q: %d messages before, %d now", name, old.Messages, left)
}
