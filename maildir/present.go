package maildir

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/tree"
)

// present is the messages that a folder had when it was opened, in ascending order. It takes 20
// bytes a message.
type present []ownMessage

type ownMessage struct {
	hash chunk.Prefix
	copy uint32
}

// readPresent lists the messages of a folder that mailstrata wrote.
func readPresent(ctx context.Context, root *os.Root) (present, error) {
	var found present
	for _, sub := range []string{"cur", "new"} {
		err := tree.ReadNames(ctx, root, sub, func(name string) {
			if hash, copy, ok := parseFileName(name); ok {
				found = append(found, ownMessage{hash, copy})
			}
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(found, func(a, b ownMessage) int {
		return cmp.Or(bytes.Compare(a.hash[:], b.hash[:]), cmp.Compare(a.copy, b.copy))
	})
	return found, nil
}

// copies returns the messages with a hash.
func (p present) copies(hash chunk.Prefix) []ownMessage {
	compare := func(m ownMessage, hash chunk.Prefix) int { return bytes.Compare(m.hash[:], hash[:]) }
	first, _ := slices.BinarySearchFunc(p, hash, compare)
	n := first
	for n < len(p) && p[n].hash == hash {
		n++
	}
	return p[first:n]
}

// nextCopy returns the number for another copy of a message. It is larger than those of the
// existing copies, so that the file name is new.
func (p present) nextCopy(hash chunk.Prefix) uint32 {
	if there := p.copies(hash); len(there) > 0 {
		return there[len(there)-1].copy + 1
	}
	return 1
}
