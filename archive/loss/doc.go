// Package loss finds what an account lost between two manifests: the messages of the earlier one
// that are nowhere in the later one, by their hashes. A message that was moved or renumbered, or
// whose mailbox was renamed, is in the later one, and is not lost.
//
// It reads pages, which every key can read, and as few as it can. It reads none if the numbers
// alone show that the limits are kept. Otherwise it reads the pages that only one of the two
// manifests has. It reads the others only if too much is still missing.
//
// Comparison.Find bounds the losses by numbers alone (loss.go), or counts them by hashes
// (count.go). Then it applies the limits (judge.go, limit.go, rule.go) to each mailbox and to the
// account. A mailbox that people empty, such as Trash, may lose everything (emptied.go).
package loss
