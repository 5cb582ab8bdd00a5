// Package dir keeps a repository in a local directory, as a store.Store.
//
// An object is a file under the object's name, so any program that copies files copies a
// repository. Valid names (store.ValidName) are safe on every file system. A file with any other
// name is not an object, and is ignored. If a file "a" exists, no object "a/b" can be made, and the
// reverse: mailstrata uses no such names.
//
// Put (put.go) writes the body to a file in the directory "_tmp" (a name that no object has), syncs
// it, and then gives it its name in a way that never replaces anything (name.go). It also syncs the
// directory of the name before it returns. A crash leaves at most a file in "_tmp", which a later
// run removes after a day. List (list.go) reads the directories.
//
// The clock is the file system's, so that it is the same for every host that shares it: Now makes a
// file and reads its modification time, and an object's time is set when it gets its name.
package dir
