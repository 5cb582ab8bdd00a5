// Package jmap is a client of JMAP (RFC 8620) and of its mail (RFC 8621): as much of them as
// reading and writing an account needs.
//
//	url.go        the URL of an account
//	session.go    the session: where requests go, and what the server takes at most
//	transport.go  HTTP: which hosts get the secret, and what an answer may be
//	request.go    several calls in one request
//	blob.go       the text of messages, in both directions
//	types.go      mailboxes and messages
//	errors.go     what a server refuses
//
// Package jmapsource reads an account with it, and package jmaprestore writes one.
//
// The secret goes to the host that the user named, and to those that its session names, over TLS. A
// redirect to another host is not followed, except from the session's URL to a host below the named
// one. Answers are bounded: a
// session, a list or a text that does not end makes an error.
//
// An error wraps mail.ErrTemporary if a later attempt may succeed (a lost connection, status 429 or
// 5xx, serverUnavailable), with the time that the server asks for; else mail.ErrRefused.
package jmap
