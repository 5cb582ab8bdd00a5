// Package pages keeps numbered pages of equal size in a directory, encrypted and authenticated, and
// changes them all at once or not at all. Package fulltext keeps its database in it.
//
//	DIR/root    what is there, replaced as a whole by each commit (root.go):
//	            magic, salt, nonce, and sealed: generation, number of pages, the entry of each table
//	DIR/pages   slots of PageSize bytes (slots.go), each a sealed page or a sealed table:
//	            the entries of 372 pages (table.go)
//
// An entry is the slot, the nonce and the tag of what it refers to (entry.go). The tags make a
// tree: the root vouches for the tables, and these for the pages. So a page that was changed,
// exchanged for another or replaced by its own older version is damage (ErrDamaged), and never
// read. All of the directory can be replaced by an older version of itself, and this is not
// noticed; it is what it was then, as a whole.
//
// A page is never written over what the root refers to, but into a free slot (File.Write). Commit
// writes the tables that changed in the same way, syncs, and replaces the root. Before that,
// nothing of the root on disk has changed: after a crash at any time, the pages are those of a
// commit. So nothing else is written, and no journal can have plain text.
//
// Readers need no lock. A reader has the tables of one root. When a later commit has used a slot of
// it again, the reader sees a wrong tag, finds another root on disk (File.Changed), and reads again
// by that. Writers exclude each other by means of their own.
package pages
