// Package sieve reads and stores the Sieve scripts of an account over ManageSieve (RFC 5804).
//
// A connection is encrypted with STARTTLS before the password is sent, unless the caller allows
// plaintext. The package checks no scripts and changes none. A [Client] is a collection.Source and
// a collection.Target: one collection, whose path is empty, with the scripts by name.
//
// responses.go reads what servers send, client.go has the commands, source.go and target.go the
// collection.
package sieve
