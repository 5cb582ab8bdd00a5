package imapserver

import (
	"testing"

	"github.com/mailstrata/mailstrata/serve/internal/command"
	"github.com/mailstrata/mailstrata/serve/view"
)

// A text that the index finds nowhere needs no record of a message, also where it is negated.
func TestNothingFoundReadsNothing(t *testing.T) {
	text := command.Key{Op: "TEXT", Text: "nowhere"}
	m := &matcher{indexed: map[string]view.Matches{indexName(&text): {}}}
	for want, key := range map[bool]command.Key{false: text, true: {Op: "NOT", Keys: []command.Key{text}}} {
		found, err := m.test(key)
		if err != nil || found.needs != ofList {
			t.Fatalf("%s needs %d: %v", key.Op, found.needs, err)
		}
		if got, err := found.matches(&candidate{}); got != want || err != nil {
			t.Errorf("%s matches: %v, %v", key.Op, got, err)
		}
	}
}
