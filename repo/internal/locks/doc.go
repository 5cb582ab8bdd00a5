// Package locks reads, lengthens and renews the S3 Object Lock of a repository
// (docs/design/objectlock.md). What the comments call a lock or retention of objects is S3 Object
// Lock.
//
//	locks.go   the period (type Locks), and making it longer
//	renew.go   renewing the retention of all objects before it ends
package locks
