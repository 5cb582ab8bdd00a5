// Package s3 keeps a repository in a bucket of S3-compatible object storage, as a store.Store.
//
// # Never replacing
//
// Put makes an object by one PUT with "If-None-Match: *" (put.go). A store that honors the
// condition answers 412 if the name is taken. Some stores ignore the condition in multipart
// uploads, and some corrupt checksums in trailers over plain HTTP, so neither is used: one PUT has
// its Content-MD5, and Put compares the ETag in the answer. A store on this host gets a CRC-32C
// instead, which takes less CPU, if it confirms that in its answer. Before a repository is made,
// ProbeCreateOnly (probe.go) checks that a store honors the condition at all, ProbeSize
// (announce.go) that it takes objects as large as packs, and ProbeReads that it reads and lists as
// S3 does.
//
// A PUT whose answer was lost may have succeeded. So before Put sends it again, and whenever the
// answer is 412, it compares the object under the name with its own: the same bytes are success,
// others are ErrExist.
//
// # Errors and retries
//
// Errors that may pass (network errors, 5xx, 429, SlowDown, bodies that end early, connections that
// stall) are retried with growing pauses until Options.Patience ends (retry.go). A body is resumed
// where it ended (get.go). The retries of the client library are turned off, because they do not
// handle lost answers. Until the endpoint has answered once, patience is short: its name may be a
// typing error. The transport (transport.go) detects stalls, answers that no store gives
// (foreign.go) and listings that are cut off (pages.go, page.go). What a HEAD does not say, a GET
// is asked (stat.go).
//
// # Requests under way
//
// Callers may start as many requests at once as they have. The transport sends as many as the store
// answers without delay (load.go, package inflight), and the others wait.
//
// # Versions and retention
//
// A bucket with Object Lock keeps every version (versions.go, lock.go). An object exists until its
// retention ends, whatever was put over it and whatever hides it; Versions lists it, and GetVersion
// reads it. MakeLockedBucket sets a default retention if it may: then credentials that may only put
// are enough.
//
// # Region
//
// Nothing asks for the region of a bucket before the first request: it is signed for a guessed one,
// and a refusal teaches the right one (region.go).
//
// # Credentials
//
// Credentials are read again from their source when the store refuses them (keys.go): a session may
// end, or a key be replaced, during a run.
//
// # Time
//
// The store's clock is the Date of its responses, advanced by this host's monotonic clock for less
// than a minute (clock.go).
//
// Store has some forty methods, because it implements all of package store: Store, Versioned and
// Retainer. Each file holds one of these operations with what it needs.
package s3
