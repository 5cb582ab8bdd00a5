package look

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Stats shows what takes space in a repository.
type Stats struct{}

// ListsManifests implements cli.Lister.
func (*Stats) ListsManifests() {}

func (*Stats) Help() string {
	return `Shows the size of the objects of each kind: data is mail, catalog is what is recorded of it, index is where each chunk is. Then each account: the size of its newest manifest, and what all its runs archived, at least: runs whose manifests are forgotten count with what later manifests still have. The ratio is stored bytes to archived bytes. Then a chart: a full copy of every night; all messages once; each chunk once; and what is stored, compressed and encrypted. Last, what was archived over time.

EXAMPLES

    mailstrata stats
    mailstrata stats --json | jq .ratio

EXIT STATUS

0 done; 1 failed; 2 invalid command line; 3 done, but some manifests could not be read; 130 interrupted.`
}

// kindUsage is the size of the objects of a kind, as JSON.
type kindUsage struct {
	Kind     string `json:"kind"`
	Objects  int64  `json:"objects"`
	Bytes    int64  `json:"bytes"`
	Unpacked int64  `json:"unpacked_bytes"` // before compression, each chunk once
}

// accountUsage is the size of an account in its newest manifest, and in all its runs, as JSON.
type accountUsage struct {
	Account          string `json:"account"`
	Manifests        int64  `json:"manifests"`
	Messages         int64  `json:"messages"`
	Bytes            int64  `json:"bytes"`
	ArchivedMessages int64  `json:"archived_messages"`
	ArchivedBytes    int64  `json:"archived_bytes"`
}

// dayUsage is what the runs of a day archived, as JSON. Days are those of this host.
type dayUsage struct {
	Day              string `json:"day"`
	Manifests        int64  `json:"manifests"`
	ArchivedMessages int64  `json:"archived_messages"`
	ArchivedBytes    int64  `json:"archived_bytes"`
}

// usageSummary is the result of stats, as JSON.
type usageSummary struct {
	Objects          []kindUsage    `json:"objects"`
	Accounts         []accountUsage `json:"accounts"`
	StoredBytes      int64          `json:"stored_bytes"`
	ArchivedMessages int64          `json:"archived_messages"`
	ArchivedBytes    int64          `json:"archived_bytes"`
	Ratio            float64        `json:"ratio"`
	WholeBytes       int64          `json:"whole_bytes"`    // what a copy of each night would take
	UnpackedBytes    int64          `json:"unpacked_bytes"` // mail, each chunk once, before compression
	Days             []dayUsage     `json:"days"`

	unread int
}

func (c *Stats) Run(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	u := &usageSummary{Objects: []kindUsage{}, Accounts: []accountUsage{}, Days: []dayUsage{}}
	if err := u.addObjects(ctx, r); err != nil {
		return err
	}
	err := u.addAccounts(ctx, p, r)
	if err != nil {
		return err
	}
	if u.ArchivedBytes > 0 {
		u.Ratio = float64(u.StoredBytes) / float64(u.ArchivedBytes)
	}
	if p.JSON {
		err = p.PrintJSON(u)
	} else {
		u.print(p)
	}
	if err == nil && u.unread > 0 {
		err = cli.Partial(ui.Plural(u.unread, "manifest") + " could not be read")
	}
	return err
}

func (u *usageSummary) addObjects(ctx context.Context, r *repo.Repo) error {
	usage, err := r.Usage(ctx)
	if err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(usage)) {
		u.Objects = append(u.Objects, kindUsage{
			string(kind), usage[kind].Objects, usage[kind].Bytes, usage[kind].Unpacked,
		})
		u.StoredBytes += usage[kind].Bytes
	}
	u.UnpackedBytes = usage[repo.KindData].Unpacked
	slices.SortStableFunc(u.Objects, func(a, b kindUsage) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return nil
}

