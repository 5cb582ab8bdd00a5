//go:build !race

package pdf

// maxData bounds the memory of a child, in bytes. Compiling takes 155 MB, and a document some 70
// MB.
const maxData = 1 << 30
