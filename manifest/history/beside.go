package history

import "time"

// Line is where a manifest stands among those of its account.
type Line struct {
	Hash, Parent [32]byte
	Start, Time  time.Time
}

// Longest is how long a run may last, as package repo enforces it.
const Longest = 12 * time.Hour

// Beside reports whether manifest i of an account did not know the earlier manifest n, because both
// hosts ran at once: its run began before n was put, and it continues from one before n. What it
// lacks of n may have come after it read the account. The manifests are given the newest first.
//
// A thief of a writer's key chooses the start. It is not believed if the run lasted longer than
// runs may, and the manifest after i is compared with n (package archive).
func Beside(newestFirst func(int) Line, i, n int) bool {
	now, before := newestFirst(i), newestFirst(n)
	if !now.Start.Before(before.Time) || now.Time.Sub(now.Start) > Longest {
		return false
	}
	for m := i + 1; m <= n; m++ {
		if newestFirst(m).Hash == now.Parent {
			return false
		}
	}
	return true
}
