package night

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// runSummary is a run as JSON.
type runSummary struct {
	DryRun bool          `json:"dry_run"`
	Status int           `json:"status"`
	Steps  []stepSummary `json:"steps"`
}

// stepSummary is a step as JSON.
type stepSummary struct {
	Step       string            `json:"step"`
	Repository string            `json:"repository,omitempty"`
	Command    []string          `json:"command"`
	Skipped    string            `json:"skipped,omitempty"`
	Status     *int              `json:"status,omitempty"`
	Start      time.Time         `json:"start,omitzero"`
	End        time.Time         `json:"end,omitzero"`
	Error      string            `json:"error,omitempty"`
	Results    []json.RawMessage `json:"results,omitempty"`
}

func (s *step) summary() stepSummary {
	d := stepSummary{
		Step: s.command, Repository: s.repository, Command: s.args, Skipped: s.skip, Start: s.began.UTC(),
		End: s.ended.UTC(),
	}
	if s.began.IsZero() {
		d.Start, d.End = time.Time{}, time.Time{}
		return d
	}
	d.Status = &s.status
	if s.err != nil {
		d.Error = s.err.Error()
	}
	for line := range bytes.Lines(s.results) {
		if json.Valid(line) {
			d.Results = append(d.Results, bytes.TrimSpace(line))
		}
	}
	return d
}

// report prints the steps: what would run, or what became of them.
func (n *night) report(dry bool) error {
	if n.JSON {
		document := runSummary{DryRun: dry, Status: n.worst(), Steps: []stepSummary{}}
		for _, s := range n.steps {
			document.Steps = append(document.Steps, s.summary())
		}
		return n.PrintJSON(document)
	}
	if dry {
		for _, s := range n.steps {
			if s.skip != "" {
				n.Printf("%s: %s", s.title(), s.skip)
				continue
			}
			n.Printf("$ %s", commandLine(s.args))
		}
		return nil
	}
	if n.Globals.Quiet && n.worst() == cli.StatusDone {
		return nil
	}
	n.Printf("")
	headings := []string{"STEP", "REPOSITORY", "TOOK", "OUTCOME"}
	several := len(n.configured.Repositories) > 1
	if !several {
		headings = slices.Delete(headings, 1, 2)
	}
	t := n.Table(headings...).Folded()
	defer t.Flush()
	for _, s := range n.steps {
		color, took, outcome := ui.Plain, "", "did not run: "+s.skip
		if s.skip == "" {
			took, outcome = s.ended.Sub(s.began).Round(time.Second).String(), cli.Meaning(s.status)
			if s.status == cli.StatusFailed && s.err != nil { // other statuses say what it is
				outcome += ": " + ui.OneLine(s.err.Error())
			}
		}
		if s.status != cli.StatusDone {
			color = ui.Red
		}
		cells := []string{s.command, s.repository, took, outcome}
		if !several {
			cells = slices.Delete(cells, 1, 2)
		}
		t.ColoredRow(color, cells...)
	}
	return nil
}

// title names a step: "prune of home".
func (s *step) title() string {
	if s.repository == "" {
		return s.command
	}
	return s.command + " of " + s.repository
}

// severity are the exit statuses, the worst first. Every other status is a failure.
var severity = []int{cli.StatusInterrupted, cli.StatusFailed, cli.StatusShrunk, cli.StatusPartial, cli.StatusDone}

// worst returns the exit status of the worst step.
func (n *night) worst() int {
	worst := len(severity) - 1
	for _, s := range n.steps {
		rank := slices.Index(severity, s.status)
		if rank < 0 {
			rank = slices.Index(severity, cli.StatusFailed)
		}
		worst = min(worst, rank)
	}
	return severity[worst]
}

// outcome returns the error of the run: nil, or one with the exit status of the worst step that
// names those with problems.
func (n *night) outcome() error {
	var titles []string
	for _, s := range n.steps {
		if s.status == cli.StatusDone {
			continue
		}
		titles = append(titles, s.title())
		sentence := s.title() + ": " + cli.Meaning(s.status)
		if s.skip != "" {
			sentence = s.title() + ": did not run: " + s.skip
		}
		if s.err != nil {
			sentence += ": " + ui.OneLine(s.err.Error())
		}
		n.WatchFailure(sentence)
	}
	if len(titles) == 0 {
		return nil
	}
	return cli.Ended(n.worst(), "not all went well: "+strings.Join(titles, ", "))
}

// commandLine returns a command as a user types it.
func commandLine(args []string) string {
	typed := []string{"mailstrata"}
	for _, arg := range args {
		typed = append(typed, ui.ShellWord(arg))
	}
	return strings.Join(typed, " ")
}
