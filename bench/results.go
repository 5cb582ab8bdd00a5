package main

import "slices"

// result is what a step took.
type result struct {
	step  string
	goals goals
	rows  []row
}

// row is what one took for it.
type row struct {
	who      string
	rounds   []usage
	requests int64
}

func newResult(s step) result {
	r := result{step: s.name, goals: s.goals}
	for _, run := range s.runs {
		r.rows = append(r.rows, row{who: run.who})
	}
	return r
}

// median returns the median of f over all rounds.
func (r row) median(f func(usage) float64) float64 {
	var values []float64
	for _, u := range r.rounds {
		values = append(values, f(u))
	}
	return median(values)
}

// ratio returns the median over all rounds of f of mailstrata divided by f of another program.
func (r result) ratio(other row, f func(usage) float64) float64 {
	var values []float64
	for i, u := range other.rounds {
		if f(u) > 0 {
			values = append(values, f(r.rows[0].rounds[i])/f(u))
		}
	}
	return median(values)
}

// median of no values is 0.
func median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func wall(u usage) float64   { return u.wall.Seconds() }
func cpu(u usage) float64    { return u.cpu.Seconds() }
func mib(u usage) float64    { return float64(u.peak) / (1 << 20) }
func stored(u usage) float64 { return float64(u.stored) / 1e6 }
