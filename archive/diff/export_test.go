package diff

import "github.com/mailstrata/mailstrata/chunk"

// Unpaired returns the messages that were removed, and those that were added, once for each copy.
func (d *Difference) Unpaired() (removed, added []chunk.ID) {
	return unpaired(d.departed), unpaired(d.arrived)
}

func unpaired(rows []diffRow) (hashes []chunk.ID) {
	for _, row := range rows {
		if row.peer == 0 {
			hashes = append(hashes, row.hash)
		}
	}
	return hashes
}
