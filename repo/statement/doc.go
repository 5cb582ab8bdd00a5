// Package statement encodes and signs the statements of a repository's keeper: which manifests are
// to be forgotten (marks), which packs are to be deleted (condemnations), the tags of manifests
// (notes), and what was erased (erasures). Only the owner's key can sign statements, and hosts that
// only back up do not have it. So an attacker who takes over such a host cannot remove anything
// from the archive. Only tags can be taken back.
//
//	Sign:  a row (Mark, Condemnation, TagSet, ErasureRow) ─► payload ─► payload and signature
//	Open:  payload and signature ─► payload ─► Parse… ─► the row ─► Marks, Condemned, Tags, Erasures: the sum of all rows
//
// Package repo stores and reads the objects. docs/format.md describes every byte.
package statement
