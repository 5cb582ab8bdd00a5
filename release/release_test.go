package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

const version = "1.2.3"

// tree copies the sources of this module to a new directory and commits them there, so that the
// test does not depend on how they were checked out. The tools are those of this module.
func tree(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"git", "dpkg-deb"} {
		need.Program(t, tool, "make packages")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(filepath.Join(root, ".testbed/bin/nfpm"))
	need.That(t, err == nil, "nfpm is not in .testbed/bin: make servers")
	to := filepath.Join(t.TempDir(), "tree")
	if err := os.Mkdir(to, 0o755); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		switch entry.Name() {
		case ".git", ".testbed", "dist", "mailstrata":
			continue
		}
		if out, err := exec.Command("cp", "-R", filepath.Join(root, entry.Name()), to).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if err := os.Symlink(filepath.Join(root, ".testbed"), filepath.Join(to, ".testbed")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	git(t, to, "init", "--quiet")
	git(t, to, "add", "--all")
	git(t, to, "commit", "--quiet", "--message", "all")
	git(t, to, "tag", "v"+version)
	return to
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	command := exec.Command("git", append([]string{"-c", "user.name=test", "-c", "user.email=test@mail.example"}, args...)...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GIT_AUTHOR_DATE=2026-03-13T02:10:00Z", "GIT_COMMITTER_DATE=2026-03-13T02:10:00Z")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// The same commit gives the same files, whatever the directory, the time zone and the directory for
// temporary files. The packages and the archive have a program that runs and has the version of the
// release.
func TestRelease(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program twice")
	}
	first := tree(t)
	host := []target{{runtime.GOOS, runtime.GOARCH}}
	out := filepath.Join(t.TempDir(), "first")
	if err := release(first, out, host); err != nil {
		t.Fatal(err)
	}

	second, again := filepath.Join(t.TempDir(), "a directory with another name"), filepath.Join(t.TempDir(), "second")
	if err := os.Rename(first, second); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TZ", "Asia/Tokyo")
	t.Setenv("TMPDIR", t.TempDir())
	if err := release(second, again, host); err != nil {
		t.Fatal(err)
	}
	compare(t, out, again)

	base := filepath.Join(out, "mailstrata_"+version+"_"+runtime.GOOS+"_"+runtime.GOARCH)
	program := checkDeb(t, base+".deb")
	checkTar(t, base+".tar.gz", "mailstrata", "restore.py", "man/mailstrata-restore.1", "completion/mailstrata.zsh", "systemd/system/mailstrata.service")
	checkTar(t, base+".apk", "usr/bin/mailstrata", "usr/share/man/man1/mailstrata.1.gz", "etc/mailstrata/environment")
	checkBill(t, base+".cdx.json", program)
	checksums := exec.Command("sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS")
	checksums.Dir = out
	if out, err := checksums.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
}

// compare requires that two directories have the same files.
func compare(t *testing.T, a, b string) {
	t.Helper()
	left, right := files(t, a), files(t, b)
	for name, data := range left {
		if !bytes.Equal(data, right[name]) {
			t.Errorf("%s differs between two builds", name)
		}
	}
	if len(left) != len(right) || len(left) != 6 {
		t.Errorf("releases have %d and %d files, want 6", len(left), len(right))
	}
}

func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	list := make(map[string][]byte)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		list[entry.Name()] = data
	}
	return list
}

