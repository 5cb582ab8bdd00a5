package look

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/health"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// statusOf prints accounts as status does.
func statusOf(accounts []*accountStatus, all bool) string {
	var out bytes.Buffer
	p := cli.New(cli.Process{Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }}, func(error) {})
	(&Status{All: all}).printAccounts(p, merge([]*place{{accounts: accounts}}))
	_ = p.Flush()
	return out.String()
}

// A thousand accounts fit on a screen, whatever is wrong with them: the worst are listed, and the
// others are counted.
func TestStatusOfManyAccountsIsOneScreen(t *testing.T) {
	good := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	for _, amiss := range []int{0, 1, 3, 37, 1000} {
		var accounts []*accountStatus
		for i := range 1000 {
			a := &accountStatus{Account: fmt.Sprintf("u%03d", i), LastGood: good, Good: &goodManifest{"", 10, 1000}, Growth: &growth{2, 200}}
			if i < amiss {
				a.Alarms = []string{"gone", "gone", "gone", "gone"}
				a.Alarming = []alarmSummary{{strings.Repeat("ab", 32), good, a.Alarms}}
				a.Needs = []string{"4 alarms"}
			}
			accounts = append(accounts, a)
		}
		text := statusOf(accounts, false)
		if lines := strings.Count(text, "\n"); lines > 24 {
			t.Errorf("%d of them need a look: %d lines:\n%s", amiss, lines, text)
		}
		if more := fmt.Sprintf("%d more need a look", amiss-amissListed); amiss > amissListed && !strings.Contains(text, more) {
			t.Errorf("not %s:\n%s", more, text)
		}
		if sum := fmt.Sprintf("%d messages", 10*(1000-amiss)); amiss == 37 && !strings.Contains(strings.ReplaceAll(text, ",", ""), sum) {
			t.Errorf("not %s:\n%s", sum, text)
		}
		if rows := strings.Count(statusOf(accounts, true), "\nu"); rows != 1000 {
			t.Errorf("with --all, %d are listed", rows)
		}
	}
}

// An account that two repositories have is one account. It needs a look if it does in either, and
// an alarm of both is one.
func TestStatusMergesRepositories(t *testing.T) {
	day := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	alarm := func(id string) []alarmSummary { return []alarmSummary{{strings.Repeat(id, 64), day, []string{"gone"}}} }
	merged := merge([]*place{
		{accounts: []*accountStatus{
			{Account: "anna", Repository: "home", LastGood: day.Add(-time.Hour), Alarms: []string{"gone"}, Alarming: alarm("a"), Needs: []string{"1 alarm"}},
			{Account: "ben", Repository: "home", LastGood: day},
		}},
		{accounts: []*accountStatus{
			{Account: "anna", Repository: "away", LastGood: day.Add(-240 * time.Hour), Alarms: []string{"gone"}, Alarming: alarm("b"), Needs: []string{"1 alarm", "no backup since"}},
		}},
	})
	if len(merged) != 2 || merged[0].Account != "anna" || merged[1].Account != "ben" {
		t.Fatalf("%d accounts", len(merged))
	}
	anna := merged[0]
	if got, want := strings.Join(anna.Needs, ", "), "1 alarm, in away: 1 alarm, in away: no backup since"; got != want || len(anna.Alarms) != 1 {
		t.Errorf("%q and alarms %v, want %q", got, anna.Alarms, want)
	}
	if !anna.LastGood.Equal(day.Add(-time.Hour)) || anna.Repository != "home" {
		t.Errorf("it is shown as %s has it", anna.Repository)
	}
}

// An account that is no longer backed up is not late. One that the configuration has is, whatever
// else it says.
func TestEnded(t *testing.T) {
	late := time.Date(2026, 3, 13, 2, 0, 0, 0, time.UTC)
	old := &accountStatus{Newest: late.Add(-time.Hour), LastGood: late.Add(-time.Hour)}
	c := &config.Config{Ended: []string{"anna", "jo"}, Accounts: []config.Account{{Name: "jo"}}}
	for account, want := range map[string]bool{"anna": false, "jo": true, "kim": true} {
		if got := needs(old, expected(c, account, late)); (len(got) > 0) != want {
			t.Errorf("%s: %q", account, got)
		}
	}
}

// The days of a first backup whose budget is used up end with a checkpoint. status says so, and not
// only that there was no good night.
func TestStatusOfCheckpoints(t *testing.T) {
	now := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	unread := []manifest.Source{{Kind: manifest.Mail, Found: manifest.Inherited, Since: now}}
	for name, test := range map[string]struct {
		m    manifest.Manifest
		good time.Time
		want string
	}{
		"a first backup":         {manifest.Manifest{State: manifest.Checkpoint, Sources: unread}, time.Time{}, "no good night, the newest is a checkpoint"},
		"after a good night":     {manifest.Manifest{State: manifest.Checkpoint}, now, ""},
		"a night without mail":   {manifest.Manifest{State: manifest.Complete, Sources: unread, Totals: manifest.Totals{Failures: 1}}, now, "1 failure, mail not read since 2026-11-29 03:00"},
		"a night like any other": {manifest.Manifest{State: manifest.Complete}, now, ""},
	} {
		a := &health.Account{Name: "a", Newest: archive.Summary{Head: repo.Head{Time: now}, Manifest: &test.m}}
		if !test.good.IsZero() {
			a.LastGood, a.Good = test.good, archive.Summary{Manifest: new(manifest.Manifest)}
		}
		if got := strings.Join(describe(a, "r", now.Add(-time.Hour)).Needs, ", "); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
