// Package extract makes of a message the text that people read in it, and search for.
//
//	message ── entity.Parse ──► entities ──┬─ header fields, decoded          message.go
//	                                       ├─ text: charset, then             text.go
//	                                       │    HTML                          html.go
//	                                       │    calendars (RFC 5545)          calendar.go
//	                                       │    text/enriched (RFC 1896)      enriched.go
//	                                       ├─ messages: the same again        message.go
//	                                       └─ others: Documents               attachment.go
//
// Messages are as programs made them, and some are made to harm. So nothing is an error for the
// caller: what cannot be read is left out, and an attachment says why its text is missing. The time
// is linear in the size of the message, [MaxText] bounds the text, and [MaxNested] how often
// messages within messages are decoded.
//
// Of a multipart/alternative all alternatives are read: programs that write mail put different
// words into them. Preambles and epilogues of multiparts are not read, because no program shows
// them.
package extract
