package imapclient

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/properties"
	"github.com/mailstrata/mailstrata/mail"
)

// Properties asks for the access rights (RFC 4314) and the annotations (RFC 5464) of mailboxes, by
// raw name, and for the annotations of the account. It returns those of which the server reports
// something, and notes about what is left out. Commands are sent without waiting for answers, up to
// propertyWindow at a time.
func (c *Client) Properties(ctx context.Context, mailboxes []string) ([]mail.Properties, []string, error) {
	defer c.CloseOnDone(ctx)()
	if err := c.Introduced(); err != nil {
		return nil, nil, c.OrCause(ctx, err)
	}
	p := propertiesQuestion{Client: c, answers: properties.New(mailboxes, c.names().key)}
	if err := p.ask(mailboxes); err != nil {
		return nil, nil, c.OrCause(ctx, err)
	}
	if n := p.answers.Left; n > 0 {
		p.notes = append(p.notes, fmt.Sprintf("access rights or annotations of mailboxes are left out, because together they "+
			"have more than %d MiB: %d", properties.MaxHeld>>20, n))
	}
	return p.answers.List(), p.notes, nil
}

// propertyWindow bounds the commands in flight, as statusWindow does.
const propertyWindow = 50

// propertiesQuestion asks for properties.
type propertiesQuestion struct {
	*Client
	answers *properties.Answers
	hidden  []string // mailboxes whose access control list the user may not see
	notes   []string
	refused map[string]bool // commands that the server does not know, each noted once
}

func (p *propertiesQuestion) ask(mailboxes []string) error {
	questions := func(yield func(*imap.Command, string) bool) {
		if p.Has("METADATA") || p.Has("METADATA-SERVER") {
			if !yield(p.metadata(""), "") {
				return
			}
		}
		for _, raw := range mailboxes {
			if p.Has("METADATA") && !yield(p.metadata(raw), raw) {
				return
			}
			if p.Has("ACL") && !yield(imap.NewCommand("GETACL").Mailbox(raw).Optional(), raw) {
				return
			}
		}
	}
	if err := p.inWindow(questions); err != nil {
		return err
	}
	hidden := p.hidden
	return p.inWindow(func(yield func(*imap.Command, string) bool) {
		for _, raw := range hidden {
			if !yield(imap.NewCommand("MYRIGHTS").Mailbox(raw).Optional(), raw) {
				return
			}
		}
	})
}

// metadata asks for all annotations of a mailbox, or of the account.
func (p *propertiesQuestion) metadata(raw string) *imap.Command {
	cmd := imap.NewCommand("GETMETADATA").Raw(" (DEPTH infinity)").Optional()
	if raw == "" {
		return cmd.Raw(` "" (/private /shared)`)
	}
	return cmd.Mailbox(raw).Raw(" (/private /shared)")
}

// inWindow sends commands and waits for all answers. A command that has cost a connection is sent
// alone, after the others, and one that has cost two is not sent.
func (p *propertiesQuestion) inWindow(questions iter.Seq2[*imap.Command, string]) error {
	for _, alone := range []bool{false, true} {
		var underWay []*imap.Command
		var about []string
		finish := func(left int) error {
			for len(underWay) > left {
				if err := p.answered(underWay[0], about[0]); err != nil {
					return err
				}
				underWay, about = underWay[1:], about[1:]
			}
			return nil
		}
		for cmd, raw := range questions {
			avoided := p.Avoids(cmd.Name)
			if alone && avoided {
				p.notes = append(p.notes, p.WhyAvoided(cmd.Name).Error())
			}
			if avoided || (p.Losses(cmd.Name) > 0) != alone {
				continue
			}
			window := propertyWindow
			if alone || p.Careful() {
				window = 0
			}
			if err := finish(window); err != nil {
				return err
			}
			if cmd.OnResponse == nil {
				cmd.OnResponse = p.answers.Add
			}
			if err := p.Start(cmd); err != nil {
				return err
			}
			underWay, about = append(underWay, cmd), append(about, raw)
		}
		if err := finish(0); err != nil {
			return err
		}
	}
	return nil
}

// answered waits for an answer. A refusal concerns one mailbox, unless it will pass: then nothing
// is known of that mailbox.
func (p *propertiesQuestion) answered(cmd *imap.Command, raw string) error {
	err := p.Wait(cmd)
	var refusal *imap.Error
	switch {
	case err == nil:
		return nil
	case !p.Alive() || errors.Is(err, mail.ErrTemporary) || !errors.As(err, &refusal):
		return err
	}
	name, _, _ := strings.Cut(cmd.Name, " ")
	if name == "GETACL" {
		p.hidden = append(p.hidden, raw)
	}
	if refusal.Status == "BAD" && !p.refused[name] {
		if p.refused == nil {
			p.refused = map[string]bool{}
		}
		p.refused[name] = true
		p.notes = append(p.notes, err.Error())
	}
	return nil
}
