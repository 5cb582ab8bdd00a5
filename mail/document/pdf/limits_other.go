//go:build !linux

package pdf

// limitProcess does nothing: elsewhere the limits of the WebAssembly machine and of time have to
// do.
func limitProcess() error { return nil }
