// Package diff compares two manifests, of one account at two times or of two accounts.
//
// Compare pairs mailboxes first (pairs.go), then it compares the messages of each pair
// (messages.go), and then it matches messages that left one mailbox with those that arrived in
// another (diff.go). It does not read tables, lists and pages that both manifests have, so it costs
// what changed. Changes reads the messages again and yields what happened to each (changes.go), and
// Losses returns the UIDs of those that left (losses.go).
//
// A message is identified by its hash. One that left a mailbox and arrived in another was moved.
// One that left and did not arrive was removed. Copies count: of each message, Removed less Added
// is the number of copies that the account has fewer.
package diff
