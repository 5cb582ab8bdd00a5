package layout

import (
	"context"
	"slices"

	"github.com/mailstrata/mailstrata/mail"
)

// Skeleton is a message in which every run of base64 lines is one short line. A parser of MIME
// finds the same structure in it: a line of base64 can be neither a field nor a delimiter. So the
// structure of a message with large attachments needs little memory, and the attachments are not
// read.
type Skeleton struct {
	Text []byte

	runs []run // ascending
}

// run is a run of base64 lines, and the line that stands for it.
type run struct {
	at, size     int   // the line in the skeleton
	offset, full int64 // the run in the message
	lines        int64
}

// filler stands for a run of base64 lines.
const filler = "AAAA"

// SkeletonSize returns the size of the skeleton of the message.
func (l *Layout) SkeletonSize() (size int64) {
	for i := range l.parts {
		if p := &l.parts[i]; p.kind == mail.Base64Part {
			size += int64(len(filler)) + ending(p.recipe)
		} else {
			size += p.size
		}
	}
	return size
}

// Skeleton reads the skeleton of the message. If it would have more than limit bytes, the Skeleton
// ends there. The rest of the message is then not seen by a parser.
func (l *Layout) Skeleton(ctx context.Context, limit int) (*Skeleton, error) {
	s := new(Skeleton)
	for i := range l.parts {
		p := &l.parts[i]
		if p.kind == mail.Base64Part {
			s.addRun(p)
			continue
		}
		room := int64(limit - len(s.Text))
		if err := l.writeStored(ctx, s, p, 0, min(p.size, max(room, 0))); err != nil {
			return nil, err
		}
		if p.size > room {
			break
		}
	}
	return s, nil
}

// Write appends bytes of the message.
func (s *Skeleton) Write(b []byte) (int, error) {
	s.Text = append(s.Text, b...)
	return len(b), nil
}

func (s *Skeleton) addRun(p *part) {
	line := filler
	switch {
	case p.recipe.Unterminated:
	case p.recipe.CRLF:
		line += "\r\n"
	default:
		line += "\n"
	}
	s.runs = append(s.runs, run{
		at: len(s.Text), size: len(line), offset: p.offset, full: p.size, lines: linesOf(p.recipe, p.stored),
	})
	s.Text = append(s.Text, line...)
}

// Offset returns the offset in the message of an offset in Text.
func (s *Skeleton) Offset(at int) int64 {
	n, found := slices.BinarySearchFunc(s.runs, at, func(r run, at int) int { return r.at - at })
	if found {
		return s.runs[n].offset
	}
	if n == 0 {
		return int64(at)
	}
	r := s.runs[n-1]
	return r.offset + r.full + int64(at-r.at-r.size) // within the line of a run: counted from its end
}

// Lines returns how many more lines than a range of Text the same range of the message has.
func (s *Skeleton) Lines(from, to int) (more int64) {
	for _, r := range s.runs {
		if r.at >= from && r.at < to {
			more += r.lines - 1
		}
	}
	return more
}
