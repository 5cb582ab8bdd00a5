// Package journal records what was appended to the mailboxes of a target: the UID of each message,
// and what the server changed. Only the journal recognizes a message that a server altered. If it
// is lost, messages are compared.
//
// A journal is a file of lines, each of which begins with a UIDVALIDITY:
//
//	7 sending 12              messages are about to be appended; no existing one has this UID or a higher one
//	7 sent                    the results of these are known
//	7 12 6f1d…c2 ?            a message was appended: its UID and hash; "?": it has to be checked
//	7 looked 10:12            these were checked
//	7 changed 12 "why"        what the check found: other flags or another date; likewise "flags", where a system flag is
//	7 altered 12 "why"        lost, and "altered", where the bytes differ
//	7 reported 12             a restore ended with this in its report
//
// A restore that follows an interrupted one checks what that one did not check, and reports what no
// report has. Lines that cannot be read (a crash tears the last one) are skipped. Lines without "?"
// come from earlier versions, and count as checked and reported.
package journal
