// Package find has the commands find and attachments.
//
//	find.go ──► results.go ──► print.go      a row, or a line of JSON, as it is found
//	             │  ▲           │ snippet.go  where words match
//	             │  │           └ restore.go  how to read it and bring it back
//	             │  attachments.go ──► attachments_dir.go    the same search; saves files
//	             └ mailboxes.go    mailboxes that do not exist
package find
