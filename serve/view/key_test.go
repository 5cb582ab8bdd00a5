package view

import (
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Mailboxes that differ in their pages alone, wherever they are named, have different lists of
// messages.
func TestListKey(t *testing.T) {
	status := &mail.Status{UIDValidity: 1, UIDNext: 9}
	known := make(map[string]string)
	for what, m := range map[string]manifest.Mailbox{
		"a page":           {Pages: []manifest.Page{{Records: chunk.ID{1}, Flags: chunk.ID{2}}}},
		"its flags":        {Pages: []manifest.Page{{Records: chunk.ID{1}, Flags: chunk.ID{3}}}},
		"a page list":      {Lists: []chunk.ID{{4}}},
		"another one":      {Lists: []chunk.ID{{5}}},
		"a list group":     {Groups: []chunk.ID{{6}}},
		"another of these": {Groups: []chunk.ID{{7}}},
	} {
		m.Raw, m.Name, m.Status = "INBOX", "INBOX", status
		key := listKey(&m)
		if other, has := known[key]; has {
			t.Errorf("%s and %s have one key", what, other)
		}
		known[key] = what
	}
}
