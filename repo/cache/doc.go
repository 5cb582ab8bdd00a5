// Package cache is the directory in which a host keeps what it would fetch from a repository again.
//
//	<ID of the repository>/
//	  small/    small objects that every run reads, under a key of this host (objects.go)
//	  packs/    parts of packs (package packs)
//	  index/    the index (package index)
//	  spill/    recovery logs of killed runs (package recovery)
//	  spool/    temporary files: objects before they are put, and chunks while prune puts them in order (scratch.go)
//
// Nothing in it is needed. What is missing or damaged is fetched. If the directory cannot be
// written, a temporary one takes its place (dir.go).
package cache
