// Package hostile makes messages that try to run scripts, to fetch something, or to lead a reader
// astray, for tests of what shows mail.
//
//	documents of HTML, each with one trick or a family of them     html.go: scripts; fetch.go: URLs; parse.go: parsers
//	messages whose structure is the trick                          mime.go
//
// A script calls ran with the name of its message. Whatever is fetched is of a host below [Domain]
// that begins with that name.
package hostile
