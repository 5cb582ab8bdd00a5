package history

// Dating says what the time of a manifest is worth. Its writer chose it; package repo compares it with the time when
// the store got the object.
type Dating uint8

const (
	// InTime: the store got the manifest at its time.
	InTime Dating = iota

	// Belated: the store got it long after its time. It is a copy or a repair, or the repository was moved to another
	// store, or it is dated back. It never displaces a manifest that came in time.
	Belated

	// Misdated: its time cannot be true. It counts for nothing until it is forgotten.
	Misdated

	// Confirmed: it is belated, and the owner says that its time is right (TagDated). Where any came in time, it is the
	// manifest of its day beside them. Where none did, as in a copy, it is like the others.
	Confirmed
)
