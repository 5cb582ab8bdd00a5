package restore

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
)

// pieceSize is the number of messages that a folder is asked about at once. Each Message takes
// about 250 bytes.
const pieceSize = 16 << 10

// compare asks the folder which messages it lacks. It asks in pieces, which are in the order of the
// hashes, so that all copies of a message are in one piece and can be counted. Only then does it
// ask for similar messages, again in pieces: a message of the folder that is similar to one of the
// first piece may be the exact copy of one of the last.
func (l *messageList) compare(ctx context.Context, folder ReadFolder) error {
	var lacks [][]int // of each piece
	err := l.inPieces(func(piece []uint32) error {
		missing, err := l.comparePiece(ctx, folder, piece)
		lacks = append(lacks, missing)
		return err
	})
	if err != nil {
		return err
	}
	return l.inPieces(func(piece []uint32) error {
		missing, err := l.missingSimilar(ctx, folder, piece, lacks[0])
		lacks = lacks[1:]
		if err != nil {
			return err
		}
		return l.mark(piece, missing)
	})
}

// missingSimilar returns the missing messages of which the folder has no similar message either.
func (l *messageList) missingSimilar(
	ctx context.Context, folder ReadFolder, piece []uint32, missing []int,
) ([]int, error) {
	finder, ok := folder.(SimilarFinder)
	if !ok || len(missing) == 0 {
		return missing, nil
	}
	rows := make([]uint32, len(missing))
	for i, at := range missing {
		if at < 0 || at >= len(piece) {
			return missing, nil // mark returns the error
		}
		rows[i] = piece[at]
	}
	wanted := l.wanted(rows)
	left, err := finder.MissingSimilar(ctx, wanted)
	if err == nil {
		err = l.readErr
	}
	if err != nil {
		return nil, err
	}
	still := make([]int, 0, len(left))
	for _, i := range left {
		still = append(still, missing[i])
	}
	return still, l.reportEarlier(ctx, folder, rows, wanted)
}

// inPieces calls visit with the indices of all rows, in pieces. All copies of a message are in the
// same piece.
func (l *messageList) inPieces(visit func(piece []uint32) error) error {
	order := make([]uint32, len(l.rows))
	for i := range order {
		order[i] = uint32(i)
	}
	if len(order) > pieceSize {
		slices.SortStableFunc(order, func(a, b uint32) int { return l.rows[a].hash.Compare(l.rows[b].hash) })
	}
	for len(order) > 0 {
		n := min(pieceSize, len(order))
		for n < len(order) && l.rows[order[n]].hash == l.rows[order[n-1]].hash {
			n++
		}
		if err := visit(order[:n]); err != nil {
			return err
		}
		order = order[n:]
	}
	return nil
}

// lackRest marks the rows as missing that no answer of the folder has marked yet.
func (l *messageList) lackRest() error {
	return l.inPieces(func(piece []uint32) error {
		var all []int
		for i, at := range piece {
			if l.rows[at].state == rowUnknown {
				all = append(all, i)
			}
		}
		if len(all) < len(piece) {
			return nil // a piece is marked as a whole
		}
		return l.mark(piece, all)
	})
}

// comparePiece returns which of some messages the folder lacks.
func (l *messageList) comparePiece(ctx context.Context, folder ReadFolder, piece []uint32) ([]int, error) {
	wanted := l.wanted(piece)
	missing, err := folder.Missing(ctx, wanted)
	if err == nil {
		err = l.readErr // a message that was not compared must not count as missing, or it would be added twice
	}
	if err != nil {
		return nil, err
	}
	return missing, l.reportEarlier(ctx, folder, piece, wanted)
}

// reportEarlier reports the results of an interrupted restore that no report has yet.
func (l *messageList) reportEarlier(ctx context.Context, folder ReadFolder, piece []uint32, wanted []Message) error {
	journaled, ok := folder.(Journaled)
	if !ok || l.restorer.DryRun {
		return nil
	}
	results, err := journaled.EarlierResults(ctx, wanted)
	if err == nil {
		err = l.readErr
	}
	for _, i := range slices.Sorted(maps.Keys(results)) {
		if err == nil {
			row := &l.rows[piece[i]]
			err = l.restorer.reporter.reportChanges(ctx, l.mailbox, row.uid, results[i], &rowBody{list: l, row: row})
			if archive.IsDamage(err) { // it cannot be kept, but it is in the target
				err = l.restorer.reportDamage(ctx, Problem{Mailbox: l.mailbox.Name, UID: row.uid}, err)
			}
		}
	}
	return err
}

// mark sets the states of some rows by the answer of the folder.
func (l *messageList) mark(piece []uint32, missing []int) error {
	for _, i := range missing {
		if i < 0 || i >= len(piece) {
			return errors.New("the target returned a message that it was not asked about")
		}
		l.rows[piece[i]].state = rowMissing
	}
	if picked := l.restorer.picked[l.mailbox]; picked != nil && picked.copies != nil {
		l.countCopies(piece)
	}
	var present, bytes int64
	for _, at := range piece {
		if row := &l.rows[at]; row.state == rowUnknown {
			row.state = rowDone
			present++
			bytes += row.size
		}
	}
	l.restorer.reporter.present(present, bytes)
	return nil
}
