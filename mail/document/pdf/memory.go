//go:build !race

package pdf

// maxData bounds the memory of a child, in bytes. Compiling takes 330 MB, and a document some 60 MB.
const maxData = 1 << 30
