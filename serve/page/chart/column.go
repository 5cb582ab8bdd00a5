package chart

import "time"

// maxColumns is the largest number of columns. A page of 1,000 pixels can show no more.
const maxColumns = 400

// column is one night, or those of a slice of time.
type column struct {
	first, last    float64 // where the column begins and ends
	value          int64   // of the last night
	more, less     int64   // sums of the changes
	bad, partial   bool
	address, title string // of the last night
}

// middle returns the middle of the column.
func (c *column) middle() float64 { return (c.first + c.last) / 2 }

// widest is the width of the widest bar.
const widest = 24.0

// bar returns where the bar of the column begins, and its width.
func (c *column) bar() (x, wide float64) {
	wide = min(max((c.last-c.first)*0.7, 1), widest)
	return c.middle() - wide/2, wide
}

// columnsOf returns the columns of nights, from left to right, without gaps between them. The value
// of a partial night is that of the night before it.
func columnsOf(nights []Night) (columns []column) {
	if len(nights) == 0 {
		return nil
	}
	from, to := nights[0].Time, nights[len(nights)-1].Time
	var middles []float64
	slice := -1
	value := int64(-1)
	for i := range nights {
		n := &nights[i]
		x := place(n.Time, from, to)
		if now := int(x / width * (maxColumns - 1)); now != slice || len(nights) <= maxColumns && now > slice {
			columns, middles = append(columns, column{}), append(middles, x)
			slice = now
		}
		c := &columns[len(columns)-1]
		middles[len(middles)-1] = x
		if !n.Partial {
			if value >= 0 {
				c.more += max(n.Value-value, 0)
				c.less += max(value-n.Value, 0)
			}
			value = n.Value
		}
		c.value, c.address, c.title = max(value, 0), n.Address, n.Title
		c.bad, c.partial = c.bad || n.Bad, c.partial || n.Partial
	}
	for i := range columns {
		if i > 0 {
			columns[i].first = (middles[i-1] + middles[i]) / 2
			columns[i-1].last = columns[i].first
		}
	}
	columns[len(columns)-1].last = width
	return columns
}

// place returns where a time is in a drawing.
func place(t, from, to time.Time) float64 {
	if !to.After(from) {
		return width / 2
	}
	return width * float64(t.Sub(from)) / float64(to.Sub(from))
}
