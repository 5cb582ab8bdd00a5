package wire

import (
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/mail"
)

// Limits of the memory that a server can make the client hold for one response. Bodies do not
// count, because they are never held.
const (
	maxResponse = 1 << 20  // bytes of a response; sets of UIDs are read as they come and do not count
	maxTokens   = 1 << 15  // tokens of a response
	maxDepth    = 32       // lists within lists
	maxMetadata = 3 << 18  // bytes of a METADATA response after which literals are dropped
	MaxLiteral  = 64 << 10 // bytes of a literal that is not a body: no name in an archive is longer
	maxKept     = 1 << 16  // bytes and tokens of memory kept from one response to the next
	maxSkipped  = 64 << 20 // bytes of one literal that is skipped; the client does not wait for the end of a longer one
	maxRanges   = 2 << 20  // ranges of UIDs in one answer
)

// floodError means that a server sends more than any answer can need. It ends the connection, and
// trying again does not help: it is mail.ErrFlood.
type floodError struct{ what string }

// Flood returns the error of a server that sends more than a limit allows. The text says what,
// after "the server sent".
func Flood(format string, args ...any) error { return &floodError{fmt.Sprintf(format, args...)} }

func (e *floodError) Error() string { return "the server sent " + e.what }

func (e *floodError) Is(target error) bool { return target == mail.ErrFlood }

// ErrOutOfStep means that what the server sends cannot be followed: an answer does not have the
// form that it must have, so nothing shows where the next one begins. It ends the connection.
// Another attempt may succeed.
var ErrOutOfStep = errors.New("the server's answer cannot be read")
