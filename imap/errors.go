package imap

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

var (
	// ErrLogin means that the server does not accept the user name and the secret.
	ErrLogin = errors.New("login refused")

	// ErrOverQuota means that the account is full.
	ErrOverQuota = errors.New("over quota")

	// ErrOutOfStep means that an answer of the server cannot be read, so that nothing shows where
	// the next one begins. It is mail.ErrTemporary, too.
	ErrOutOfStep = wire.ErrOutOfStep

	// ErrInsecure means that the connection would not be encrypted.
	ErrInsecure = errors.New("no encryption")
)

// Error is a command that the server did not carry out. It is mail.ErrTemporary, mail.ErrNoMailbox,
// ErrOverQuota or ErrLogin according to the server's reason, and mail.ErrRefused if it is not
// temporary.
type Error struct {
	Command string // with its mailbox: `EXAMINE "Work"`; never a secret
	Status  string // NO, BAD or BYE
	Code    string // the response code in upper case, without its arguments; often empty
	Text    string // the server's own words
}

func (e *Error) Error() string {
	if e.Command == "" {
		return "the server ended the connection: " + e.said()
	}
	return fmt.Sprintf("%s: the server answered %s", e.Command, e.said())
}

// said returns the server's answer.
func (e *Error) said() string {
	said := e.Status
	if e.Code != "" {
		said += " [" + e.Code + "]"
	}
	if e.Text != "" {
		said += " " + e.Text
	}
	return said
}

// Is implements errors.Is.
func (e *Error) Is(target error) bool {
	switch target {
	case mail.ErrTemporary:
		return e.temporary()
	case mail.ErrRefused:
		return !e.temporary()
	case mail.ErrNoMailbox:
		return e.noMailbox()
	case ErrOverQuota:
		return e.overQuota()
	case ErrLogin:
		return e.login()
	}
	return false
}

// temporary goes by RFC 5530's codes for what may pass, the end of the connection, and what Gmail
// (THROTTLED) and Exchange send under load.
func (e *Error) temporary() bool {
	return e.Status == "BYE" ||
		slices.Contains([]string{"LIMIT", "INUSE", "UNAVAILABLE", "SERVERBUG", "THROTTLED"}, e.Code) ||
		strings.Contains(e.Text, "User is authenticated but not connected") ||
		e.RetryAfter() > 0
}

// noMailbox goes by the code, or, without a code, by the exact sentences of Dovecot, Cyrus and
// Courier. Words such as "not found" in a text can concern anything, such as a backend.
func (e *Error) noMailbox() bool {
	if e.Status != "NO" {
		return false
	}
	if e.Code != "" {
		return e.Code == "NONEXISTENT" || e.Code == "TRYCREATE"
	}
	return strings.HasPrefix(e.Text, "Mailbox doesn't exist") || strings.HasPrefix(e.Text, "Mailbox does not exist")
}

// overQuota goes by the code, or, without a code, by the words of common servers: "Over quota"
// (Cyrus), "You exceeded your mail quota" (Courier).
func (e *Error) overQuota() bool {
	if e.Status != "NO" || e.Code != "" && e.Code != "ALERT" {
		return e.Code == "OVERQUOTA"
	}
	text := strings.ToLower(e.Text)
	return strings.Contains(text, "quota") && (strings.Contains(text, "over") || strings.Contains(text, "exceed"))
}

func (e *Error) login() bool {
	return slices.Contains([]string{"AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED"}, e.Code)
}

var backoff = regexp.MustCompile(`(?i)Suggested Backoff Time: ([0-9]{1,9})`)

// longestBackoff bounds the wait that a server can ask for: nine digits of milliseconds are eleven
// days.
const longestBackoff = 30 * time.Minute

// RetryAfter returns the wait that the server asked for, or 0. Exchange sends it in milliseconds.
func (e *Error) RetryAfter() time.Duration {
	match := backoff.FindStringSubmatch(e.Text)
	if match == nil {
		return 0
	}
	ms, _ := strconv.Atoi(match[1])
	return min(time.Duration(ms)*time.Millisecond, longestBackoff)
}

// connectionError is a connection that ended, or that could not be made.
type connectionError struct {
	text      string
	err       error
	permanent bool // otherwise it is mail.ErrTemporary
}

func (e *connectionError) Error() string        { return e.text }
func (e *connectionError) Unwrap() error        { return e.err }
func (e *connectionError) Is(target error) bool { return target == mail.ErrTemporary && !e.permanent }

// lost returns the error of a connection that ended during a command. warning is the server's last
// one; both may be "".
func lost(server, command, warning string, err error) error {
	text := "lost the connection to " + server
	if command != "" {
		text += " during " + command
	}
	return &connectionError{text: text + ": " + err.Error() + saidBefore(warning), err: err}
}

// outOfStep returns the error of a connection that was closed because the server's answer to a
// command cannot be read.
func outOfStep(server, command, warning string, err error) error {
	text := server
	if command != "" {
		text += ": " + command
	}
	return &connectionError{text: text + ": " + err.Error() + saidBefore(warning), err: err}
}

func saidBefore(warning string) string {
	if warning == "" {
		return ""
	}
	return " (before that it said: " + warning + ")"
}
