package chart_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/serve/page/chart"
)

// nights are n nights with a value that grows, and falls once.
func nights(n int) (all []chart.Night) {
	at := time.Date(2026, 1, 1, 2, 10, 0, 0, time.UTC)
	for i := range n {
		all = append(all, chart.Night{
			Time: at.AddDate(0, 0, i), Value: int64(100 + i - 50*(i/(n/2+1))), Bad: i == n/2, Partial: i == n/3,
			Address: fmt.Sprintf("night?a=a&n=%d", i), Title: fmt.Sprintf(`night "%d" <&>`, i),
		})
	}
	return all
}

// elements returns the number of elements by their names and classes. The drawing must be
// well-formed, and all numbers finite.
func elements(t *testing.T, drawing string) map[string]int {
	t.Helper()
	found := map[string]int{}
	if strings.Contains(drawing, "NaN") || strings.Contains(drawing, "Inf") {
		t.Errorf("a number is not finite: %s", drawing)
	}
	d := xml.NewDecoder(strings.NewReader(drawing))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Fatalf("%v: %s", err, drawing)
		}
		if e, ok := token.(xml.StartElement); ok {
			name := e.Name.Local
			for _, a := range e.Attr {
				if a.Name.Local == "class" {
					name += "." + a.Value
				}
			}
			found[name]++
		}
	}
}

// A drawing has at most 400 links, whatever the number of nights, and marks those that are bad.
func TestDrawings(t *testing.T) {
	for _, n := range []int{1, 2, 3, 60, 400, 3650} {
		area, changes := elements(t, string(chart.Area(nights(n)))), elements(t, string(chart.Changes(nights(n))))
		if area["a"] > 400 || area["a"] < min(n, 300) || area["a"] != changes["a"] || area["path.area"] != 1 {
			t.Errorf("%d nights: %v, %v", n, area, changes)
		}
		if n >= 60 && (area["path.bad"] != 1 || area["path.partial"] != 1 || changes["path.less"] == 0 || changes["path.more"] < 20) {
			t.Errorf("%d nights: %v, %v", n, area, changes)
		}
	}
	if chart.Area(nil) != "" || chart.Changes(nil) != "" {
		t.Error("no nights have a drawing")
	}
}

// Odd values end neither the program nor the drawing.
func TestOddValues(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, all := range [][]chart.Night{
		{{Time: at}, {Time: at}},
		{{Time: at, Value: math.MaxInt64}, {Time: at.Add(1), Value: 0}},
		{{Time: at, Partial: true}, {Time: at.AddDate(100, 0, 0), Value: 5}},
	} {
		elements(t, string(chart.Area(all)))
		elements(t, string(chart.Changes(all)))
	}
}
