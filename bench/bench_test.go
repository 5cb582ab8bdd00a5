package main

import (
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/bench/exchange"
)

// seconds are rounds that took so long.
func seconds(list ...float64) (rounds []usage) {
	for _, s := range list {
		rounds = append(rounds, usage{wall: time.Duration(s * float64(time.Second)), peak: 100 << 20, stored: int64(s * 1e6)})
	}
	return rounds
}

func sample() []result {
	return []result{{step: "first backup", goals: goals{wall: 0.2, stored: 0.45, peak: 150}, rows: []row{
		{who: mailstrata, rounds: seconds(1, 2, 9), passed: []exchange.Summary{{Requests: 12}}},
		{who: both, rounds: seconds(4, 20, 18)},
	}}}
}

// The median of an even number of values is between the two in the middle.
func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{4, 1}, 2.5}, {[]float64{9, 1, 2}, 2}, {[]float64{8, 1, 2, 4}, 3}} {
		if got := median(c.values); got != c.want {
			t.Errorf("the median of %v is %v, not %v", c.values, got, c.want)
		}
	}
}

// A ratio is of what was measured in one round, not of medians: here 2/18 would be another.
func TestRatioIsPaired(t *testing.T) {
	r := sample()[0]
	if got := r.ratio(r.rows[1], wall); got != 0.25 {
		t.Errorf("of 1/4, 2/20 and 9/18 the median is 0.25, not %v", got)
	}
	if got := r.ratio(row{rounds: make([]usage, 3)}, stored); got != 0 {
		t.Errorf("against what stores nothing, the ratio is %v", got)
	}
}

// The table has the medians, the ratios and the goals beside them.
func TestTable(t *testing.T) {
	want := `
|              |                 | wall s | CPU s |    peak MiB | stored MB | requests | wall × |   goal | stored × |   goal |
|--------------|-----------------|-------:|------:|------------:|----------:|---------:|-------:|-------:|---------:|-------:|
| first backup | mailstrata      |   2.00 |  0.00 | 100 (≤ 150) |      2.00 |       12 |        |        |          |        |
|              | mbsync + restic |  18.00 |  0.00 |         100 |     18.00 |          |   0.25 | ≤ 0.20 |     0.25 | ≤ 0.45 |
`
	if got := table(sample()); got != want[1:] {
		t.Errorf("the table is\n%s", got)
	}
}

func TestChartIsXML(t *testing.T) {
	svg := chart(`a < b & "c"`, append(bars(sample()), bar{"much slower", 40, 0}))
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
	}
	if n := strings.Count(svg, "<rect"); n != 3 {
		t.Errorf("of three ratios there are %d bars", n)
	}
}

// A part of a document is replaced in its place, and the text around it stays.
func TestReplace(t *testing.T) {
	one := replace("By hand.\n", "lists", "1\n")
	two := replace(one, "personal", "2\n")
	three := replace(two, "lists", "3\n")
	want := "By hand.\n\n<!-- begin lists -->\n3\n<!-- end lists -->\n\n<!-- begin personal -->\n2\n<!-- end personal -->\n"
	if three != want {
		t.Errorf("the document is\n%s", three)
	}
}

// What is generated holds as many messages as were asked for, the same each time.
func TestLayOut(t *testing.T) {
	for _, kind := range []string{usualMail, shortMail} {
		one, two := filepath.Join(t.TempDir(), kind), filepath.Join(t.TempDir(), kind)
		for _, root := range []string{one, two} {
			if err := layOut(kind, "120", "0", root); err != nil {
				t.Fatal(err)
			}
			if err := holds(root, 120); err != nil {
				t.Error(err)
			}
		}
		_, bytes, _ := weigh(one)
		if _, again, err := weigh(two); err != nil || again != bytes || bytes == 0 {
			t.Errorf("%s mail has %d bytes, and %d the second time: %v", kind, bytes, again, err)
		}
	}
}

// The first backup is always among the chosen steps, because the others need it.
func TestAmong(t *testing.T) {
	steps := []step{{name: "first backup"}, {name: "unchanged"}, {name: "restore to Maildir"}, {name: "check"}}
	for names, want := range map[string]string{"": "first backup,unchanged,restore to Maildir,check", "check,restore to Maildir": "first backup,restore to Maildir,check", "nothing": "first backup"} {
		var list, got []string
		if names != "" {
			list = strings.Split(names, ",")
		}
		for _, s := range among(list, steps) {
			got = append(got, s.name)
		}
		if strings.Join(got, ",") != want {
			t.Errorf("of %q there are %q", names, got)
		}
	}
}

// A goal beyond what a command takes near is that and what is added; mailstrata alone has rows
// without peers.
func TestGoalBeyondNear(t *testing.T) {
	r := result{step: "restore", goals: goals{beyond: 0.4}, rows: []row{
		{who: mailstrata, rounds: seconds(2), passed: []exchange.Summary{{Requests: 9, Chain: 3, Trips: 4, Read: 1e6}}},
		{who: beside, rounds: seconds(1)},
	}}
	got := strings.ReplaceAll(table([]result{r}), " ", "")
	if !strings.Contains(got, "|restore|mailstrata|2.00(≤1.40)|") || !strings.Contains(got, "|9|3|4|1.00|") {
		t.Errorf("the table is\n%s", got)
	}
	if list := bars([]result{{step: "list", rows: r.rows[:1]}}); len(list) != 0 {
		t.Errorf("without peers, there are the bars %v", list)
	}
}
