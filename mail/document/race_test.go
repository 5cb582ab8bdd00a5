//go:build race

package document_test

// allocated is larger with the race detector: the tokenizer copies each name of a tag, and a copy
// of one byte takes 16 bytes there and 8 without it.
const allocated = 512 << 20
