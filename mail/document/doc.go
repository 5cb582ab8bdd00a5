// Package document reads the text of documents that people attach to mail.
//
//	Reader.Text ── by type or name ──┬─ .docx .xlsx .pptx: Office Open XML (ECMA-376) ──┐
//	                                 ├─ .odt .ods .odp: OpenDocument (ISO/IEC 26300) ───┤
//	                                 │      office.go                                   │
//	                                 │      zip.go   entries, with a budget ◄───────────┤
//	                                 │      xml.go   text of elements ◄─────────────────┘
//	                                 ├─ .rtf: Rich Text Format 1.9.1
//	                                 │      rtf.go
//	                                 └─ .pdf: package pdf
//
// A document can be made to harm. So each is read as a stream, without a tree, and its entries
// share one budget of bytes that are decompressed, whatever their number, sizes and ratios are.
// Archives in a document are not opened. XML entities that a document declares are not known and
// stay as they are. The time is linear in [MaxDocument] and [MaxContent].
package document
