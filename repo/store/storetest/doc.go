// Package storetest tests whether a store.Store does what the interface promises, and has stores
// for other tests.
//
//	storetest.go  Run, the conformance suite, which memory, a local directory, MinIO and versitygw pass; deletes and clocks
//	put.go        its tests of Put, get.go and list.go those of Get and List, helpers.go what they share
//	memory.go     Memory, a store for tests that need none in particular
//	locked.go     Locked, a bucket with Object Lock
//	far.go        Far, a store that is a round trip away, so that a test can count how many requests follow one another
//	faulty.go     Faulty, which makes a store fail, lose a response, or truncate a body at the n-th operation, so that a test
//	              can crash at each step
package storetest
