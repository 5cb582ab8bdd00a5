package index

import (
	"container/heap"
	"math"
	"slices"

	"github.com/mailstrata/mailstrata/repo/format"
)

// mergeFlats writes what the files hold into one. A pack that several describe is described once, and an entry that
// several hold is held once.
func mergeFiles(dir, path string, owner Owner, files []*File) (*File, error) {
	w, err := NewFileWriter(dir, owner)
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

// noFrame is where the frames of packs go that are left out.
const noFrame = math.MaxUint32

// union is what several files hold.
type union struct {
	File  // its packs, segments and inputs
	files []*File
	moved [][]uint32 // for each file, the frame of the union that each of its frames is
}

// newUnion unites files: a pack that several describe is described once. Packs for which leaveOut returns true are left out.
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

// each calls add for the entries of all files, in order, once for each.
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

// cursor goes through a file that is being merged.
type cursor struct {
	file  *File
	moved []uint32 // where its frames are then
	head  format.Entry

	buf, rest []byte // of the block
	next      int    // block
}

// advance tells whether there is another entry.
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
