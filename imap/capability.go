package imap

import (
	"maps"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/imap/internal/wire"
)

// capabilities are what a server offers, in upper case.
type capabilities map[string]bool

// maxCapabilities bounds the capabilities that are kept; servers offer about fifty.
const maxCapabilities = 1000

func newCapabilities(words []wire.Node) capabilities {
	words = words[:min(len(words), maxCapabilities)]
	caps := make(capabilities, len(words))
	for _, w := range words {
		if w.IsText() && len(w.Text) <= 255 {
			caps[strings.ToUpper(string(w.Text))] = true
		}
	}
	return caps
}

// partOfRev2 are the extensions that IMAP4rev2 includes (RFC 9051 appendix E) and that this package uses. A server that
// offers both revisions lists them by name.
var partOfRev2 = []string{"ENABLE", "ESEARCH", "LIST-EXTENDED", "LIST-STATUS", "LITERAL-", "NAMESPACE", "SASL-IR",
	"SPECIAL-USE", "UIDPLUS", "UNSELECT"}

// has reports whether a capability is offered, by its own name or as part of IMAP4rev2.
func (c capabilities) has(name string) bool {
	return c[name] || c["IMAP4REV2"] && !c["IMAP4REV1"] && slices.Contains(partOfRev2, name)
}

func (c capabilities) sorted() []string { return slices.Sorted(maps.Keys(c)) }

// value returns what follows "NAME=", as in APPENDLIMIT=35651584.
func (c capabilities) value(name string) (string, bool) {
	for word := range c {
		if value, ok := strings.CutPrefix(word, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// condstore reports whether mod-sequences are offered. QRESYNC implies CONDSTORE (RFC 7162 section 3.2.3).
func (c capabilities) condstore() bool { return c["CONDSTORE"] || c["QRESYNC"] }
