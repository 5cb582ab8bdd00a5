package textindex

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/mailstrata/mailstrata/mail"
)

// stay says that a message was in a mailbox under a UID, in each manifest of the account from a
// first to a last.
type stay struct {
	box   uint64 // number of the mailbox
	uid   mail.UID
	size  int64
	date  int64  // INTERNALDATE, in seconds since 1970; noDate if it cannot be read
	first uint64 // number of a manifest
	last  uint64 // openNight: it has not ended
}

const (
	noDate    = math.MinInt64
	openNight = math.MaxUint64
)

// has reports whether the message was there in a manifest of the account.
func (s *stay) has(n uint64) bool { return s.first <= n && n <= s.last }

// encodeStays returns stays as the index keeps them. decodeStays inverts it.
func encodeStays(stays []stay) []byte {
	b := make([]byte, 0, 16*len(stays))
	for i := range stays {
		s := &stays[i]
		b = binary.AppendUvarint(b, s.box)
		b = binary.AppendUvarint(b, uint64(s.uid))
		b = binary.AppendVarint(b, s.size)
		b = binary.AppendVarint(b, s.date)
		b = binary.AppendUvarint(b, s.first)
		b = binary.AppendUvarint(b, s.last+1) // 0: it has not ended
	}
	return b
}

// errState is the error of state in the index that this package does not write.
var errState = errors.New("the index has state that cannot be read")

func decodeStays(b []byte) ([]stay, error) {
	d := decoder{rest: b}
	var stays []stay
	for len(d.rest) > 0 && !d.bad {
		s := stay{
			box: d.number(), uid: mail.UID(d.number()), size: d.signed(), date: d.signed(), first: d.number(),
			last: d.number() - 1,
		}
		stays = append(stays, s)
	}
	return stays, d.err()
}

// decoder reads numbers and texts from state.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) err() error {
	if d.bad {
		return errState
	}
	return nil
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.rest)
	d.skip(size)
	return n
}

func (d *decoder) signed() int64 {
	n, size := binary.Varint(d.rest)
	d.skip(size)
	return n
}

func (d *decoder) skip(size int) {
	if size <= 0 {
		d.bad, d.rest = true, nil
		return
	}
	d.rest = d.rest[size:]
}

func (d *decoder) text() string {
	return string(d.bytes(int(min(d.number(), math.MaxInt32))))
}

// bytes reads n bytes.
func (d *decoder) bytes(n int) []byte {
	if n > len(d.rest) {
		d.bad, d.rest = true, nil
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}
