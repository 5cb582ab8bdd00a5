package loss

// CandidatesAtMost has fewer candidates looked for at a time, and returns what sets it back.
func CandidatesAtMost(n int) (back func()) {
	was := candidatesAtMost
	candidatesAtMost = n
	return func() { candidatesAtMost = was }
}
