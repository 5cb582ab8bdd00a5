// Package rewrite commits manifests again: without damaged messages, without erased ones, after
// they were forgotten, and under another name of their account.
//
// A manifest never changes and a mark is never removed, so each of these writes a new manifest. It
// has the time of the old one, or the next that is free, and the old one as its origin, and it gets
// the same tags. All rules for writers hold (docs/design/removing.md): what the manifest needs is
// inherited if the run may have the old one as a parent (rule 1), and otherwise must count as
// stored, or is stored again while it can be read (rule 2).
//
// A session (session.go) is one run that lists an account, and commits to it. On it build
//
//	Repair, RepairLost   a manifest without what cannot be read (repair.go, repair_lost.go)
//	WithoutErased        manifests without what was erased (erased.go)
//	Undo, ListForgotten  forgotten manifests (undo.go)
//	Rename               all manifests of an account, under another name (rename.go, histories.go)
//
// Repair and WithoutErased change content. They use a Rewriter (rewriter.go, pages.go, omitted.go),
// which passes each record to a function, leaves out what the function cannot store, and writes new
// pages. A PageMap (pagemap.go) says which pages it made of which, so that the next manifest costs
// only what changed. Package replicate uses it too, to write to another repository. Undo and Rename
// keep content (recommit.go), and store again what may have been removed (restock.go).
package rewrite
