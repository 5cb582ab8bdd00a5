package mail

import "fmt"

// MaxMessage is the largest size of a message, in bytes. A body that is announced with more is not
// read, because it could fill the disk and the repository. Servers and relays accept some hundred
// megabytes at most.
const MaxMessage = 2 << 30

// TooLargeError is the error for a message that a server announces with more than MaxMessage bytes.
// It is ErrRefused, because the server would announce the same again. None of the body was read,
// and the connection is closed.
type TooLargeError struct {
	UID  UID   // 0: not known
	Size int64 // as announced
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the server announces %d bytes; the limit for a message is %d", e.Size, MaxMessage)
}

// Is reports whether target is ErrRefused, for errors.Is.
func (e *TooLargeError) Is(target error) bool { return target == ErrRefused }
