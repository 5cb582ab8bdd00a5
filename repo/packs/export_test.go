package packs

import "github.com/mailstrata/mailstrata/repo/format"

// The forms of what a cache keeps.
const (
	Part      = byte(formPart)
	Excerpt   = byte(formExcerpt)
	Container = byte(formContainer)
)

// FileName and ParseFileName are the names of files of a cache.
func FileName(p format.Pack, of byte, from, to int64) string {
	return fileName(owner{p, form(of)}, span{from, to})
}

// ParseFileName inverts FileName.
func ParseFileName(name string) (p format.Pack, form byte, from, to int64, ok bool) {
	of, s, ok := parseFileName(name)
	return of.Pack, byte(of.form), s.from, s.to, ok
}
