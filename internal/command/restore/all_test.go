package restore

import (
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/mail"
)

// A restore of what all nights have in a mailbox says why it finds nothing.
func TestNamesWithoutMessages(t *testing.T) {
	for name, c := range map[string]struct {
		found int64
		want  string // in the error; empty: none
	}{
		"Home":    {0, ""},
		"Work":    {0, `in the label "Work"`},
		"Project": {0, `no manifest has a mailbox "Project"`},
		"Gone":    {1, ""},
	} {
		u := &unmatched{patterns: []job.Pattern{job.Pattern(name)}}
		u.see(&mail.Mailbox{Raw: "Home", Name: "Home", Delimiter: "/"})
		u.see(&mail.Mailbox{Raw: "Work", Name: "Work", Delimiter: "/", Label: true})
		err := u.check(c.found)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
