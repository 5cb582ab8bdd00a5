package s3

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
)

// networkError is an error of a connection in plain words. The texts of package net and of the
// client library name calls of the system, ports of this host, and whole addresses.
type networkError struct {
	text string
	err  error
}

func (e *networkError) Error() string { return e.text }
func (e *networkError) Unwrap() error { return e.err }

// plain returns an error of a connection in plain words, or the error itself if there are none for
// it.
func plain(err error) error {
	var name *net.DNSError
	var op *net.OpError
	var timeout net.Error
	var record tls.RecordHeaderError
	text := err.Error()
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		text = "no host is named " + name.Name
	case errors.As(err, &name):
		text = "the name " + name.Name + " cannot be looked up: " + name.Err
	case errors.As(err, &record), strings.Contains(text, "HTTP response to HTTPS client"):
		text = "there is no TLS at this port"
	case errors.As(err, &timeout) && timeout.Timeout():
		text = "there is no answer"
	case closed(err), strings.HasPrefix(text, "Connection closed by foreign host"):
		text = "it was closed without an answer"
	case errors.As(err, &op):
		text = reason(op).Error()
	default:
		return err
	}
	return &networkError{text, err}
}

// closed reports whether an error is that of a connection which the other side has closed. Which of
// these it is depends on what this side was doing.
func closed(err error) bool {
	return slices.ContainsFunc([]error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED},
		func(kind error) bool { return errors.Is(err, kind) })
}

// reason returns why an operation of the network failed.
func reason(op *net.OpError) error {
	if call := new(os.SyscallError); errors.As(op.Err, &call) {
		return call.Err
	}
	return op.Err
}
