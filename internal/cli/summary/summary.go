package summary

import "github.com/mailstrata/mailstrata/internal/ui"

// List returns texts, which is never null in JSON.
func List(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

// RenewedLocks returns how many locks were renewed, in words, or "".
func RenewedLocks(n int) string {
	if n == 0 {
		return ""
	}
	return "of " + ui.Plural(int64(n), "object")
}
