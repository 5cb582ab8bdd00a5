package loss_test

import (
	"testing"

	"github.com/mailstrata/mailstrata/archive/loss"
)

// Rules are read as users write them, and printed so that they are read again.
func TestRules(t *testing.T) {
	for text, want := range map[string]loss.Rule{
		"20%":           {Limit: loss.Limit{Share: 0.2, Least: 50}},
		"0.5%,7":        {Limit: loss.Limit{Share: 0.005, Least: 7}},
		"off":           {Limit: loss.Limit{Off: true}},
		"Spam=off":      {Pattern: "Spam", Limit: loss.Limit{Off: true}},
		"Lists/%=80%,1": {Pattern: "Lists/%", Limit: loss.Limit{Share: 0.8, Least: 1}},
		"a=b,c=100%":    {Pattern: "a=b,c", Limit: loss.Limit{Share: 1, Least: 50}},
	} {
		have, err := loss.ParseRule(text)
		if err != nil || have != want {
			t.Errorf("%s: %+v, %v", text, have, err)
		}
		if again, err := loss.ParseRule(have.String()); err != nil || again != want {
			t.Errorf("%s, printed as %s: %+v, %v", text, have, again, err)
		}
	}
	for _, text := range []string{"", "20", "%", "-1%", "101%", "NaN%", "20%,", "20%,0", "20%,x", "on", "=20%", "Spam=", "Spam=on"} {
		if have, err := loss.ParseRule(text); err == nil {
			t.Errorf("%q is %+v", text, have)
		}
	}
}

// A rule that is read is printed as the same rule.
func FuzzRule(f *testing.F) {
	f.Add("Lists/%=80%,1")
	f.Fuzz(func(t *testing.T, text string) {
		rule, err := loss.ParseRule(text)
		if err != nil {
			return
		}
		if again, err := loss.ParseRule(rule.String()); err != nil || again.String() != rule.String() {
			t.Errorf("%q is %q, and that is %q, %v", text, rule, again, err)
		}
	})
}
