package format

import (
	"encoding/hex"
)

// objectName is the name of a pack, and of any other object that is named by nothing but its hash.
func ObjectName(kind Kind, hash [32]byte) string { return kind.Folder() + hex.EncodeToString(hash[:]) }
