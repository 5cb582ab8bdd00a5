package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A packager is a kind of package, and where its systems look for completions.
type packager struct {
	name      string // for nfpm, and the extension of the file
	zsh       string
	copyright bool // whether the license is /usr/share/doc/mailstrata/copyright
}

var packagers = []packager{
	{"deb", "/usr/share/zsh/vendor-completions/_mailstrata", true},
	{"rpm", "/usr/share/zsh/site-functions/_mailstrata", false},
	{"apk", "/usr/share/zsh/site-functions/_mailstrata", false},
}

// settings of nfpm. See https://nfpm.goreleaser.com/configuration.
type settings struct {
	Name        string    `json:"name"`
	Arch        string    `json:"arch"`
	Platform    string    `json:"platform"`
	Version     string    `json:"version"`
	Section     string    `json:"section"`
	Maintainer  string    `json:"maintainer"`
	Description string    `json:"description"`
	Homepage    string    `json:"homepage"`
	License     string    `json:"license"`
	Recommends  []string  `json:"recommends"`
	Modified    string    `json:"mtime"`
	Contents    []content `json:"contents"`
	RPM         struct {
		BuildHost string `json:"buildhost"`
	} `json:"rpm"`
}

type content struct {
	From string `json:"src"`
	To   string `json:"dst"`
	Type string `json:"type,omitempty"`
	Info info   `json:"file_info"`
}

type info struct {
	Mode     int    `json:"mode"` // decimal, as JSON has no octal
	Modified string `json:"mtime"`
}

// writePackage writes a package of the program for t to the file to.
func writePackage(c commit, d documents, p packager, t target, version string, program []byte, to string) (err error) {
	files, err := d.system(program, map[string]string{
		"mailstrata.bash": "/usr/share/bash-completion/completions/mailstrata",
		"mailstrata.fish": "/usr/share/fish/vendor_completions.d/mailstrata.fish",
		"mailstrata.zsh":  p.zsh,
	})
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "package")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()

	modified := c.time.Format(time.RFC3339)
	s := settings{
		Name: "mailstrata", Arch: t.arch, Platform: t.os, Version: version, Section: "mail",
		Maintainer:  "The mailstrata authors <maintainers@mailstrata.invalid>",
		Description: "archiver for mail\nReads IMAP accounts and writes what is new, compressed and encrypted,\nto S3-compatible object storage or to a directory. Any night can be restored.",
		Homepage:    "https://github.com/mailstrata/mailstrata", License: "MIT", Recommends: []string{"ca-certificates"}, Modified: modified,
	}
	s.RPM.BuildHost = "mailstrata"
	add := func(f file, kind string) error {
		from := filepath.Join(work, strconv.Itoa(len(s.Contents)))
		s.Contents = append(s.Contents, content{from, f.path, kind, info{int(f.mode), modified}})
		return os.WriteFile(from, f.data, 0o644)
	}
	environment := d.environment
	environment.path = "/etc/mailstrata/environment"
	if err := add(environment, "config|noreplace"); err != nil {
		return err
	}
	for _, f := range files {
		if p.copyright && strings.HasSuffix(f.path, "/LICENSE") {
			f.path = filepath.Dir(f.path) + "/copyright"
		}
		if err := add(f, ""); err != nil {
			return err
		}
	}
	return c.nfpm(s, p, work, to)
}

// nfpm makes a package by settings, of which it writes the file into work.
func (c commit) nfpm(s settings, p packager, work, to string) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	config := filepath.Join(work, "settings.yaml") // JSON is YAML
	if err := os.WriteFile(config, data, 0o644); err != nil {
		return err
	}
	nfpm := exec.Command(filepath.Join(c.tools, "nfpm"), "package",
		"--config", config, "--packager", p.name, "--target", to)
	nfpm.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strconv.FormatInt(c.time.Unix(), 10))
	if out, err := nfpm.CombinedOutput(); err != nil {
		return fmt.Errorf("make %s: %w\n%s", filepath.Base(to), err, out)
	}
	return nil
}
