// Package archive holds the verbs: Backup reads an account into a repository, Restore writes a manifest's messages to a
// target, Check makes sure that what is archived can be had.
//
// It declares what it needs of the edges: Source, an account that can be read, and Target, a place to write to. What
// lies between is in packages mail (a message into parts), chunk (parts into chunks), repo (chunks kept once) and
// manifest (what an account was).
package archive
