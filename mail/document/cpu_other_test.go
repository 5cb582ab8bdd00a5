//go:build !unix

package document_test

import "time"

var begun = time.Now()

// used returns the time since the tests began, because this system has another call for CPU time.
func used() time.Duration { return time.Since(begun) }
