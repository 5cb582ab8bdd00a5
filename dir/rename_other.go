//go:build !linux

package dir

import "context"

// renameOnly needs a call that only Linux has.
func renameOnly(context.Context, *Dir, string, string) error { return errUnsupported }
