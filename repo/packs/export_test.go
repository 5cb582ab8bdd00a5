package packs

import "github.com/mailstrata/mailstrata/repo/format"

// FileName and ParseFileName are the names of files of a cache.
func FileName(p format.Pack, from, to int64) string { return fileName(p, span{from, to}) }

// ParseFileName inverts FileName.
func ParseFileName(name string) (p format.Pack, from, to int64, ok bool) {
	p, s, ok := parseFileName(name)
	return p, s.from, s.to, ok
}
