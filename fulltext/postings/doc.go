// Package postings keeps for each word in which documents it is, and at which places there. Package
// fulltext keeps its segments in a database and makes documents of messages.
//
// A Builder collects documents and writes them as a segment. A Segment finds the documents that
// match an expression. Merge makes one segment of several. The documents of a segment have
// ordinals: 0 is the newest, and lists of documents ascend, so that the newest hits are read first
// and the rest is not read.
//
//	builder.go, vocabulary.go             documents become sorted words with their places
//	writer.go                             these become the bytes of a segment
//	segment.go, list.go                   the words of a segment, and the list of one
//	find.go, iterator.go, prefix.go       an expression becomes iterators over such lists
//	merge.go                              several segments become one
//
// A segment is a string of bytes, with a table of its rows and an index of its leaves beside it
// (Meta). Numbers are varints.
//
//	bytes    leaves, and chunks of long lists between them
//	leaf     entries, in the order of their words
//	entry    how many bytes the word shares with the one before, how many follow, these, documents, and
//	         2·n, and a list of n bytes (list.go)
//	         2·n+1, and of each of n chunks: its last ordinal, minus that of the one before; its length. They follow each other
//	         from the offset that stands before the first of them
//	chunk    a list
//	list     the length of its documents, these, places
//	document the ordinal minus the one before it minus 1, times 2, plus 1 if its places are one byte; or else their length
//	places   ordinals of the places in the body, each minus the one before it (-1 for the first).
//	         0 and the number of a column begin those of another column
//	rows     how many; the first one; each of the others subtracted from the one before it. The first is zigzag
//	leaves   of each: how many bytes are between it and the one before it, its length, and its first word, as in an entry
//
// The format is not durable: an index is built again if the version of package fulltext changes.
package postings
