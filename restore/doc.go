// Package restore writes an archived account, or some of its messages, to a Target: an IMAP
// account, a Maildir, a directory of .eml files. Run does it all.
//
// A message passes through these files:
//
//	manifest
//	   │  restore.go      Run calls restorer.execute, which plans the jobs and runs them
//	   │  pick.go         which messages, if not all
//	   │  route.go        which mailbox of the target each goes to; labels of Gmail become mailboxes
//	   │  namespace.go    names without the prefix of the server's namespace
//	   │  job.go          a job is some mailboxes that are restored together: execute opens them, and transfer
//	   │                  runs the three steps fetch, join and write
//	   │  list.go         the messages of one mailbox
//	   │  compare.go      which of them its Folder lacks
//	   │  locate.go       the chunks of the missing messages, and the frames that have them
//	   │  order.go        the order in which they lie in the packs
//	   │  held.go         chunks that are kept when the rest of their frame is no longer needed
//	   │  fetch.go        the frames of some batches are fetched together, ahead of the next steps
//	   │  batch.go        messages that are joined, verified and written together, in buffers that are used again
//	   │                  (buffers.go); their bytes come from archive.Contents.Body ◄─ repo.Reader.Chunk
//	   │  mailbox_job.go  Folder.Append, and what the Folder answered
//	   │  settle.go       what it answers later, for many messages at once
//	   ▼
//	target                target.go: all interfaces that a target can implement
//
// Several jobs run at once, and the steps of a job as well: it fetches one batch while it joins the
// one before and writes the one before that.
//
// properties.go adds access rights and annotations of mailboxes. preview.go counts what a restore
// would add (a dry run). mirror.go also removes what the manifest does not have. A reporter
// (reporter.go) counts every message and keeps those that the target refuses; its Report
// (report.go) is the result. aside.go ends a restore whose target refuses everything, and stall.go
// one that makes no progress.
package restore
