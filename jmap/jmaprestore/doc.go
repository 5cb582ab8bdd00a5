// Package jmaprestore restores into an account over JMAP, as a restore.Target.
//
//	target.go     the account; waits and attempts
//	mailboxes.go  where each archived mailbox goes: by name, by role, or into a new one
//	existing.go   the messages that the account has, and which of them are wanted ones
//	folder.go     a mailbox that messages are added to
//	append.go     adding a batch: upload, import
//	lost.go       what became of an import that was not answered
//	mirror.go     removing what is not archived
//
// A message of JMAP can be in several mailboxes. So a message that the account has already, with
// the same bytes, date and keywords, is put into a further mailbox, and is not uploaded again. Some
// servers (Cyrus) keep one copy of equal messages whatever their keywords are, and answer
// alreadyExists: it is put into the mailbox as well, and the report says whose keywords it has.
package jmaprestore
