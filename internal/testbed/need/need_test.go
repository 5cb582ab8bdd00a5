package need_test

import (
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// outcome is a test that ends by a panic, so that its outcome can be seen.
type outcome struct{ testing.TB }

func (outcome) Helper()      {}
func (outcome) Skip(...any)  { panic("skipped") }
func (outcome) Fatal(...any) { panic("failed") }

// A test that lacks something is skipped, or fails where everything is required.
func TestThat(t *testing.T) {
	for _, c := range []struct {
		required string
		able     bool
		want     any
	}{{"", true, nil}, {"", false, "skipped"}, {"1", true, nil}, {"1", false, "failed"}} {
		t.Setenv("CI", "")
		t.Setenv("MAILSTRATA_REQUIRE_SERVERS", c.required)
		func() {
			defer func() {
				if got := recover(); got != c.want {
					t.Errorf("%+v: %v", c, got)
				}
			}()
			need.That(outcome{t}, c.able, "")
		}()
	}
}
