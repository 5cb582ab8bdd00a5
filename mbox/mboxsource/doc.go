// Package mboxsource reads mbox files for a backup: a disk.Store.
//
//	INBOX, INBOX.mbox           the mailbox INBOX
//	Projects.mbox/mbox          Projects       (Apple Mail)
//	Projects.sbd/2023           Projects/2023  (Thunderbird)
//	Projects/2023.mbox          Projects/2023  (mailstrata)
//
// Every regular file that begins with a From line is an mbox. The path may also be one file.
//
//	key            the hash of the message, as in the archive
//	flags          Status, X-Status and X-Keywords, or Thunderbird's X-Mozilla-Status and X-Mozilla-Keys
//	INTERNALDATE   the date of the From line
//
// An mbox is one stream, so a run reads it whole unless its time, size and inode are those of the
// last run. Only what is not in the archive is stored. What is known of a message is kept while the
// run lasts: some 200 bytes. Its text is read again when it is archived, and must have the same
// hash then: another program may have rewritten the file meanwhile.
//
// Google Takeout writes one mbox with the labels of each message. imap-backup has the UIDs and
// flags of an mbox in a file beside it.
//
//	store.go                     finds the files of a directory
//	look.go                      what a file is
//	scan.go, file.go             reads a whole file, each message of it
//	folder.go, verified.go       the mailbox of a file, and the text of a message when it is archived
//	takeout.go, imapbackup.go    what these programs keep beside the messages
//	notes.go                     what is odd about a file
package mboxsource
