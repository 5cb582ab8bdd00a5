// Package maildir writes an archived account into a Maildir, as a restore.Target.
//
// # Folders
//
// INBOX is the directory itself. The other mailboxes lie beside its cur, new and tmp:
//
//	MaildirPP    .Projects.2023/{cur,new,tmp,maildirfolder}    Maildir++: Dovecot, Courier, mutt
//	Nested       Projects/2023/{cur,new,tmp}                   Dovecot with LAYOUT=fs, and other programs
//
// Levels of names are written as package safename says: in modified UTF-7, as servers write them, with escapes for what a
// file system or a server would not take. A name too long for a file system ends in %2D and a hash, and is found whole in
// the file "mailstrata-name" in the folder. Layout.Decode and that file give every name back.
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
// What is before the comma stays when programs move a message to cur or change its flags. So what a folder holds
// already is read from its listing, and a second restore adds nothing. Messages that came there in any other way are
// compared by all their bytes, where the listing does not have what is wanted: see strangers.
//
// Package tree writes the files, so that none is there in part.
package maildir

// Layout is where folders lie.
type Layout uint8

const (
	MaildirPP Layout = iota // Maildir++
	Nested                  // directories in directories
)

// EOL is how lines end in the files. Programs that read a Maildir expect LF; over IMAP all lines ended in CRLF.
type EOL uint8

const (
	Auto EOL = iota // LF, where each line ended in CRLF and this can be undone exactly; else the bytes as they are
	LF              // LF for every CRLF
	AsIs            // the bytes as they are
)

// Options say how a Maildir is written.
type Options struct {
	Layout Layout
	EOL    EOL
}
