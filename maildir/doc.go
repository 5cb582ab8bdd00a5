// Package maildir restores an archived account to a Maildir. Target is a restore.Target.
//
// # Folders
//
// INBOX is the directory itself. The other mailboxes lie beside its cur, new and tmp:
//
//	MaildirPP    .Projects.2023/{cur,new,tmp,maildirfolder}    Maildir++: Dovecot, Courier, mutt
//	Nested       Projects/2023/{cur,new,tmp}                   Dovecot with LAYOUT=fs, and other programs
//
// Package safename encodes the levels of names: in modified UTF-7, as servers do, with escapes for
// what a file system or a server does not accept. A name that is too long for a file system ends
// with %2D and a hash; the file "mailstrata-name" in the folder has the whole name. Layout.Decode
// and this file restore every name.
//
// # Messages
//
// A message is a file in cur:
//
//	0000000042.1696118400.6f1d…c2.1.mailstrata,S=2381,W=2440:2,FSab
//	│          │          │       │            │      │        └ flags: D F R S T, a-z as in the file dovecot-keywords
//	│          │          │       │            │      └ size with CRLF as line ends   (Maildir++, Dovecot)
//	│          │          │       │            └ size of the file                     (Maildir++, Dovecot)
//	│          │          │       └ 2 and more: a further copy of a message that was there already
//	│          │          └ the first 16 bytes of the message's hash in the archive
//	│          └ INTERNALDATE, seconds since 1970; also the file's modification time
//	└ UID in the archive: servers give their own UIDs in the order of these numbers (Dovecot: below 2³¹), so the order stays
//
// Programs keep the part before the comma when they move a message to cur or change its flags. So a
// listing shows which messages a folder has, and a second restore adds nothing. Messages from other
// programs are compared by all their bytes if a wanted message is not in the listing; see
// foreignFiles.
//
// # The way of a message
//
//	restore.Message
//	   │  target.go   Open opens the folder (names.go) and reads its file names (present.go) and keywords (keywords.go)
//	   │  folder.go   Missing compares the messages with the files by name, then by bytes (foreign.go)
//	   │  folder.go   Append converts line ends (lines.go) and flags (flags.go), and names the file (filename.go)
//	   ▼
//	tree.Dir          writes the file under a temporary name, and moves it into cur when it is durable
//
// # Files of this package
//
//	target.go, prepare.go, names.go   the Maildir; its folders and their names; a dry run
//	folder.go, filename.go            adding messages; the names of their files
//	flags.go, keywords.go             flags as letters; the file dovecot-keywords
//	lines.go                          LF for CRLF, and the sizes of both
//	present.go, foreign.go            messages that are there: those of mailstrata, and others
//	similar.go                        messages that another program stored with other bytes
//	mirror.go, extra.go               removing what is not archived
//	subscriptions.go, lock.go         the file subscriptions; changing a file that a server shares
//
// Package tree writes the files, so that none is there in part.
package maildir
