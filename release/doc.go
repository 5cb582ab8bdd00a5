// Release builds what a release of mailstrata consists of, from a commit:
//
//	make dist                                            # everything, into dist/
//	go run ./release --targets linux/amd64 --out /tmp/x  # for one platform
//
// For each target it makes an archive with the program, manual pages, shell completion and units,
// for Linux also packages (.deb, .rpm, .apk), and a bill of materials of the program (CycloneDX).
// SHA256SUMS has the digests of all files.
//
// The same commit gives the same bytes with the same version of Go: programs are built without
// paths, by Go alone, and every date is that of the commit. The version is the one that Go derives
// from the tags of the repository. A tree with changes that are not committed is refused, because
// its version would not say what was built.
//
// A target is in target.go, programs in program.go, what goes beside them in documents.go, archives
// in archive.go, packages in packages.go, bills of materials in bill.go.
package main
