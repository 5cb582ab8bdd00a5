// Package census counts the chunks of a repository for a prune: where each lies, which are needed,
// and what that means for each pack.
//
//	census.go      New takes all entries of the index; Reach and Erase record what manifests need, and what was erased
//	order.go       the order in which chunks were reached, in which a prune copies them
//	pack.go        Pack: what the store and the condemnations say about a pack, and what Tally counts in it
//	tally.go       Census.Tally adds up the chunks of each pack, each chunk in the one pack that keeps it
//	plan.go        Plan: the packs to delete, to copy from, and to condemn
//	generation.go  small packs are brought together by generations
//
// The package reads the file of the index and nothing else. Package repo lists the store before,
// follows the manifests, and does what the plan says. The comments cite the rules of
// docs/design/removing.md.
package census
