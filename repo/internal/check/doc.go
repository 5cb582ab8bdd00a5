// Package check looks at every object of a repository and reports what is wrong.
//
//	check.go     Run reads the index, and then all other objects; what the index names and the store lacks is missing
//	finding.go   many objects are looked at at once, and each has a finding, which is reported in the order of the listing
//	content.go   reads one object, as its kind is read: index segments, packs, key slots, statements
//	lock.go      how long the store retains objects, and which others cover them
//	share.go     Share and HashRange: which objects are checked, and which packs are read whole
//	rolling.go   a check of all packs in parts: Next says which part is due, Record that it is done, and All lists the newest
//	index.go     reads the index, or the tables of packs, for a repair
package check
