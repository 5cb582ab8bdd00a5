package imap

import (
	"maps"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
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

// partOfRev2 are the extensions that IMAP4rev2 includes (RFC 9051 appendix E) and that this package
// uses. A server that offers both revisions lists them by name.
var partOfRev2 = []string{"ENABLE", "ESEARCH", "LIST-EXTENDED", "LIST-STATUS", "LITERAL-", "NAMESPACE", "SASL-IR",
	"SPECIAL-USE", "UIDPLUS", "UNSELECT"}

// has reports whether a capability is offered, by its own name or as part of IMAP4rev2.
func (c capabilities) has(name string) bool {
	return c[name] || c["IMAP4REV2"] && !c["IMAP4REV1"] && slices.Contains(partOfRev2, name)
}

func (c capabilities) value(name string) (string, bool) {
	for word := range c {
		if value, ok := strings.CutPrefix(word, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// Has reports whether the server offers a capability, by its own name or as part of IMAP4rev2.
func (c *Conn) Has(capability string) bool { return c.caps.has(capability) }

// CapabilityValue returns what follows "NAME=" in a capability, as in APPENDLIMIT=35651584.
func (c *Conn) CapabilityValue(name string) (string, bool) { return c.caps.value(name) }

// Capabilities returns what the server offers, in upper case and sorted.
func (c *Conn) Capabilities() []string { return slices.Sorted(maps.Keys(c.caps)) }

// Enabled reports whether an extension is enabled (RFC 5161).
func (c *Conn) Enabled(extension string) bool { return c.enabled.has(extension) }

// ID returns the server's answer to ID, or nil.
func (c *Conn) ID() []mail.Field { return c.id }

// ServerIs reports whether the server's ID has this name. Until the server has answered on this
// connection, its answer on another one counts.
func (c *Conn) ServerIs(name string) bool {
	id := c.id
	if earlier := c.quirks.id.Load(); id == nil && earlier != nil {
		id = *earlier
	}
	return slices.ContainsFunc(id, func(f mail.Field) bool {
		return strings.EqualFold(f.Name, "name") && strings.Contains(strings.ToLower(f.Value), strings.ToLower(name))
	})
}
