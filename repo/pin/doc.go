// Package pin remembers on a host which repository is at a location, with its fingerprint and its
// newest manifests.
//
// A host that can write to the store can put another repository there, or an older config, or one
// with its own recipient, and it can delete manifests. But it cannot change this file. So Check
// (pin.go) refuses a repository that is not the one seen before, and Newest (newest.go) says which
// manifest the store must still have.
package pin
