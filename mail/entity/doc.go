// Package entity parses the MIME structure of messages (RFC 2045, RFC 2046) into entities that say
// where they are in the message. An entity is a header and a body: the message itself, a body part
// of a multipart, or a message within a message.
//
//	message bytes ── Parse ──► Entity, with ranges of bytes         parse.go
//	                             Type, Params, Disposition, …       content.go
//	                             Children of a multipart
//	                             Message of a message/rfc822
//	body of an entity ── Entity.Decode ──► its content              decode.go, base64.go, quotedprintable.go, uuencode.go
//
// Real mail breaks the rules in every way, so [Parse] never fails. It reads what programs that show
// mail read:
//
//   - A header ends with an empty line. Lines in it that are no fields are skipped. But the header of a body part ends before
//     such a line if no field that describes the part follows it, because what follows is rather its text. So does a header
//     without an empty line. A line that begins with "--" ends a header, too. If the first line is no field, the entity has
//     no header. A byte order mark before the first line of a message is no part of it.
//   - Lines end with LF, with or without a CR before it. If the first line ends with CR alone, all lines do.
//   - A delimiter is a line that consists of "--", a boundary, "--" at the end of the multipart, and blanks. So a boundary
//     that is a prefix of another is no special case. The innermost multipart with that boundary has it.
//   - A multipart whose closing delimiter is missing ends where the multipart around it continues, or with the message.
//   - A multipart without a boundary, or whose boundary does not occur, has no children.
//   - A type that cannot be read is text/plain (RFC 2045 section 5.2).
//
// Ranges nest: a child lies in the body of its parent, children do not overlap, and a header ends
// where its body begins. The bytes of a body between and around its children are preamble,
// delimiters and epilogue. The time is linear in the size of the message, and so is the memory of
// the result; [MaxDepth], [MaxEntities] and [MaxFields] bound both further.
package entity
