// Package repair repairs a repository from what is still there.
//
//	packs.go   Packs stores again the chunks of damaged packs that can be read
//	index.go   Index indexes the packs that no index segment names
package repair
