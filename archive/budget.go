package archive

// Budget bounds what is downloaded of an account. 0 is what is usual; below 0, there is no bound.
type Budget struct {
	Day    int64 // bytes; usual is none, and 2 GB of Gmail
	Second int64 // bytes; usual is none
}
