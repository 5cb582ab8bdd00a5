// Package safehtml makes HTML of mail safe to show. It keeps what a reader needs and drops the
// rest, so a browser neither runs nor fetches anything when it shows the result.
//
//	document ── tokenizer ──► tags ──┬─ allowed elements, nested well      sanitize.go, tree.go, elements.go
//	                                 ├─ allowed attributes                 attributes.go
//	                                 │    declarations of style            style.go
//	                                 ├─ links, through a page of ours      link.go
//	                                 └─ images of the message as data:     image.go
//	                                      others as a note with their host
//
// What is not in a list is dropped: elements (their text stays, but for scripts and style sheets),
// attributes, properties and functions of styles, and schemes of URLs. There are no names, classes
// or IDs in the result, no comments, no foreign elements (SVG, MathML), and no element whose
// content a browser reads by other rules than those of plain HTML. So the result has one meaning
// for every parser, and to sanitize it again changes nothing.
//
// The time is linear in the size of the document. [MaxDocument] and [MaxOutput] bound the memory.
package safehtml
