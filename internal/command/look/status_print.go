package look

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/notify"
	"github.com/mailstrata/mailstrata/internal/ui"
)

const (
	goodListed  = 20 // of so many accounts, all are listed
	amissListed = 10 // accounts that need a look that are listed, unless all are
	fewAmiss    = 3  // of so many accounts that need a look, alarms are shown in full
)

// printPlaces prints what concerns whole repositories.
func printPlaces(p *cli.Program, places []*place) {
	for i, at := range places {
		if i > 0 {
			p.Printf("")
		}
		read := "by no rolling check yet; mailstrata check --read-data-within 30d reads a share each time"
		if !at.read.Time.IsZero() {
			read = fmt.Sprintf("%s (%s)", ui.Time(at.read.Time), ui.Ago(at.read.Time))
			if at.read.Of > 1 {
				read += fmt.Sprintf(", share %d/%d", at.read.N, at.read.Of)
			}
		}
		if at.checks != nil {
			if share, since := at.checks.Covered(); share > 0 {
				read += fmt.Sprintf("; by this host %d%% of the packs since %s", int(share*100), ui.Time(since))
			}
		}
		pruned := ""
		if !at.pruned.IsZero() {
			pruned = fmt.Sprintf("%s (%s)", ui.Time(at.pruned), ui.Ago(at.pruned))
		}
		p.Facts("Repository", at.location.String(), "Stored", fmt.Sprintf("%s, %s of it in 30 days", ui.Size(at.stored), ui.Size(at.added)),
			"Mail read", read, "Pruned", pruned)
		if text := at.damage(); text != "" {
			p.Folded(ui.Red, "needs a look: "+text, "  ")
		}
		if at.hidden != "" {
			p.Folded(ui.Red, "needs a look: "+at.hidden, "  ")
		}
		if at.overdue {
			p.Folded(ui.Red, "needs a look: "+at.lateCheck(), "  ")
		}
	}
}

// damage returns what a check of this host found, or "".
func (at *place) damage() string {
	since := at.damaged()
	if since.IsZero() {
		return ""
	}
	return fmt.Sprintf("a check found damage, first on %s (%s); mailstrata run deletes nothing here until a check that reads as much finds none: "+
		"mailstrata check --read-data names what is damaged", ui.Time(since), ui.Ago(since))
}

// lateCheck says that no rolling check ended for too long.
func (at *place) lateCheck() string {
	text := "no rolling check ended without damage since " + ui.Time(at.read.Time)
	switch {
	case at.read.Time.IsZero():
		text = "no rolling check ended without damage yet"
	case !at.readAll:
		text = "no rolling check of all shares ended without damage yet"
	}
	return text + "; one that finds damage leaves no record, so look at the hosts that check"
}

// watched returns the repository for monitors.
func (at *place) watched() notify.Repository {
	return notify.Repository{Location: ui.Safe(at.location.String()), Damaged: at.damaged(), LastRead: at.read.Time}
}

// printAccounts prints what needs a look, and the sum of the others.
func (c *Status) printAccounts(p *cli.Program, all []*accountStatus) {
	fine := slices.IndexFunc(all, func(a *accountStatus) bool { return a.status() == cli.StatusDone })
	if fine < 0 {
		fine = len(all)
	}
	listed := all
	if len(all) > goodListed && !c.All {
		listed = all[:min(fine, amissListed)]
	}
	if len(listed) > 0 {
		printStatus(p, listed, fine <= fewAmiss)
	}
	if more := fine - len(listed); more > 0 {
		p.Printf("\n%s more need a look: mailstrata status --all lists them", ui.Count(int64(more)))
	}
	if len(listed) == len(all) {
		return
	}
	good := all[fine:]
	if len(good) == 0 {
		return
	}
	var messages, bytes, grown int64
	for _, a := range good {
		shown := a.shownAs()
		messages, bytes = messages+shown.Messages, bytes+shown.Bytes
		if a.Growth != nil {
			grown += a.Growth.Messages
		}
	}
	sum := fmt.Sprintf("%s fine, each with a good night since %s: %s, %s", pluralAre(len(good), fine > 0),
		ui.Time(good[0].LastGood), ui.Plural(messages, "message"), ui.Size(bytes))
	if grown != 0 {
		sum += fmt.Sprintf(", %s in 30 days", signed(grown))
	}
	p.Printf("")
	p.Folded(ui.Plain, sum, "")
}

