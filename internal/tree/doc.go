// Package tree writes files below one directory and never outside it, each file whole or not at
// all, durably and fast. The maildir and eml targets write mail through it.
//
//	Lazy    a Tree that is opened when it is first needed; the two targets embed it          lazy.go
//	Tree    the directory and those below it; makes directories, checks for symbolic links   tree.go
//	Dir     one directory that takes files                                                   dir.go
//	File    one file that is being written; kept in memory while it is small                 file.go
//	rawDirs the system calls of a Dir, and those of a file                rawdirs_*.go, rawfile_linux.go
//	syncer  makes the files of all directories durable, then gives them their names          syncer.go
//
// Every access goes through an os.Root, so no name and no symbolic link leads outside. Links that
// stay inside are not followed either: through one, two mailboxes could share a directory.
//
// A file passes through these steps:
//
//	Dir.Create, File.Write, File.Keep   the file waits, without a name or under a temporary one
//	syncer.commit                       one syncfs(2) for all waiting files; then each gets its name
//	Tree.Close                          one more sync for the names
//
// On Linux, a file that waits has no name (O_TMPFILE) if the file system can do that: it is not in
// any directory, and gone if the program ends. It gets its name by linkat(2). Others get it by
// renameat2(2) with RENAME_NOREPLACE, or by link(2). So nothing is ever replaced. A name never
// stands for a file that a power failure could empty. While one batch is made durable, the next is
// written. An fsync(2) for each file would take several times as long as the rest of a restore.
package tree