// checkDeb unpacks a package of Debian, runs its program, and returns the program's path.
func checkDeb(t *testing.T, path string) (program string) {
	t.Helper()
	root := t.TempDir()
	if out, err := exec.Command("dpkg-deb", "--extract", path, root).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program = filepath.Join(root, "usr/bin/mailstrata")
	out, err := exec.Command(program, "version", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var says struct{ Version string }
	if err := json.Unmarshal(out, &says); err != nil || says.Version != "v"+version {
		t.Errorf("the program of the package has version %q (%v), want v%s", says.Version, err, version)
	}
	unit, err := os.ReadFile(filepath.Join(root, "usr/lib/systemd/system/mailstrata.service"))
	if err != nil || !strings.Contains(string(unit), "ExecStart=/usr/bin/mailstrata ") {
		t.Errorf("the unit does not start the program of the package: %v\n%s", err, unit)
	}
	for _, name := range []string{
		"etc/mailstrata/environment", "usr/share/doc/mailstrata/copyright", "usr/share/man/man1/mailstrata.1.gz",
		"usr/share/bash-completion/completions/mailstrata", "usr/lib/systemd/user/mailstrata.timer",
	} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
	control, err := exec.Command("dpkg-deb", "--field", path, "Version", "Architecture").Output()
	if err != nil || !strings.Contains(string(control), version) {
		t.Errorf("the package says %q (%v)", control, err)
	}
	return program
}

// checkTar requires files in a compressed tar archive. A package of Alpine is several of these, one
// after the other.
func checkTar(t *testing.T, path string, want ...string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var names []string
	compressed, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for archive := tar.NewReader(compressed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, strings.TrimPrefix(header.Name, "mailstrata_"+version+"_"+runtime.GOOS+"_"+runtime.GOARCH+"/"))
	}
	for _, name := range want {
		if !slices.Contains(names, name) {
			t.Errorf("%s lacks %s: it has %v", filepath.Base(path), name, names)
		}
	}
}

// checkBill requires that the bill of materials has the program, and the modules that the program
// consists of with their hashes.
func checkBill(t *testing.T, path, program string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list bill
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if of := list.Metadata.Component; of.Version != "v"+version || len(of.Hashes) != 1 || of.Hashes[0] != digest(content) {
		t.Errorf("the bill of materials is of %+v", of)
	}
	modules, err := exec.Command("go", "version", "-m", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := 1 // the standard library
	for line := range strings.Lines(string(modules)) {
		fields := strings.Fields(line)
		if len(fields) != 4 || fields[0] != "dep" {
			continue
		}
		want++
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(fields[3], "h1:"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(list.Components, func(c component) bool {
			return c.Name == fields[1] && c.Version == fields[2] && c.Hashes[0].Content == hex.EncodeToString(sum)
		}) {
			t.Errorf("the bill of materials lacks %s", fields[1:])
		}
	}
	if last := list.Components[len(list.Components)-1]; len(list.Components) != want || last.Name != "std" || last.Version != runtime.Version() {
		t.Errorf("the bill of materials has %d components and ends with %+v, want %d and the standard library", len(list.Components), last, want)
	}
	for _, c := range list.Components {
		if !slices.Contains(list.Dependencies[0].DependsOn, c.Ref) || c.Ref != c.PURL {
			t.Errorf("the program does not depend on %+v", c)
		}
	}
}

// A release of a tree that no commit describes is refused, before anything is built.
func TestReleaseOfChanges(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	if err := os.WriteFile(name, []byte("one"), 0o644); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "init", "--quiet")
	git(t, dir, "add", "file")
	git(t, dir, "commit", "--quiet", "--message", "one")
	if err := os.WriteFile(name, []byte("two"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	if err := release(dir, out, targets); err == nil || !strings.Contains(err.Error(), "M file") {
		t.Errorf("release of a changed tree: %v", err)
	}
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused release left %s: %v", out, err)
	}
}

func TestParseTargets(t *testing.T) {
	if list, err := parseTargets("linux/amd64,darwin/arm64"); err != nil || len(list) != 2 {
		t.Errorf("two targets: %v, %v", list, err)
	}
	if list, err := parseTargets(""); err != nil || len(list) != len(targets) {
		t.Errorf("all targets: %v, %v", list, err)
	}
	if _, err := parseTargets("plan9/amd64"); err == nil {
		t.Error("plan9 is no target of a release, and is accepted")
	}
}
