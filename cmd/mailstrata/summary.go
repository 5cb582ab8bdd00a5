package main

import "github.com/mailstrata/mailstrata/internal/ui"

// list returns texts, which is never null in JSON.
func list(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

// renewedLocks returns how many locks were renewed, in words, or "".
func renewedLocks(n int) string {
	if n == 0 {
		return ""
	}
	return "of " + ui.Plural(int64(n), "object")
}
