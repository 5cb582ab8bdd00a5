package backup_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// limits returns an Account's ShrinkLimit for rules whose patterns are names.
func limits(t *testing.T, rules ...string) func(*mail.Mailbox) loss.Limit {
	t.Helper()
	var all loss.Rules
	for _, text := range rules {
		rule, err := loss.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rule)
	}
	return func(m *mail.Mailbox) loss.Limit {
		return all.Limit(m, func(name string, m *mail.Mailbox) bool { return m.Name == name })
	}
}

// Losses raise an alarm as the rules say.
func TestShrinkLimits(t *testing.T) {
	for name, test := range map[string]struct {
		rules  []string
		change func(*archivetest.Account)
		alarms []string // words in each of them
	}{
		"nothing":        {nil, func(*archivetest.Account) {}, nil},
		"few":            {nil, func(a *archivetest.Account) { shrink(a, "INBOX", 49) }, nil},
		"usual":          {nil, func(a *archivetest.Account) { shrink(a, "INBOX", 60) }, []string{`"INBOX": 200 messages before, 140 that night`}},
		"large share":    {[]string{"INBOX=50%"}, func(a *archivetest.Account) { shrink(a, "INBOX", 60) }, nil},
		"small share":    {[]string{"5%,10"}, func(a *archivetest.Account) { shrink(a, "INBOX", 10) }, []string{`"INBOX": 200 messages before, 190 that night`}},
		"any":            {[]string{"INBOX=0%,1"}, func(a *archivetest.Account) { shrink(a, "INBOX", 1) }, []string{`"INBOX": 200`}},
		"last counts":    {[]string{"INBOX=off", "INBOX=5%,5"}, func(a *archivetest.Account) { shrink(a, "INBOX", 60) }, []string{`"INBOX"`}},
		"off":            {[]string{"off"}, func(a *archivetest.Account) { shrink(a, "INBOX", 200); shrink(a, "Junk", 400) }, nil},
		"one off":        {[]string{"Junk=off"}, func(a *archivetest.Account) { shrink(a, "Junk", 400) }, nil},
		"name first":     {[]string{"Junk=off", "1%,1"}, func(a *archivetest.Account) { shrink(a, "Junk", 1) }, nil},
		"gone":           {nil, func(a *archivetest.Account) { delete(a.Mailboxes, "INBOX") }, []string{`"INBOX" is gone: 200`, "as a whole: 700 messages before, 500 that night"}},
		"empty":          {nil, func(a *archivetest.Account) { shrink(a, "INBOX", 200) }, []string{`"INBOX" is empty: 200`, "as a whole"}},
		"gone, off":      {[]string{"INBOX=off"}, func(a *archivetest.Account) { delete(a.Mailboxes, "INBOX") }, nil},
		"account, empty": {nil, func(a *archivetest.Account) { clear(a.Mailboxes) }, []string{`"Archive" is gone`, `"INBOX" is gone`, `"Junk" is gone`, "account is empty: 700"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := archivetest.NewAccount()
			for name, n := range map[string]int{"INBOX": 200, "Junk": 400, "Archive": 100} {
				for i := range n { // no two are equal: one of several equal messages would count for all
					a.Mailbox(name).Add(fmt.Sprintf("Subject: %s %d\r\n\r\n", name, i))
				}
			}
			r := archivetest.NewRepo(t, &storetest.Memory{})
			limit := limits(t, test.rules...)
			backUpWithin(t, r, a, limit)
			test.change(a)
			b := backUpWithin(t, r, a, limit)
			have := b.Manifest.Alarm
			if !slices.EqualFunc(have, test.alarms, strings.Contains) {
				t.Errorf("alarms %q, want %q", have, test.alarms)
			}
			if len(b.Manifest.Warnings) > 0 {
				t.Errorf("warnings %q", b.Manifest.Warnings)
			}
		})
	}
}

func shrink(a *archivetest.Account, name string, n int) {
	m := a.Mailbox(name)
	for _, msg := range slices.Clone(m.Messages[:n]) {
		m.Expunge(msg.UID)
	}
}

func backUpWithin(
	t *testing.T, r *repo.Repo, a *archivetest.Account, limit func(*mail.Mailbox) loss.Limit,
) *backup.Result {
	t.Helper()
	backups, err := backup.Run(t.Context(), r, []backup.Account{{Name: "a", Source: a, ShrinkLimit: limit}}, backup.Options{})
	if err != nil || backups[0].Err != nil {
		t.Fatal(err, backups[0].Err)
	}
	return backups[0]
}
