package notify

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/internal/local"
)

// metric is one metric of the file for the textfile collector of Prometheus' node_exporter.
type metric struct {
	name, help string
	samples    []sample
}

type sample struct {
	labels string // as they are written: {account="anna"}
	value  float64
}

// The times of the last success survive a failed run: they are read from the file before it is
// replaced.
const (
	lastSuccess  = "mailstrata_last_success_timestamp_seconds"
	lastArchived = "mailstrata_account_last_archived_timestamp_seconds"
)

// maxMetrics is the maximum size of the old file.
const maxMetrics = 16 << 20

// WriteMetrics replaces a file with the metrics of a run, so that a collector never sees half of
// it. Each command needs its own file.
func WriteMetrics(path string, r *Run) error {
	text := format(metrics(r, lastTimes(path)))
	file, err := local.NewReplacement(path)
	if err != nil {
		return fmt.Errorf("write the metrics: %w", err)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Chmod(0o644)); err == nil { // the collector is another user
		err = file.Commit()
	}
	if err != nil {
		file.Discard()
		return fmt.Errorf("write the metrics: %w", err)
	}
	return nil
}

func metrics(r *Run, before map[string]float64) []metric {
	command := labels("command", r.Command)
	run := []metric{
		{"mailstrata_last_run_timestamp_seconds", "When the last run ended.", []sample{{command, seconds(r.End)}}},
		{"mailstrata_last_run_exit_status", "How the last run ended: 0 done, 1 failed, 2 usage, 3 some messages not, 4 an account shrank, 130 interrupted.", []sample{{command, float64(r.Status)}}},
		{
			"mailstrata_last_run_duration_seconds", "How long the last run took.",
			[]sample{{command, r.End.Sub(r.Start).Seconds()}},
		},
		successTime(lastSuccess, "When a run last ended with exit status 0.", r.Status == 0, command, seconds(r.End), before),
	}
	run = append(run, repositoryMetrics(r.Repositories)...)
	if len(r.Accounts) == 0 {
		return run
	}
	return append(run, accountMetrics(r, before)...)
}

func repositoryMetrics(repositories []Repository) []metric {
	damaged := metric{
		name: "mailstrata_repository_damaged",
		help: "1 if a check of this host found damage that none found gone, 0 otherwise.",
	}
	read := metric{
		name: "mailstrata_repository_last_read_timestamp_seconds",
		help: "When a rolling check of any host last ended without damage.",
	}
	for _, at := range repositories {
		value := 0.0
		if !at.Damaged.IsZero() {
			value = 1
		}
		damaged.samples = append(damaged.samples, sample{labels("repository", at.Location), value})
		if !at.LastRead.IsZero() {
			read.samples = append(read.samples, sample{labels("repository", at.Location), seconds(at.LastRead)})
		}
	}
	return []metric{damaged, read}
}

func accountMetrics(r *Run, before map[string]float64) []metric {
	all := []metric{{name: lastArchived, help: "When a manifest of the account was last written."}}
	for _, a := range r.Accounts {
		all[0].samples = append(all[0].samples,
			successTime("", "", a.Err == "", a.labels(), seconds(a.End), before).samples...)
	}
	good := metric{
		name: "mailstrata_account_last_good_timestamp_seconds",
		help: "When the account was last archived without failures and alarms.",
	}
	for _, a := range r.Accounts {
		if !a.LastGood.IsZero() {
			good.samples = append(good.samples, sample{a.labels(), seconds(a.LastGood)})
		}
	}
	all = append(all, good)
	for _, m := range []struct {
		name, help string
		always     bool // also of an account that was not archived
		value      func(*Account) float64
	}{
		{"status", "How the account's last run ended, as an exit status.", true, func(a *Account) float64 { return float64(a.Status) }},
		{"duration_seconds", "How long the account's last run took.", false, func(a *Account) float64 { return a.Duration.Seconds() }},
		{"messages", "Messages in the account.", false, func(a *Account) float64 { return float64(a.Messages) }},
		{"bytes", "Bytes in the account.", false, func(a *Account) float64 { return float64(a.Bytes) }},
		{"new_messages", "Messages that the last run downloaded.", false, func(a *Account) float64 { return float64(a.NewMessages) }},
		{"new_bytes", "Bytes that the last run downloaded.", false, func(a *Account) float64 { return float64(a.NewBytes) }},
		{"failures", "Messages or mailboxes that could not be read.", false, func(a *Account) float64 { return float64(a.Failures) }},
		{"alarms", "What shrank or changed suspiciously.", false, func(a *Account) float64 { return float64(a.Alarms) }},
	} {
		family := metric{name: "mailstrata_account_" + m.name, help: m.help}
		for i := range r.Accounts {
			if a := &r.Accounts[i]; m.always || a.Err == "" {
				family.samples = append(family.samples, sample{a.labels(), m.value(a)})
			}
		}
		all = append(all, family)
	}
	return all
}

// labels returns the labels of the metrics of an account. Those of a repository do not collide with
// those of a run, which another file of the same collector may have.
func (a *Account) labels() string {
	if a.Repository == "" {
		return labels("account", a.Name)
	}
	return strings.TrimSuffix(labels("account", a.Name),
		"}") + "," + strings.TrimPrefix(labels("repository", a.Repository), "{")
}

// successTime returns the time of the last success, now or from the old file.
func successTime(name, help string, now bool, labels string, at float64, before map[string]float64) metric {
	m := metric{name: name, help: help}
	if now {
		m.samples = []sample{{labels, at}}
	} else if then, ok := before[labels]; ok {
		m.samples = []sample{{labels, then}}
	}
	return m
}

// lastTimes returns the times of the last success in the old file, by their labels. It ignores what
// it cannot read.
func lastTimes(path string) map[string]float64 {
	before := make(map[string]float64)
	f, err := os.Open(path)
	if err != nil {
		return before
	}
	defer f.Close()
	for lines := bufio.NewScanner(io.LimitReader(f, maxMetrics)); lines.Scan(); {
		name, rest, ok := strings.Cut(lines.Text(), "{")
		end := strings.LastIndex(rest, "} ")
		if !ok || end < 0 || name != lastSuccess && name != lastArchived {
			continue
		}
		if value, err := strconv.ParseFloat(rest[end+2:], 64); err == nil {
			before["{"+rest[:end+1]] = value
		}
	}
	return before
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// escaped escapes the values of labels.
var escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func labels(name, value string) string {
	return "{" + name + `="` + escaped.Replace(strings.ToValidUTF8(value, "?")) + `"}`
}

// format writes the text exposition format.
func format(all []metric) []byte {
	var b bytes.Buffer
	for _, m := range all {
		if len(m.samples) == 0 {
			continue
		}
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", m.name, m.help, m.name)
		for _, s := range m.samples {
			fmt.Fprintf(&b, "%s%s %s\n", m.name, s.labels, strconv.FormatFloat(s.value, 'f', -1, 64))
		}
	}
	return b.Bytes()
}
