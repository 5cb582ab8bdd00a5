//go:build !unix

package pdf

// isPrivate reports whether only the user can write to a directory: elsewhere, directories of the
// user are.
func isPrivate(string) bool { return true }
