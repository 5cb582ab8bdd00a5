package restore

import (
	"math/bits"
	"sync"
)

// bufferPools keep the buffers of written batches for later ones, so that a restore does not leave
// as many bytes to the garbage collector as it writes.
type bufferPools [bufferSizes]sync.Pool // of *[]byte; each has twice the size of the one before

const (
	smallestBuffer = 64 << 10
	bufferSizes    = 7 // up to 4 MiB
)

// bufferClass returns the smallest pool whose buffers have n bytes.
func bufferClass(n int64) int {
	return bits.Len64(uint64(max(0, n-1)) / smallestBuffer)
}

// bufferSize returns the size of the buffer that get returns for n bytes, all of it included.
func bufferSize(n int64) int64 {
	if class := bufferClass(n); class < bufferSizes {
		return smallestBuffer << class
	}
	return n
}

// get returns a buffer of n bytes, which may hold anything.
func (p *bufferPools) get(n int64) []byte {
	class := bufferClass(n)
	if class >= len(p) {
		return make([]byte, n)
	}
	if b, ok := p[class].Get().(*[]byte); ok {
		return (*b)[:n]
	}
	return make([]byte, n, bufferSize(n))
}

// put keeps a buffer that get returned. Nothing may use it any more.
func (p *bufferPools) put(b []byte) {
	class := bufferClass(int64(cap(b)))
	if class < len(p) && cap(b) == smallestBuffer<<class {
		p[class].Put(&b)
	}
}