// pluralAre begins a sentence about n accounts, which follow others.
func pluralAre(n int, more bool) string {
	text := ui.Count(int64(n))
	if more {
		text += " more"
	}
	if n == 1 {
		return text + " account is"
	}
	return text + " accounts are"
}

func printStatus(p *cli.Program, listed []*accountStatus, detailed bool) {
	p.Printf("")
	headings := []string{"ACCOUNT", "LAST GOOD", "AGE", "MESSAGES", "    SIZE", " 30 DAYS", "NEEDS A LOOK"}
	grew := slices.ContainsFunc(listed, func(a *accountStatus) bool { return a.Growth != nil })
	if !grew {
		headings = slices.Delete(headings, 5, 6)
	}
	t := p.Table(headings...).Optional(" 30 DAYS", "    SIZE", "MESSAGES").Numbers("30 DAYS").Folded()
	defer t.Flush()
	for _, a := range listed {
		color := ui.Plain
		if a.status() != cli.StatusDone {
			color = ui.Red
		}
		shown, grown, words := a.shownAs(), "", a.Needs
		if !detailed && len(a.Alarming) > 0 {
			words = append(slices.Clone(words), "mailstrata show "+a.Alarming[0].ID[:8])
		}
		if a.Growth != nil {
			grown = signed(a.Growth.Messages)
		}
		cells := []string{a.Account, cmp.Or(ui.Time(a.LastGood), "never"), ui.Ago(a.LastGood), ui.Right(ui.Count(shown.Messages), "MESSAGES"),
			ui.Right(ui.Size(shown.Bytes), "    SIZE"), ui.Right(grown, " 30 DAYS"), strings.Join(words, ", ")}
		if !grew {
			cells = slices.Delete(cells, 5, 6)
		}
		t.ColoredRow(color, cells...)
		if detailed {
			for _, line := range explain(a) {
				t.Below(line, nil)
			}
		}
	}
}

// What is shown of the alarms of an account.
const (
	manifestsShown = 2
	sentencesShown = 3 // of a manifest
)

// explain returns the last failure and the alarms of an account, and what to do about these, in
// lines.
func explain(a *accountStatus) (lines []string) {
	if f := a.Failed; f != nil {
		since := ""
		if f.Since.Before(f.Time) {
			since = ", first on " + ui.Time(f.Since)
		}
		lines = append(lines, fmt.Sprintf("the backup of %s failed%s: %s", ui.Time(f.Time), since, ui.OneLine(f.Error)))
	}
	for _, alarm := range a.Alarming[:min(len(a.Alarming), manifestsShown)] {
		for _, text := range alarm.Alarms[:min(len(alarm.Alarms), sentencesShown)] {
			lines = append(lines, ui.OneLine(text))
		}
		if more := len(alarm.Alarms) - sentencesShown; more > 0 {
			lines = append(lines, fmt.Sprintf("and %s more", ui.Count(int64(more))))
		}
		lines = append(lines, fmt.Sprintf("since %s: mailstrata show %s; if it was meant, or is restored: mailstrata forget --acknowledge %s",
			ui.Time(alarm.Time), alarm.ID[:8], alarm.ID[:8]))
	}
	if more := len(a.Alarming) - manifestsShown; more > 0 {
		lines = append(lines, fmt.Sprintf("and alarms of %s more; mailstrata forget --acknowledge-all %s shows all, and accepts them together",
			ui.Plural(int64(more), "manifest"), ui.ShellWord(a.Account)))
	}
	for _, text := range a.Lost[:min(len(a.Lost), sentencesShown)] {
		lines = append(lines, ui.OneLine(text))
	}
	return lines
}
