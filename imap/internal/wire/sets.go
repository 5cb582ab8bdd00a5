package wire

import (
	"bufio"
	"bytes"
	"errors"
	"math"
	"slices"

	"github.com/mailstrata/mailstrata/mail"
)

// Sets of UIDs are parsed as they come, because a mailbox of a million messages gives a line of
// eight megabytes. Such lines are SEARCH ("* SEARCH 2 10 11"), ESEARCH ("* ESEARCH (TAG "M7") UID
// ALL 2,10:11") and VANISHED ("* VANISHED (EARLIER) 41,43:116").

// setStart returns where the set of a SEARCH, ESEARCH or VANISHED begins in the first piece of a
// line, or 0.
func setStart(line []byte) int {
	const search, esearch, vanished, earlier, all = "* SEARCH", "* ESEARCH ", "* VANISHED ", "(EARLIER) ", " ALL "
	switch {
	case hasPrefixFold(line, search) && len(line) > len(search) &&
		bytes.IndexByte([]byte(" \r\n"), line[len(search)]) >= 0:
		return len(search)
	case hasPrefixFold(line, esearch):
		for at := len(esearch) - 1; at+len(all) < len(line); at++ {
			if line[at] == ' ' && hasPrefixFold(line[at:], all) {
				return at + len(all)
			}
		}
	case hasPrefixFold(line, vanished):
		if rest := line[len(vanished):]; hasPrefixFold(rest, earlier) {
			return len(vanished) + len(earlier)
		}
		return len(vanished)
	}
	return 0
}

func hasPrefixFold(line []byte, prefix string) bool {
	return len(line) >= len(prefix) && EqualFold(line[:len(prefix)], prefix)
}

// readSet reads the set of such a response. It leaves what precedes the set as the line, and skips
// what follows it. The set of a SEARCH has blanks between its numbers, and ends at anything else,
// such as RFC 7162's "(MODSEQ 917162500)".
func (r *Reader) readSet(piece []byte, at int, err error) error {
	r.memory = append(r.memory, bytes.TrimRight(piece[:at], " ")...)
	r.line, r.pos = r.memory, 0
	piece = piece[at:]
	p := &setParser{r: r, search: hasPrefixFold(r.line, "* SEARCH")}
	if !p.search {
		r.resp.HasSet = true
		r.resp.Text = string(head(trimEnd(piece)))
		if r.Trace != nil {
			r.Trace(append(append(bytes.Clone(r.line), ' '), trimEnd(piece[:min(len(piece), 200)])...))
		}
	}
	return r.readNumbers(p, piece, err)
}

// readNumbers parses the rest of a line. piece is its first part, and err the error of reading it.
func (r *Reader) readNumbers(p *setParser, piece []byte, err error) error {
	for {
		r.resp.Size += len(piece)
		if err := p.parse(piece); err != nil {
			return err
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return unexpectedEOF(err, true)
		}
		piece, err = r.Input.ReadSlice('\n')
	}
}

// setParser reads "2,10:11", or "2 10 11" in a SEARCH response, in pieces.
type setParser struct {
	r             *Reader
	search        bool
	first, number uint64
	digits, ranged,
	ended bool
}

func (p *setParser) parse(piece []byte) error {
	for _, c := range piece {
		switch {
		case p.ended:
			return nil
		case '0' <= c && c <= '9':
			p.number = min(p.number*10+uint64(c-'0'), 1<<33) // far above any UID, far below an overflow
			p.digits = true
		case c == ':' && p.digits && !p.ranged && !p.search:
			p.first, p.number, p.digits, p.ranged = p.number, 0, false, true
		case p.search || c == ',' || c == ' ' || c == '\r' || c == '\n':
			p.ended = c != ',' && !p.search || p.search && c != ' '
			if err := p.end(); err != nil {
				return err
			}
		default:
			p.ended, p.r.resp.BadSet = true, true
		}
	}
	return nil
}

// end adds a number or a range to the set.
func (p *setParser) end() error {
	if !p.digits {
		p.r.resp.BadSet = !p.search // several blanks may follow each other
		return nil
	}
	first := p.number
	if p.ranged {
		first = p.first
	}
	low, high := min(first, p.number), max(first, p.number)
	p.number, p.digits, p.ranged = 0, false, false
	from, ok := ToUID(low)
	to, ok2 := ToUID(high)
	if !ok || !ok2 {
		p.r.resp.BadSet = !p.search
		return nil
	}
	return p.r.resp.UIDs.Add(mail.UIDRange{First: from, Last: to})
}

// ToUID converts a number that can be a UID: 32 bits, and not 0 (RFC 9051 section 2.3.1.1).
func ToUID(number uint64) (mail.UID, bool) {
	return mail.UID(number), number > 0 && number <= math.MaxUint32
}

// UIDCollector collects UIDs in any order. UIDs that come out of order are sorted in many at a
// time, because a server may send all of them backwards. It holds no more than maxRanges ranges.
type UIDCollector struct {
	sorted mail.UIDSet
	ranges int      // an upper bound of the ranges of sorted
	last   mail.UID // of sorted
	loose  map[mail.UID]mail.UID
}

// maxLoose is the number of ranges that wait to be sorted in.
const maxLoose = 1 << 16

// Add adds UIDs. Too many ranges are an error of Flood.
func (u *UIDCollector) Add(r mail.UIDRange) error {
	if r.Last < r.First {
		return nil
	}
	if uint64(r.First) > uint64(u.last) {
		if uint64(r.First) > uint64(u.last)+1 {
			u.ranges++
		}
		u.sorted.AddRange(r)
		u.last = r.Last
	} else if r.First != r.Last || !u.Contains(r.First) {
		if u.loose == nil {
			u.loose = map[mail.UID]mail.UID{}
		}
		u.loose[r.First] = max(u.loose[r.First], r.Last)
	}
	if len(u.loose) >= maxLoose || u.ranges > maxRanges {
		u.sort()
		if u.ranges > maxRanges {
			return Flood("more than %d separate ranges of UIDs in one answer", maxRanges)
		}
	}
	return nil
}

// Contains reports whether a UID was added.
func (u *UIDCollector) Contains(uid mail.UID) bool {
	if u.sorted.Contains(uid) {
		return true
	}
	last, found := u.loose[uid]
	return found && last >= uid
}

// sort merges the UIDs that came out of order.
func (u *UIDCollector) sort() {
	firsts := make([]mail.UID, 0, len(u.loose))
	for first := range u.loose {
		firsts = append(firsts, first)
	}
	slices.Sort(firsts)
	var merged mail.UIDSet
	u.ranges, u.last = 0, 0
	put := func(r mail.UIDRange) {
		if uint64(r.First) > uint64(u.last)+1 {
			u.ranges++
		}
		if r.Last > u.last {
			merged.AddRange(r)
			u.last = r.Last
		}
	}
	for r := range u.sorted.Ranges() {
		for len(firsts) > 0 && firsts[0] < r.First {
			put(mail.UIDRange{First: firsts[0], Last: u.loose[firsts[0]]})
			firsts = firsts[1:]
		}
		put(r)
	}
	for _, first := range firsts {
		put(mail.UIDRange{First: first, Last: u.loose[first]})
	}
	u.sorted, u.loose = merged, nil
}

// Set returns all UIDs that were added.
func (u *UIDCollector) Set() mail.UIDSet {
	if len(u.loose) > 0 {
		u.sort()
	}
	return u.sorted
}

// AddAll adds a set.
func (u *UIDCollector) AddAll(set mail.UIDSet) error {
	for r := range set.Ranges() {
		if err := u.Add(r); err != nil {
			return err
		}
	}
	return nil
}
