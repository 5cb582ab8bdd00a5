// Package dav reads and stores the items of CalDAV (RFC 4791) and CardDAV (RFC 6352) servers.
//
// A [Client] is a collection.Source and a collection.Target. It finds the collections of a user
// (discover.go), lists their items, by sync-collection (RFC 6578) where it can (list.go), reads
// items by GET and not by a report, because XML does not preserve line ends (read.go), vCards in
// the version in which they are stored (versions.go), and stores them (target.go). multistatus.go
// parses what servers answer.
//
// The client speaks to one host, that of its URL. It follows redirects and links to this host
// alone, because each request carries the password.
package dav
