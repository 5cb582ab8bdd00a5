// Package conditions reads the conditions for messages of find, attachments and restore.
//
//	--from, --since … ──► Flags ──► search.Query    flags.go
//	--text, words     ──► Texts ──► query.Query     texts.go, words.go
package conditions
