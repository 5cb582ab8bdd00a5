package loss

// CandidatesAtMost lowers the number of candidates in a pass, and returns a function that restores
// it.
func CandidatesAtMost(n int) (back func()) {
	was := candidatesAtMost
	candidatesAtMost = n
	return func() { candidatesAtMost = was }
}
