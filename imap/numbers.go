package imap

import (
	"bufio"
	"errors"
	"math"

	"github.com/mailstrata/mailstrata/mail"
)

// isSearch recognises a SEARCH response by its first bytes. (ESEARCH, which is short, is read like any other.)
func isSearch(line []byte) bool {
	const prefix = "* SEARCH"
	if len(line) < len(prefix)+1 || !equalFold(line[:len(prefix)], prefix) {
		return false
	}
	next := line[len(prefix)]
	return next == ' ' || next == '\r' || next == '\n'
}

// search reads the numbers of a SEARCH response as they come: a mailbox of a million gives a line of eight megabytes.
// What is no number (RFC 7162's "(MODSEQ 917162500)" at the end) ends the set.
func (r *reader) search(piece []byte, err error) error {
	r.resp.tag, r.resp.name = "*", "SEARCH"
	piece = piece[len("* SEARCH"):]
	var number uint64
	var digits, ended bool
	for {
		for _, c := range piece {
			switch {
			case ended:
			case '0' <= c && c <= '9':
				number = min(number*10+uint64(c-'0'), 1<<33) // far above any UID, far below an overflow
				digits = true
			default:
				if digits {
					r.found(number)
				}
				number, digits = 0, false
				ended = c != ' ' && c != '\r' && c != '\n'
			}
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return midway(err, true)
		}
		piece, err = r.br.ReadSlice('\n')
	}
}

// found adds a number to the answer of a SEARCH, where it can be a UID.
func (r *reader) found(number uint64) {
	if uid, ok := asUID(number); ok {
		r.resp.found.Add(uid)
	}
}

// asUID checks that a number can be a UID: 32 bits, and not 0 (RFC 9051 section 2.3.1.1).
func asUID(number uint64) (mail.UID, bool) {
	return mail.UID(number), number > 0 && number <= math.MaxUint32
}
