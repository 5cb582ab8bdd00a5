package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Documents are the files beside the program, which are the same for all targets.
type documents struct {
	texts       []file // README.md, LICENSE, CHANGELOG.md, and the script that restores without the program
	pages       []file // manual pages, as mailstrata.1
	completions []file // mailstrata.bash, mailstrata.fish, mailstrata.zsh
	units       []file // of systemd: system/NAME and user/NAME
	environment file   // the settings that the system's unit reads
}

// readDocuments reads the documents of a commit. A program of the commit, which this host can run,
// prints the manual pages and the completions.
func readDocuments(c commit, program string) (documents, error) {
	var d documents
	read := func(list *[]file, from, to string) error {
		data, err := os.ReadFile(filepath.Join(c.dir, filepath.FromSlash(from)))
		if err == nil {
			*list = append(*list, file{to, data, 0o644})
		}
		return err
	}
	for _, name := range []string{"README.md", "LICENSE", "CHANGELOG.md", "contrib/restore.py"} {
		if err := read(&d.texts, name, path.Base(name)); err != nil {
			return d, err
		}
	}
	for from, to := range map[string]string{
		"mailstrata.service": "system/mailstrata.service", "mailstrata.timer": "system/mailstrata.timer",
		"user/mailstrata.service": "user/mailstrata.service",
	} {
		if err := read(&d.units, "contrib/systemd/"+from, to); err != nil {
			return d, err
		}
	}
	if err := read(&d.units, "contrib/systemd/mailstrata.timer", "user/mailstrata.timer"); err != nil {
		return d, err
	}
	slices.SortFunc(d.units, func(a, b file) int { return strings.Compare(a.path, b.path) })
	var environment []file
	if err := read(&environment, "contrib/systemd/environment", "environment"); err != nil {
		return d, err
	}
	d.environment = environment[0]
	for _, shell := range []string{"bash", "fish", "zsh"} {
		script, err := exec.Command(program, "completion", shell).Output()
		if err != nil {
			return d, fmt.Errorf("print the completion for %s: %w", shell, err)
		}
		d.completions = append(d.completions, file{"mailstrata." + shell, script, 0o644})
	}
	return d, d.print(program)
}

// print has the program write its manual pages, and reads them.
func (d *documents) print(program string) error {
	dir, err := os.MkdirTemp("", "manual")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if out, err := exec.Command(program, "man", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("write the manual pages: %w\n%s", err, out)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		d.pages = append(d.pages, file{entry.Name(), data, 0o644})
	}
	return nil
}

// archive returns the files of an archive: the program, and what is of use on the target.
func (d documents) archive(t target, program []byte) []file {
	files := append([]file{{t.program(), program, 0o755}}, d.texts...)
	if t.os == "windows" {
		return files
	}
	add := func(dir string, list ...file) {
		for _, f := range list {
			files = append(files, file{dir + "/" + f.path, f.data, f.mode})
		}
	}
	add("man", d.pages...)
	add("completion", d.completions...)
	if t.os == "linux" {
		add("systemd", d.units...)
		add("systemd", d.environment)
	}
	return files
}

// system returns the files of a package, where a Linux system has them.
func (d documents) system(program []byte, completions map[string]string) ([]file, error) {
	files := []file{{"/usr/bin/mailstrata", program, 0o755}}
	for _, f := range d.texts {
		files = append(files, file{"/usr/share/doc/mailstrata/" + f.path, f.data, 0o644})
	}
	for _, f := range d.pages {
		data, err := compress(f.data)
		if err != nil {
			return nil, err
		}
		files = append(files, file{"/usr/share/man/man1/" + f.path + ".gz", data, 0o644})
	}
	for _, f := range d.completions {
		files = append(files, file{completions[f.path], f.data, 0o644})
	}
	for _, f := range d.units {
		data := bytes.ReplaceAll(f.data, []byte("/usr/local/bin/"), []byte("/usr/bin/"))
		files = append(files, file{"/usr/lib/systemd/" + f.path, data, 0o644})
	}
	return files, nil
}

// compress returns data as gzip has it, without a name and a time.
func compress(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
