package jmap

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/internal/printable"
	"github.com/mailstrata/mailstrata/mail"
)

var (
	// ErrLogin means that the server does not accept the user name and the secret.
	ErrLogin = errors.New("login refused")

	// ErrInsecure means that the secret would not be encrypted.
	ErrInsecure = errors.New("no encryption")

	// ErrOverQuota means that the account is full.
	ErrOverQuota = errors.New("over quota")

	// ErrNotFound means that there is no blob with an id.
	ErrNotFound = errors.New("not found")
)

// Names of errors (RFC 8620 sections 3.6.2 and 5, RFC 8621 section 4.8) on which callers decide.
const (
	AlreadyExists     = "alreadyExists"
	BlobNotFound      = "blobNotFound"
	InvalidProperties = "invalidProperties"
	StateMismatch     = "stateMismatch"
	TooManyKeywords   = "tooManyKeywords"
)

const overQuota = "overQuota"

// Error is a call that the server did not carry out, or an object that it did not make: the error
// of a method (RFC 8620 section 3.6.2) or of an object (section 5.3).
type Error struct {
	Call        string   `json:"-"` // such as "Email/get"
	Type        string   `json:"type"`
	Description string   `json:"description"`
	Properties  []string `json:"properties"`
	ExistingID  string   `json:"existingId"` // with alreadyExists
}

func (e *Error) Error() string {
	said := e.Type
	if said == "" {
		said = "an error without a type"
	}
	if len(e.Properties) > 0 {
		said += " (" + strings.Join(e.Properties, ", ") + ")"
	}
	if e.Description != "" {
		said += ": " + e.Description
	}
	return fmt.Sprintf("%s: the server answered %s", e.Call, printable.Text(said))
}

// temporary are the errors that may pass.
var temporary = []string{"serverUnavailable", "serverFail", "rateLimit", "limit"}

// Is implements errors.Is.
func (e *Error) Is(target error) bool {
	passes := slices.Contains(temporary, e.Type)
	return target == mail.ErrTemporary && passes || target == mail.ErrRefused && !passes ||
		target == ErrOverQuota && e.Type == overQuota
}

// StatusError is an answer with an HTTP status that is no success, with the problem details that
// came with it (RFC 7807).
type StatusError struct {
	URL    string // without a query
	Status int
	Type   string // of the problem, such as urn:ietf:params:jmap:error:limit
	Detail string

	after time.Duration
}

func (e *StatusError) Error() string {
	said := fmt.Sprintf("%s: the server answered with status %d", e.URL, e.Status)
	if e.Type != "" {
		said += ", " + printable.Text(e.Type)
	}
	if e.Detail != "" {
		said += ": " + printable.Text(e.Detail)
	}
	return said
}

// Is implements errors.Is.
func (e *StatusError) Is(target error) bool {
	passes := e.Status == 408 || e.Status == 425 || e.Status == 429 ||
		e.Status >= 500 && e.Status != 501 && e.Status != 505 && e.Status != 507
	switch target {
	case mail.ErrTemporary:
		return passes
	case mail.ErrRefused:
		return !passes
	case ErrLogin:
		return e.Status == 401 || e.Status == 403
	case ErrOverQuota:
		return e.Status == 507
	case ErrNotFound:
		return e.Status == 404 || e.Status == 410
	}
	return false
}

// RetryAfter returns the time that the server asks to wait (RFC 9110 section 10.2.3), or 0.
func (e *StatusError) RetryAfter() time.Duration { return e.after }

// longestWait bounds the time that a server can ask for.
const longestWait = 30 * time.Minute

// refused returns an error that no later attempt cures.
func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", mail.ErrRefused, fmt.Sprintf(format, args...))
}

// lost returns an error of the network.
func lost(doing string, err error) error {
	return fmt.Errorf("%s: %w (%w)", doing, err, mail.ErrTemporary)
}
