// Package prune deletes from a repository what no manifest needs. docs/design/removing.md has the
// rules, which the comments cite by number.
//
//	repository.go   what a prune works on: objects, statements of the keeper, manifests, the index, and a writer that copies
//	prune.go        Run takes the steps in order (type pruner): delete, copy, condemn, merge the index
//	survey.go       first, what there is (type survey): packs, condemnations, roots, and a census of the chunks they need
//	erased.go       what was erased, and whether packs still hold it
//	delete.go       deletes objects, many at once (type deleter), and the alarms of manifests that are gone
//	rewrite.go      copies what is needed of packs that are not worth keeping
//	compaction.go   in the order in which readers will read it (type compaction); opened_pack.go reads the packs
//	merge.go        which index segments are merged (type indexMerger), and which others replace and are deleted
//	merging.go      one merge (type merging)
package prune
