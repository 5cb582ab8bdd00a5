package config

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
)

// Shard is one host's share of the accounts: the Nth of Of. The zero value has all accounts. The
// share of an account depends only on its name, so hosts need not know of each other.
type Shard struct{ N, Of int }

// indexed begins a shard that counts from 0: a cluster gives each of its processes such a number.
const indexed = "@"

// ParseShard reads "2/8", the second of eight, or "@1/8", which is the same counted from 0.
func ParseShard(text string) (Shard, error) {
	var s Shard
	number, first := text, 1
	if after, ok := strings.CutPrefix(text, indexed); ok {
		number, first = after, 0
	}
	n, err := fmt.Sscanf(number, "%d/%d", &s.N, &s.Of)
	canonical := s.String() == number
	if s.N += 1 - first; n != 2 || err != nil || !canonical || s.N < 1 || s.N > s.Of {
		return Shard{}, fmt.Errorf("%q is not a shard such as 2/8, the second of eight, or @1/8, the same counted from 0", text)
	}
	return s, nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Shard) UnmarshalText(text []byte) (err error) {
	*s, err = ParseShard(string(text))
	return err
}

// String is what ParseShard reads, counted from 1.
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.N, s.Of) }

// Has reports whether an account is in the share: the first 8 bytes of the SHA-256 of its name, as
// a big-endian number, modulo Of, are N − 1. This rule must not change: until all hosts had the new
// one, two hosts would archive some accounts, and no host others.
func (s Shard) Has(account string) bool {
	if s.Of <= 1 {
		return true
	}
	hash := sha256.Sum256([]byte(account))
	return binary.BigEndian.Uint64(hash[:])%uint64(s.Of) == uint64(s.N-1)
}
