package backup

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/percent"
	"github.com/mailstrata/mailstrata/manifest"
)

// What is recorded is not read again: that a UID means the same message for ever is a server's promise (RFC 9051 section
// 2.3.1.1), and some have broken it. A sample, where one is asked for, is downloaded all the same and compared.

// sampler chooses what is compared in a run. Each message has a place on a circle, by a hash that no server can know; a
// run takes an arc of it. The arcs of different days begin by steps of the golden section, whose multiples leave no gap open
// for long: of the 1/rate runs that it takes at the least to go round, run each night it takes twice as many at the most,
// and at other paces (each week, each month) five times.
type sampler struct {
	key         chunk.Key
	from, width uint64
}

// newSampler is for a run that began at a time by the store's clock; nil: nothing is compared.
func newSampler(rate percent.Rate, began time.Time, key chunk.Key) *sampler {
	if rate <= 0 {
		return nil
	}
	const golden = 0x9e3779b97f4a7c15 // of the circle, 2^64
	day := uint64(began.Unix() / (24 * 60 * 60))
	return &sampler{key: key, from: day * golden, width: arc(float64(rate))}
}

// arc is a share of the circle.
func arc(share float64) uint64 {
	if share >= 1 {
		return math.MaxUint64
	}
	return uint64(share * (1 << 63) * 2)
}

// byIDMore is how much likelier a message is compared that was never downloaded from where it is.
const byIDMore = 4

// picks reports whether a message is compared.
func (s *sampler) picks(m *manifest.Mailbox, record *manifest.Record) bool {
	place := binary.LittleEndian.AppendUint32([]byte(m.Raw), m.Status.UIDValidity)
	hash := s.key.Sum(binary.LittleEndian.AppendUint32(place, uint32(record.UID)))
	width := s.width
	if record.ByID {
		width = max(width, min(width, math.MaxUint64/byIDMore)*byIDMore)
	}
	return binary.LittleEndian.Uint64(hash[:])-s.from <= width
}

// sample chooses messages of a mailbox, by what is recorded of it.
func (s *sampler) sample(m *manifest.Mailbox, load func(chunk.ID) ([]byte, error)) ([]manifest.Record, error) {
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
				chosen = append(chosen, manifest.Record{UID: records[i].UID, Size: records[i].Size, Hash: records[i].Hash, ByID: records[i].ByID})
			}
		}
	}
	return chosen, nil
}

// sample chooses what this reading compares.
func (r *reading) sample(ctx context.Context) ([]manifest.Record, error) {
	if !r.verify || r.old == nil || r.old.Status == nil || r.old.Messages == 0 {
		return nil, nil
	}
	return r.walk.sampler.sample(r.old, r.walk.load(ctx))
}

// same downloads a sample of the recorded messages and reports whether each is what was archived. A message that is gone
// says nothing; one that cannot be had is told of, and is archived already.
func (r *reading) same(ctx context.Context, session *source.Session, sample []manifest.Record) (bool, error) {
	if len(sample) == 0 {
		return true, nil
	}
	c, err := r.compareBodies(ctx, session, sample)
	if err != nil {
		return false, err
	}
	byID := 0
	for _, record := range c.other {
		if record.ByID {
			byID++
		}
	}
	r.walk.remark(true, "mailbox %q: %d messages were compared with the archive, and %d differ", r.listed.Name, c.compared, len(c.other))
	if c.unread > 0 {
		r.walk.warn("mailbox %q: %d archived messages could not be read again to be compared", r.listed.Name, c.unread)
	}
	if len(c.other) > 0 {
		r.walk.alarm(r.differ(c.other, c.compared, byID))
	}
	return len(c.other) == 0, nil
}

// uidsNamed is how many UIDs an alarm names.
const uidsNamed = 10

// differ says what is other than was archived.
func (r *reading) differ(other []manifest.Record, compared, byID int) string {
	var uids []string
	for _, record := range other[:min(len(other), uidsNamed)] {
		uids = append(uids, fmt.Sprint(record.UID))
	}
	if len(other) > uidsNamed {
		uids = append(uids, "…")
	}
	told := fmt.Sprintf("mailbox %q: of %d messages that were compared, %d are not what was archived under their UIDs (%s): all of it was read anew, and earlier manifests hold what was there",
		r.listed.Name, compared, len(other), strings.Join(uids, ", "))
	if byID > 0 {
		told += fmt.Sprintf("; %d had been taken by the server's id", byID)
	}
	return told
}

// alarm marks the manifest.
func (w *walk) alarm(told string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alarms = append(w.alarms, told)
}
