package history

// Dating says how reliable the time of a manifest is. The writer chose the time; package repo
// compares it with the time at which the store received the object.
type Dating uint8

const (
	// InTime means that the store received the manifest at its time.
	InTime Dating = iota

	// Belated means that the store received the manifest long after its time: it is a copy or a
	// repair, the repository was moved to another store, or somebody dated it back. It never
	// displaces a manifest that is InTime.
	Belated

	// Misdated means that its time cannot be true. It has no effect until it is forgotten, except
	// that retention keeps all manifests of the account.
	Misdated

	// Confirmed means that the manifest is belated and the owner confirmed its time (TagDated). It
	// counts like one that is InTime if there is any. If there is none, as in a copy, all manifests
	// are equal.
	Confirmed
)
