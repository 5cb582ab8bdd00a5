// Package maildirsource reads a Maildir for a backup: a disk.Store.
//
//	cur/ new/                  INBOX
//	.Projects.2023/cur new     Maildir++: the mailbox Projects/2023
//	Projects/2023/cur new      nested: the same
//
// Both layouts may be mixed. Names are in modified UTF-7, as servers keep them, with the escapes of
// package safename.
//
//	key            the name of a file before ":", which is the X-GUID of Dovecot
//	flags          the letters after ":2,", with dovecot-keywords for a to z
//	INTERNALDATE   the time of the file
//	UID            in the file dovecot-uidlist, for a message that was not archived before
//
// A message whose lines all end in LF has CRLF in the archive, as an IMAP server would send it. Its
// record says so (mail.Form), and a restore to a Maildir gives back the same file.
//
// A Maildir changes while it is read. A listing of a directory in which files are renamed may miss
// one of them, so a folder is listed until nothing changed meanwhile or two listings agree
// (list.go). A file that was renamed after that is found by a further listing (package disk).
//
// Links, pipes and other things that are no regular files are not opened. They are failures, with
// their names.
package maildirsource
