package mail

import (
	"fmt"
)

// MaxMessage is how many bytes a message may have. A body that is announced with more is not read: it would fill the
// disk and the repository. Servers and relays take some hundred megabytes at most.
const MaxMessage = 2 << 30

// TooLargeError is a message that a server announces with more bytes than a message may have. It is ErrRefused: the
// server will announce the same again. None of the body was read, and the connection on which it would have come is closed.
type TooLargeError struct {
	UID  UID   // 0 if the server did not say which message it is
	Size int64 // as announced
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the server announces %d bytes for it, and a message may have %d at most", e.Size, MaxMessage)
}

// Is gives the error's meaning to errors.Is.
func (e *TooLargeError) Is(target error) bool { return target == ErrRefused }
