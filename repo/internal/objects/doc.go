// Package objects puts, reads and lists the objects of a repository. Everything that works on a
// repository uses it, and most of it needs no more.
//
//	objects.go    Objects has the store, the codec, the seals and the cache of this host. It puts and reads small objects
//	keep.go       puts an object, and confirms that the store lists it
//	list.go       lists the objects of a kind, and packs
//	seals.go      the recipients and identities of objects
//	download.go   a large object in a file
//	segment.go    index segments
//	pack.go       reads the table of a pack, or checks each chunk in it; frame.go says where these lie
//	problem.go    what can be wrong with an object
package objects
