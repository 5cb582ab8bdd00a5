package objects

import (
	"context"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
)

// Frame is a frame of a pack with its chunks.
type Frame struct {
	format.Frame
	Lane   format.Lane
	Chunks []Place
}

// Place says where a chunk lies in a frame.
type Place struct {
	Prefix         chunk.Prefix
	Offset, Length uint32
}

// Frames returns the frames of a pack, as its table describes them.
func Frames(row format.PackRow, lanes []format.LaneRow) []Frame {
	frames := make([]Frame, len(lanes))
	offset := row.Head
	for i := range lanes {
		frames[i] = Frame{Frame: row.Frame(i, offset), Lane: lanes[i].Lane}
		offset += row.Stored[i]
		at := uint32(0)
		for j, length := range lanes[i].Lengths {
			frames[i].Chunks = append(frames[i].Chunks, Place{lanes[i].Prefix(j), at, length})
			at += length
		}
	}
	return frames
}

// ReadFrame reads the content of a frame, or with an error the part before the damage.
type ReadFrame func(ctx context.Context, f format.Frame) ([]byte, error)
