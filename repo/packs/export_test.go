package packs

import "github.com/mailstrata/mailstrata/repo/format"

// FileName and ParseFileName are the names of files of a cache.
func FileName(p format.Pack, excerpt bool, from, to int64) string {
	return fileName(owner{p, excerpt}, span{from, to})
}

// ParseFileName inverts FileName.
func ParseFileName(name string) (p format.Pack, excerpt bool, from, to int64, ok bool) {
	of, s, ok := parseFileName(name)
	return of.Pack, of.excerpt, s.from, s.to, ok
}
