package doctor

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
)

// usualTimeLimit is the default time limit for checking one account.
const usualTimeLimit = 10 * time.Minute

// Account logs in, and checks what the server offers. flags and timeLimit override the configuration.
func Account(ctx context.Context, h *access.Host, a *access.Account, flags *access.AccountFlags, timeLimit time.Duration) []Finding {
	e := &findings{subject: a.Name}
	if err := h.UnlockAccount(ctx, a, flags); err != nil {
		e.fail("secret", err)
		return e.found
	}
	if from := h.DescribeSecret(a); from != "" {
		e.ok("secret", "%s", from)
	}
	a.Options.Namespaces, a.Options.Virtual = a.Configured.Namespaces, a.Configured.Virtual
	limit := cmp.Or(timeLimit, usualTimeLimit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fmt.Errorf("the server did not finish within %v (--time-limit)", limit))
	defer cancel()
	source := imap.NewSource(a.Options)
	defer source.Close()
	server, err := source.Server(ctx)
	if err != nil {
		e.fail("login", err)
		return e.found
	}
	e.ok("login", "%s accepts the login of %s", a.Options.Host, a.Options.User)
	survey, err := source.Survey(ctx)
	if err != nil {
		e.fail("mailboxes", err)
		return e.found
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
	e.extensions(server)
	return e.found
}
