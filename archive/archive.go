// Package archive is accounts as they lie in a repository. Contents is one as a manifest has it: its mailboxes, their
// messages, and the bytes of these. A MessageWriter puts a message in: into parts (package mail), into chunks (package chunk), into
// packs (package repo). Manifests can be listed, searched (Find) and compared (Diff), checked (Check), copied to another
// repository (Copy), forgotten and pruned.
//
// Package backup fills it from a server, and package restore brings it back to one.
package archive
