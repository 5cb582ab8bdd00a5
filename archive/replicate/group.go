package replicate

import (
	"context"
	"iter"

	"github.com/mailstrata/mailstrata/archive"
)

const (
	// accountsAtOnce is how many accounts share packs, as in a backup.
	accountsAtOnce = 64

	// groupMessages bounds the messages of accounts that share packs. For each 256 of them some 400
	// bytes are in memory.
	groupMessages = 1 << 20

	// batchBytes bounds the mail of manifests that are committed together. More would not make
	// packs larger, and a copy that is killed would have to read it again.
	batchBytes = 256 << 20
)

// groups divides accounts into groups that share packs.
func groups(accounts [][]archive.Summary) iter.Seq[[]*history] {
	return func(yield func([]*history) bool) {
		var group []*history
		var messages int64
		for _, account := range accounts {
			newest := account[len(account)-1].Manifest.Totals.Messages
			if len(group) > 0 && (len(group) == accountsAtOnce || messages+newest > groupMessages) {
				if !yield(group) {
					return
				}
				group, messages = nil, 0
			}
			group, messages = append(group, &history{left: account}), messages+newest
		}
		if len(group) > 0 {
			yield(group)
		}
	}
}

// group copies accounts: first one manifest of each, then the next one of each, and so on.
func (c *copier) group(ctx context.Context, accounts []*history) error {
	for {
		var tasks []*task
		for _, h := range accounts {
			t, err := c.next(ctx, h)
			if err != nil {
				return err
			}
			if t != nil {
				tasks = append(tasks, t)
			}
		}
		if len(tasks) == 0 {
			return nil
		}
		for len(tasks) > 0 {
			n := batchSize(tasks)
			if err := c.batch(ctx, tasks[:n]); err != nil {
				return err
			}
			tasks = tasks[n:]
		}
	}
}

// batchSize returns how many of the first tasks are committed together. A manifest that has a copy
// is alone: if the new one has no more, nothing of it is put.
func batchSize(tasks []*task) int {
	var bytes int64
	for i, t := range tasks {
		totals := t.Manifest.Totals
		if t.before == nil {
			bytes += totals.Bytes
		} else {
			bytes += min(totals.Bytes, totals.NewBytes+totals.TakenBytes)
		}
		if i > 0 && (t.again() || tasks[0].again() || bytes > batchBytes) {
			return i
		}
	}
	return len(tasks)
}