// addAccounts adds up the totals of the manifests. Those of an account come newest first.
func (u *usageSummary) addAccounts(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	accounts := make(map[string]*accountUsage)
	days := make(map[string]*dayUsage)
	newest := make(map[string]archive.Summary) // of each account, the one whose predecessor comes next
	add := func(s archive.Summary, before *manifest.Manifest) {
		messages, bytes := archived(s.Manifest, before)
		a, day := accounts[s.Manifest.Account], days[dayOf(s)]
		a.ArchivedMessages, a.ArchivedBytes = a.ArchivedMessages+messages, a.ArchivedBytes+bytes
		day.ArchivedMessages, day.ArchivedBytes = day.ArchivedMessages+messages, day.ArchivedBytes+bytes
	}
	for s, err := range archive.Manifests(ctx, r) {
		if err != nil && (s.Head.Name == "" || ctx.Err() != nil) {
			return fmt.Errorf("list the manifests: %w", err)
		}
		if err != nil {
			p.Warn("manifest %s: %s", summary.ShortID(s.Head), ui.OneLine(err.Error()))
			u.unread++
			continue
		}
		totals := s.Manifest.Totals
		a := accounts[s.Manifest.Account]
		if a == nil {
			a = &accountUsage{Account: s.Manifest.Account, Messages: totals.Messages, Bytes: totals.Bytes}
			accounts[a.Account] = a
		}
		a.Manifests++
		u.WholeBytes += totals.Bytes
		day := dayOf(s)
		if days[day] == nil {
			days[day] = &dayUsage{Day: day}
		}
		days[day].Manifests++
		if later, ok := newest[a.Account]; ok {
			add(later, s.Manifest)
		}
		newest[a.Account] = s
	}
	for _, oldest := range newest {
		add(oldest, nil)
	}
	for _, day := range slices.Sorted(maps.Keys(days)) {
		u.Days = append(u.Days, *days[day])
	}
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		u.Accounts = append(u.Accounts, *accounts[name])
		u.ArchivedMessages += accounts[name].ArchivedMessages
		u.ArchivedBytes += accounts[name].ArchivedBytes
	}
	return nil
}

// dayOf returns the day of a manifest, of this host.
func dayOf(s archive.Summary) string { return s.Head.Time.Local().Format(time.DateOnly) }

// archived returns what a run archived. If manifests between it and the one before it are
// forgotten, it returns at least what these archived and the manifest still has.
func archived(m, before *manifest.Manifest) (messages, bytes int64) {
	messages, bytes = m.Totals.NewMessages, m.Totals.NewBytes
	switch {
	case before != nil:
		messages = max(messages, m.Totals.Messages-before.Totals.Messages)
		bytes = max(bytes, m.Totals.Bytes-before.Totals.Bytes)
	case m.Parent != [32]byte{}:
		messages, bytes = max(messages, m.Totals.Messages), max(bytes, m.Totals.Bytes)
	}
	return messages, bytes
}

func (u *usageSummary) print(p *cli.Program) {
	kinds := p.Table("KIND", "OBJECTS", "  STORED", "UNPACKED")
	for _, k := range u.Objects {
		unpacked := ""
		if k.Unpacked > 0 {
			unpacked = ui.Size(k.Unpacked)
		}
		kinds.Row(k.Kind, ui.Right(ui.Count(k.Objects), "OBJECTS"), ui.Right(ui.Size(k.Bytes), "  STORED"),
			ui.Right(unpacked, "UNPACKED"))
	}
	kinds.Flush()
	p.Printf("")
	accounts := p.Table("ACCOUNT", "MANIFESTS", "MESSAGES NOW", "    SIZE", "EVER ARCHIVED", "    SIZE")
	for _, a := range u.Accounts {
		accounts.Row(a.Account, ui.Right(ui.Count(a.Manifests), "MANIFESTS"), ui.Right(ui.Count(a.Messages), "MESSAGES NOW"), ui.Right(ui.Size(a.Bytes), "    SIZE"),
			ui.Right(ui.Count(a.ArchivedMessages), "EVER ARCHIVED"), ui.Right(ui.Size(a.ArchivedBytes), "    SIZE"))
	}
	accounts.Flush()
	p.Printf("")
	ratio := ""
	if u.ArchivedBytes > 0 {
		ratio = fmt.Sprintf("%.2f", u.Ratio)
	}
	p.Printf("%s stored for %s archived: %s", ui.Size(u.StoredBytes), ui.Size(u.ArchivedBytes), ratio)
	p.Printf("")
	p.Chart([]ui.Bar{
		{Name: "full copy of every night", Bytes: u.WholeBytes},
		{Name: "all messages once", Bytes: u.ArchivedBytes},
		{Name: "each chunk once", Bytes: u.UnpackedBytes},
		{Name: "stored", Bytes: u.StoredBytes},
	})
	if periods := periodsOf(u.Days); len(periods) > 1 {
		p.Printf("\nArchived:")
		p.Chart(periods)
	}
}

// maxPeriods is the maximum number of lines of a chart over time.
const maxPeriods = 36

// periodsOf adds up days to months, or years, if there are too many. A period without manifests has
// no bar.
func periodsOf(days []dayUsage) []ui.Bar {
	var bars []ui.Bar
	for _, letters := range []int{len("2026-03-14"), len("2026-03"), len("2026")} {
		bars = nil
		for _, d := range days {
			name := d.Day[:letters]
			if last := len(bars) - 1; last < 0 || bars[last].Name != name {
				bars = append(bars, ui.Bar{Name: name})
			}
			bars[len(bars)-1].Bytes += d.ArchivedBytes
		}
		if len(bars) <= maxPeriods {
			break
		}
	}
	return bars
}
