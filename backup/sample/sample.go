// Package sample chooses archived messages to download again and compare. A Sampler chooses others
// each day; ForSpotCheck chooses some by which to recognize a mailbox.
package sample

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/percent"
	"github.com/mailstrata/mailstrata/manifest"
)

// Sampler chooses the messages to compare in a run. Each message has a position on a circle, by a
// hash that no server can know, and a run takes an arc of the circle. The arcs of different days
// begin at multiples of the golden section, which leave no gap open for long. Covering the circle
// takes at least 1/rate runs. With a run each night it takes at most twice as many, and at other
// intervals (each week, each month) at most five times as many.
type Sampler struct {
	key         chunk.Key
	from, width uint64
}

// New returns a Sampler for a run that began at a time by the store's clock, or nil if the rate is
// 0.
func New(rate percent.Rate, began time.Time, key chunk.Key) *Sampler {
	if rate <= 0 {
		return nil
	}
	const golden = 0x9e3779b97f4a7c15 // of the circle, 2^64
	day := uint64(began.Unix() / (24 * 60 * 60))
	return &Sampler{key: key, from: day * golden, width: arc(float64(rate))}
}

// arc returns the length of a share of the circle.
func arc(share float64) uint64 {
	if share >= 1 {
		return math.MaxUint64
	}
	return uint64(share * (1 << 63) * 2)
}

// byIDMore is how much likelier a message is chosen that was never downloaded from its mailbox.
const byIDMore = 4

// picks reports whether a message is chosen.
func (s *Sampler) picks(m *manifest.Mailbox, record *manifest.Record) bool {
	position := binary.LittleEndian.AppendUint32([]byte(m.Raw), m.Status.UIDValidity)
	hash := s.key.Sum(binary.LittleEndian.AppendUint32(position, uint32(record.UID)))
	width := s.width
	if record.ByID {
		width = max(width, min(width, math.MaxUint64/byIDMore)*byIDMore)
	}
	return binary.LittleEndian.Uint64(hash[:])-s.from <= width
}

// Choose returns the chosen messages of a recorded mailbox.
func (s *Sampler) Choose(m *manifest.Mailbox, load func(chunk.ID) ([]byte, error)) ([]manifest.Record, error) {
	pages, err := m.AllPages(load)
	if err != nil {
		return nil, err
	}
	var chosen []manifest.Record
	for _, page := range pages {
		records, err := page.LoadRecords(load)
		if err != nil {
			return nil, err
		}
		for i := range records {
			if s.picks(m, &records[i]) {
				r := &records[i]
				chosen = append(chosen, manifest.Record{UID: r.UID, Size: r.Size, Hash: r.Hash, ByID: r.ByID})
			}
		}
	}
	return chosen, nil
}

const (
	spotPages = 4         // pages of a mailbox, from the first to the last
	spotBytes = 256 << 10 // the size of the largest message to download
)

// ForSpotCheck returns a few messages of a recorded mailbox: of some pages, the smallest message
// and the last one that is not large.
func ForSpotCheck(old *manifest.Mailbox, load func(chunk.ID) ([]byte, error)) ([]manifest.Record, error) {
	pages, err := old.AllPages(load)
	if err != nil {
		return nil, err
	}
	var chosen []manifest.Record
	n := min(spotPages, len(pages))
	for i := range n {
		records, err := pages[i*(len(pages)-1)/max(1, n-1)].LoadRecords(load)
		if err != nil {
			return nil, err
		}
		small := slices.DeleteFunc(records, func(record manifest.Record) bool { return record.Size > spotBytes })
		if len(small) == 0 {
			continue
		}
		last := small[len(small)-1]
		chosen = append(chosen, last)
		smallest := slices.MinFunc(small, func(a, b manifest.Record) int { return cmp.Compare(a.Size, b.Size) })
		if smallest.UID != last.UID {
			chosen = append(chosen, smallest)
		}
	}
	return chosen, nil
}
