package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

func main() {
	out := flag.String("out", "dist", "directory for the files of the release; must not exist")
	list := flag.String("targets", "", "what to build for, such as linux/amd64,darwin/arm64 (default: all)")
	flag.Parse()
	chosen, err := parseTargets(*list)
	if err == nil {
		err = release(".", *out, chosen)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// release builds a release for targets, from the commit that is checked out in tree, into the new
// directory out.
func release(tree, out string, chosen []target) error {
	tree, err := filepath.Abs(tree)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	c, err := checkOut(tree, filepath.Join(work, "clone"))
	if err != nil {
		return err
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		return err
	}

	host := filepath.Join(work, "host")
	if _, err := c.build(target{runtime.GOOS, runtime.GOARCH}, host); err != nil {
		return err
	}
	d, err := readDocuments(c, host)
	if err != nil {
		return err
	}
	for _, t := range chosen {
		if err := releaseFor(c, d, t, work, out); err != nil {
			return err
		}
	}
	return writeSums(out)
}

// releaseFor writes the files of a release that are for t.
func releaseFor(c commit, d documents, t target, work, out string) error {
	path := filepath.Join(work, t.os+"-"+t.arch)
	version, err := c.build(t, path)
	if err != nil {
		return err
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("mailstrata_%s_%s_%s", strings.TrimPrefix(version, "v"), t.os, t.arch)
	write, extension := writeTar, ".tar.gz"
	if t.os == "windows" {
		write, extension = writeZip, ".zip"
	}
	if err := write(filepath.Join(out, name+extension), name, d.archive(t, program), c.time); err != nil {
		return err
	}
	if err := writeBill(path, t, version, filepath.Join(out, name+".cdx.json")); err != nil {
		return err
	}
	if t.os != "linux" {
		return nil
	}
	for _, p := range packagers {
		if err := writePackage(c, d, p, t, version, program, filepath.Join(out, name+"."+p.name)); err != nil {
			return err
		}
	}
	return nil
}

// writeSums writes SHA256SUMS, which "sha256sum --check" reads.
func writeSums(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var lines []string
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(data), entry.Name()))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[66:], b[66:]) })
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(strings.Join(lines, "")), 0o644)
}
