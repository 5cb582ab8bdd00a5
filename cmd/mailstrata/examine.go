package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
)

// verdict is what a check comes to.
type verdict string

const (
	verdictOK   verdict = "ok"
	verdictWarn verdict = "warn"
	verdictFail verdict = "fail"
)

// finding is what was found out by one check, as JSON.
type finding struct {
	Subject string  `json:"subject"` // an account, the repository, this host
	Check   string  `json:"check"`
	Status  verdict `json:"status"`
	Finding string  `json:"finding"`
	Advice  string  `json:"advice,omitempty"`
}

// examination collects findings about one subject.
type examination struct {
	subject  string
	findings []finding
}

func (e *examination) note(status verdict, check, text, advice string) {
	e.findings = append(e.findings, finding{e.subject, check, status, ui.OneLine(text), advice})
}

func (e *examination) ok(check, format string, args ...any) {
	e.note(verdictOK, check, fmt.Sprintf(format, args...), "")
}

func (e *examination) warn(check, advice, format string, args ...any) {
	e.note(verdictWarn, check, fmt.Sprintf(format, args...), advice)
}

// fail notes an error, with what the program would say to it elsewhere.
func (e *examination) fail(check string, err error) {
	e.note(verdictFail, check, err.Error(), hint.For(err))
}

// examinedMost is how long the examination of one account may take where nothing else is said.
const examinedMost = 10 * time.Minute

// examineAccount logs in, and looks at what the server offers.
func examineAccount(ctx context.Context, h *access.Host, a *access.Account, flags *access.AccountFlags, timeLimit time.Duration) []finding {
	e := &examination{subject: a.Name}
	if err := h.UnlockAccount(ctx, a, flags); err != nil {
		e.fail("secret", err)
		return e.findings
	}
	if from := h.DescribeSecret(a); from != "" {
		e.ok("secret", "%s", from)
	}
	a.Options.Namespaces, a.Options.Virtual = a.Configured.Namespaces, a.Configured.Virtual
	limit := cmp.Or(timeLimit, examinedMost)
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fmt.Errorf("the server did not finish within %v (--time-limit): it answers too slowly or without an end", limit))
	defer cancel()
	source := imap.NewSource(a.Options)
	defer source.Close()
	server, err := source.Server(ctx)
	if err != nil {
		e.fail("login", err)
		return e.findings
	}
	e.ok("login", "%s lets %s in", a.Options.Host, a.Options.User)
	survey, err := source.Survey(ctx)
	if err != nil {
		e.fail("mailboxes", err)
		return e.findings
	}
	var messages uint64
	mailboxes := 0
	for _, m := range survey.Mailboxes {
		if m.Skip == mail.NotSkipped {
			mailboxes++
		}
		if m.Status != nil && !m.Label {
			messages += uint64(m.Status.Messages)
		}
	}
	e.ok("mailboxes", "%s, %s", ui.Plural(mailboxes, "mailbox"), ui.Plural(messages, "message"))
	e.skipped(survey, server)
	for _, note := range survey.Notes {
		e.warn("mailboxes", "", "%s", note)
	}
	e.offers(server)
	return e.findings
}
