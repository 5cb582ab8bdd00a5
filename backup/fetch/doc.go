// Package fetch downloads the messages of a mailbox into the repository. It gets every message that
// the server delivers, however often connections break, and whatever a damaged message does to
// them.
//
//	UIDs
//	   ↓ windows            pieces of work (windows.go)
//	Fetcher                 hands them to workers, one for each connection (fetcher.go)
//	   ↓ listing            which messages a window has (list.go)
//	   ↓ Match              without those that are archived already
//	   ↓ Downloader         a message that costs the connection is isolated (downloader.go)
//	   ↓ archive            splits and stores them
//	entries                 attributes and content joined (Entry), ascending by UID
//
// A message that an interrupted run had downloaded comes from Recovered instead of the server.
package fetch
