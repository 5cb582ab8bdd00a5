package repo

import (
	"encoding/hex"
)

// objectName is the name of a pack, and of any other object that is named by nothing but its hash.
func objectName(kind Kind, hash [32]byte) string { return kind.folder() + hex.EncodeToString(hash[:]) }
