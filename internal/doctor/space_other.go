//go:build !linux && !darwin && !freebsd

package doctor

func freeBytes(string) (int64, bool) { return 0, false }
