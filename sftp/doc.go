// Package sftp keeps a repository in a directory of another host, as a store.Store, by the SSH File
// Transfer Protocol (version 3, draft-ietf-secsh-filexfer-02) and extensions of OpenSSH.
//
// The program ssh of this host makes the connection (ssh.go). So your configuration of ssh applies:
// names of hosts, keys, agents, jump hosts, known_hosts. It asks nothing, and the key of the host
// must be known. If the connection ends, the next request makes another one, and what was
// interrupted is tried again (retry.go).
//
// The layout is that of package dir: an object is a file under the object's name, so a repository
// can be moved between the two. Put (put.go) writes a file in "_tmp", syncs it (fsync@openssh.com),
// and gives it its name in a way that never replaces anything (publish.go). Get (get.go) reads
// blocks, each by requests that open and close the file, so no handle of the server is kept open
// while a caller pauses. List (list.go) reads the directories.
//
// The clock is that of the server's file system: Now makes a file and reads its modification time,
// in seconds.
package sftp
