package doctor

import (
	"fmt"

	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// Verdict is the result of a check.
type Verdict string

const (
	OK   Verdict = "ok"
	Warn Verdict = "warn"
	Fail Verdict = "fail"
)

// Finding is the result of one check, with its JSON names.
type Finding struct {
	Subject string  `json:"subject"` // an account, the repository, this host
	Check   string  `json:"check"`
	Status  Verdict `json:"status"`
	Finding string  `json:"finding"`
	Advice  string  `json:"advice,omitempty"`
}

// findings collects findings about one subject.
type findings struct {
	subject string
	found   []Finding
}

func (f *findings) add(status Verdict, check, text, advice string) {
	f.found = append(f.found, Finding{f.subject, check, status, ui.OneLine(text), advice})
}

func (f *findings) ok(check, format string, args ...any) {
	f.add(OK, check, fmt.Sprintf(format, args...), "")
}

func (f *findings) warn(check, advice, format string, args ...any) {
	f.add(Warn, check, fmt.Sprintf(format, args...), advice)
}

// fail adds an error with its hint. It returns all findings, for a check that cannot continue.
func (f *findings) fail(check string, err error) []Finding {
	f.add(Fail, check, hint.Text(err), hint.For(err))
	return f.found
}
