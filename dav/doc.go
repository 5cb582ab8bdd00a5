// Package dav reads and stores the items of CalDAV (RFC 4791) and CardDAV (RFC 6352) servers.
//
// A [Client] is a collection.Source and a collection.Target:
//
//	discover.go  finds the collections of a user
//	list.go      lists their items, by sync-collection (RFC 6578) where it can
//	read.go      reads items by GET and not by a report, because XML does not preserve line ends
//	versions.go  in which version a server stores its vCards, so that they are read in that one
//	glance.go    compares many items with one request
//	target.go    makes collections, and stores items
//
// Below it:
//
//	http.go         the client, its requests, and redirects
//	digest.go       logging in with a hash of the password
//	pace.go         how many requests are under way at once
//	answer.go       ends a request of which no byte moves
//	site.go         which hosts get the password
//	multistatus.go  parses what servers answer
//	names.go        the names of XML
//
// The client speaks to one host, that of its URL. It follows redirects and links to this host
// alone, because each request carries the password.
package dav
