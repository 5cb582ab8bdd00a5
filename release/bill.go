package main

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
)

// A bill is a bill of materials in the JSON of CycloneDX 1.6 (ECMA-424): the modules that a program
// consists of, as Go has written them into it.
type bill struct {
	Schema       string       `json:"$schema"`
	BOMFormat    string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Ref     string `json:"bom-ref"`
	Type    string `json:"type"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Hashes  []hash `json:"hashes,omitempty"`
	PURL    string `json:"purl"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"` // hexadecimal
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// writeBill writes the bill of materials of the program at path, which was built for t, to the file
// to.
func writeBill(path string, t target, version, to string) error {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the modules of the program for %v: %w", t, err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	of := component{Type: "application", Name: info.Main.Path, Version: version, Hashes: []hash{digest(program)}}
	of.PURL = packageURL(of.Name, version) + "&goos=" + t.os + "&goarch=" + t.arch
	of.Ref = of.PURL
	b := bill{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", BOMFormat: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata: metadata{of},
	}
	for _, m := range info.Deps {
		c, err := library(m)
		if err != nil {
			return err
		}
		b.Components = append(b.Components, c)
	}
	std, err := library(&debug.Module{Path: "std", Version: info.GoVersion})
	if err != nil {
		return err
	}
	b.Components = append(b.Components, std)
	slices.SortFunc(b.Components, func(x, y component) int { return cmp.Compare(x.Ref, y.Ref) })

	needs := dependency{Ref: of.Ref}
	for _, c := range b.Components {
		needs.DependsOn = append(needs.DependsOn, c.Ref)
	}
	b.Dependencies = []dependency{needs}
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(to, append(text, '\n'), 0o644)
}

// library is a module that the program contains. Its hash is that of go.sum, which is a SHA-256 of
// the digests of its files.
func library(m *debug.Module) (component, error) {
	if m.Replace != nil {
		m = m.Replace
	}
	c := component{Type: "library", Name: m.Path, Version: m.Version, PURL: packageURL(m.Path, m.Version)}
	c.Ref = c.PURL
	if m.Sum != "" {
		encoded, ok := strings.CutPrefix(m.Sum, "h1:")
		sum, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(sum) != sha256.Size {
			return component{}, fmt.Errorf("%s has the unknown hash %q", m.Path, m.Sum)
		}
		c.Hashes = []hash{{"SHA-256", hex.EncodeToString(sum)}}
	}
	return c, nil
}

func digest(data []byte) hash {
	sum := sha256.Sum256(data)
	return hash{"SHA-256", hex.EncodeToString(sum[:])}
}

// packageURL names a module as a package URL does, with a qualifier. A plus sign, as in
// +incompatible, would be a space there.
func packageURL(path, version string) string {
	return "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B") + "?type=module"
}
