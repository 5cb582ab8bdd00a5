package main

import (
	"slices"

	"github.com/mailstrata/mailstrata/bench/exchange"
)

// result is what a step took.
type result struct {
	step  string
	goals goals
	rows  []row
}

// row is what one took for it.
type row struct {
	who    string
	rounds []usage
	passed []exchange.Summary // in the rounds that were recorded
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
	return median(values(r.rounds, f))
}

// traffic returns the median of f over the rounds that were recorded.
func (r row) traffic(f func(exchange.Summary) float64) float64 {
	return median(values(r.passed, f))
}

func values[T any](list []T, f func(T) float64) (values []float64) {
	for _, one := range list {
		values = append(values, f(one))
	}
	return values
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

// row returns the row of somebody, if there is one.
func (r result) row(who string) (row, bool) {
	i := slices.IndexFunc(r.rows, func(one row) bool { return one.who == who })
	if i < 0 {
		return row{}, false
	}
	return r.rows[i], true
}

// atMost returns how many seconds mailstrata may take; 0: there is no goal.
func (r result) atMost() float64 {
	if near, ok := r.row(beside); ok && r.goals.beyond > 0 {
		return near.median(wall) + r.goals.beyond
	}
	return r.goals.seconds
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

func requests(s exchange.Summary) float64 { return float64(s.Requests) }
func chained(s exchange.Summary) float64  { return float64(s.Chain) }
func trips(s exchange.Summary) float64    { return float64(s.Trips) }
func read(s exchange.Summary) float64     { return float64(s.Read) / 1e6 }
func written(s exchange.Summary) float64  { return float64(s.Written) / 1e6 }
