package main

import (
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

func main() {
	out := flag.String("out", filepath.Join("dist", "site"), "directory for the site; what is there is replaced")
	flag.Parse()
	if err := build(os.DirFS("."), *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

//go:embed assets
var assets embed.FS

// build writes the site of a tree.
func build(tree fs.FS, out string) error {
	chapters, err := expand(tree)
	if err != nil {
		return err
	}
	pages := map[string]*page{}
	for _, file := range all(chapters) {
		source, err := fs.ReadFile(tree, file)
		if err != nil {
			return err
		}
		pages[file] = readPage(file, source)
	}

	var found []section
	var problems []error
	for _, file := range all(chapters) {
		p := pages[file]
		found = append(found, p.sections()...)
		images, err := p.resolve(tree, pages)
		problems = append(problems, err)
		for _, image := range images {
			problems = append(problems, copyFile(tree, image, filepath.Join(out, "images", path.Base(image))))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	for _, file := range all(chapters) {
		html, err := pages[file].render(chapters, pages)
		if err != nil {
			return err
		}
		if err := write(filepath.Join(out, filepath.FromSlash(address(file))), html); err != nil {
			return err
		}
	}
	for _, name := range []string{"style.css", "search.js"} {
		if err := copyFile(assets, "assets/"+name, filepath.Join(out, name)); err != nil {
			return err
		}
	}
	script, err := index(found)
	if err != nil {
		return err
	}
	return write(filepath.Join(out, "sections.js"), script)
}

func copyFile(from fs.FS, name, to string) error {
	data, err := fs.ReadFile(from, name)
	if err != nil {
		return err
	}
	return write(to, data)
}

func write(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}
