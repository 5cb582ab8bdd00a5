package index

import (
	"container/heap"
	"math"
	"slices"

	"github.com/mailstrata/mailstrata/repo/format"
)

// mergeFiles writes the union of files into one.
func mergeFiles(dir, path string, codec *format.Codec, files []*File) (*File, error) {
	w, err := NewFileWriter(dir, codec)
	if err != nil {
		return nil, err
	}
	merged := NewUnion(files, nil)
	if err := merged.Each(w.Add); err != nil {
		w.Abandon()
		return nil, err
	}
	out, err := w.Finish(path, merged.Packs, merged.segments, merged.inputs)
	if err != nil {
		w.Abandon()
	}
	return out, err
}

// noFrame is the frame of entries that are left out.
const noFrame = math.MaxUint32

// union is what several files hold, each pack and each entry once.
type union struct {
	File  // its packs, segments and inputs
	files []*File
	moved [][]uint32 // for each file, the frame of the union that each of its frames is
}

// NewUnion returns the union of files, without the packs for which leaveOut returns true.
func NewUnion(files []*File, leaveOut func(*format.PackRow) bool) *union {
	known := map[[32]byte]uint32{}
	merged := &union{files: files, moved: make([][]uint32, len(files))}
	moved := merged.moved
	for i, f := range files {
		for j := range f.Packs {
			p := &f.Packs[j]
			at, ok := known[p.Hash]
			switch {
			case ok:
			case leaveOut != nil && leaveOut(p):
				at = noFrame
			default:
				at = uint32(len(merged.places))
				merged.addPack(*p)
			}
			known[p.Hash] = at
			for k := range p.Stored {
				if at != noFrame {
					moved[i] = append(moved[i], at+uint32(k))
				} else {
					moved[i] = append(moved[i], noFrame)
				}
			}
		}
		merged.segments = append(merged.segments, f.segments...)
		merged.inputs = append(merged.inputs, f.inputs...)
	}
	return merged
}

// Each calls add for each entry, in ascending order.
func (u *union) Each(add func(format.Entry) error) error {
	var all cursors
	for i, f := range u.files {
		c := &cursor{file: f, moved: u.moved[i], buf: make([]byte, BlockSize)}
		if more, err := c.advance(); err != nil {
			return err
		} else if more {
			all = append(all, c)
		}
	}
	heap.Init(&all)
	var group []format.Entry // of one prefix: renumbered frames may have to be put in order
	for len(all) > 0 {
		c := all[0]
		if len(group) > 0 && group[0].Prefix != c.head.Prefix {
			if err := addGroup(group, add); err != nil {
				return err
			}
			group = group[:0]
		}
		group = append(group, c.head)
		more, err := c.advance()
		switch {
		case err != nil:
			return err
		case more:
			heap.Fix(&all, 0)
		default:
			heap.Pop(&all)
		}
	}
	return addGroup(group, add)
}

func addGroup(group []format.Entry, add func(format.Entry) error) error {
	if len(group) > 1 {
		slices.SortFunc(group, format.Entry.Compare)
		group = slices.Compact(group)
	}
	for _, e := range group {
		if e.Frame == noFrame {
			continue
		}
		if err := add(e); err != nil {
			return err
		}
	}
	return nil
}

// cursor reads the entries of a file that is being merged.
type cursor struct {
	file  *File
	moved []uint32 // the new number of each frame
	head  format.Entry

	buf, rest []byte // of the block
	next      int    // block
}

// advance reads the next entry, and reports whether there is one.
func (c *cursor) advance() (more bool, err error) {
	if len(c.rest) == 0 {
		if c.next == len(c.file.blocks) {
			return false, nil
		}
		if c.rest, err = c.file.block(c.next, c.buf); err != nil {
			return false, err
		}
		c.next++
	}
	c.head, c.rest = format.EntryAt(c.rest, 0), c.rest[format.EntrySize:]
	if int(c.head.Frame) >= len(c.moved) {
		return false, errFile
	}
	c.head.Frame = c.moved[c.head.Frame]
	return true, nil
}

// cursors is a heap, by prefix.
type cursors []*cursor

func (c cursors) Len() int           { return len(c) }
func (c cursors) Less(i, j int) bool { return c[i].head.Prefix.Compare(c[j].head.Prefix) < 0 }
func (c cursors) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *cursors) Push(x any)        { *c = append(*c, x.(*cursor)) }

func (c *cursors) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}
