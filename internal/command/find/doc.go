// Package find has the commands find and attachments.
//
//	find.go ──► results.go ──► print.go      a row, or a line of JSON, as it is found
//	             │  ▲           │ snippet.go  where words match
//	             │  │           └ restore.go  how to read it and bring it back
//	             │  attachments.go   the same search; lists or saves attachments
//	             └ mailboxes.go    mailboxes that do not exist
package find
