package imap

import (
	"fmt"

	"github.com/mailstrata/mailstrata/mail"
)

// Bounds of the memory that a server can make the client hold. Each is for one command: the whole answer counts, in however
// many responses it comes. Bodies do not count, because they are never held.
const (
	maxResponse = 1 << 20  // bytes of a response. Sets of UIDs are read as they come and do not count.
	maxTokens   = 1 << 15  // tokens of a response
	maxDepth    = 32       // lists within lists
	maxLiteral  = 64 << 10 // bytes of a literal that is not a body: no name in an archive is longer
	maxKept     = 1 << 16  // bytes and tokens of memory kept from one response to the next

	maxHeld       = 32 << 20 // bytes of memory that the mailboxes of one listing take
	maxAttributes = 4 << 20  // bytes of memory that flags of one FETCH take, beyond usualAttributes for each message
	maxUseless    = 16 << 20 // bytes in a row that answer no command
	maxSkipped    = 64 << 20 // bytes of one literal that is passed over; a longer one is not waited for
	maxRanges     = 2 << 20  // ranges of UIDs in one answer
	maxChallenges = 10       // of one AUTHENTICATE

	usualAttributes = 256
	maxServerID     = 255 // bytes of an id or a date: the archive keeps no more
)

// floodError means that a server sends more than any answer can need. It ends the connection, and trying again does not help:
// it is mail.ErrFlood.
type floodError struct{ what string }

func flood(format string, args ...any) error { return &floodError{fmt.Sprintf(format, args...)} }

func (e *floodError) Error() string { return "the server sent " + e.what }

func (e *floodError) Is(target error) bool { return target == mail.ErrFlood }

// holding counts the memory that the answer to a command takes.
type holding struct{ bytes int64 }

func (h *holding) add(bytes int, of string) error {
	if h.bytes += int64(bytes); h.bytes > maxHeld {
		return flood("more %s than fit into %d MiB", of, maxHeld>>20)
	}
	return nil
}

// memoryOf estimates the memory that a list of words takes.
func memoryOf(words []string) int {
	bytes := 0
	for _, word := range words {
		bytes += 32 + len(word)
	}
	return bytes
}
