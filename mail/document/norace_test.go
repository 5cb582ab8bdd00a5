//go:build !race

package document_test

// allocated bounds the bytes that reading a document allocates in all, not at once.
const allocated = 256 << 20
