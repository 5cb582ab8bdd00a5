// Package search finds messages in manifests.
//
// A Query (query.go) is a set of conditions. Records and flags decide most of them. What is left
// needs the text of messages: headers and, for names of attachments, the text around these
// (page.go, attachment.go). Find and FindIn search one manifest (search.go). FindAll searches all
// manifests of an account, from the newest to the oldest, and reads only the pages and messages
// that no newer manifest has (all.go). Newest sorts what they found (newest.go).
package search
