package imap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// Properties asks for the access rights (RFC 4314) and the annotations (RFC 5464) of mailboxes, by raw name, and for the
// annotations of the account. It returns those of which the server reports something, and notes about what is left out.
// Commands are sent without waiting for answers, up to propertyWindow at a time.
func (c *Client) Properties(ctx context.Context, mailboxes []string) ([]mail.Properties, []string, error) {
	defer c.closeOnDone(ctx)()
	if err := c.introduced(); err != nil {
		return nil, nil, c.orCause(ctx, err)
	}
	p := propertiesQuestion{Client: c, answers: newPropertiesAnswers(c.names(), mailboxes)}
	if err := p.ask(mailboxes); err != nil {
		return nil, nil, c.orCause(ctx, err)
	}
	if n := p.answers.left; n > 0 {
		p.notes = append(p.notes, fmt.Sprintf("access rights or annotations of mailboxes are left out, because together they "+
			"have more than %d MiB: %d", maxPropertiesHeld>>20, n))
	}
	return p.answers.list(), p.notes, nil
}

// propertyWindow bounds the commands in flight, as statusWindow does.
const propertyWindow = 50

// propertiesQuestion asks for properties.
type propertiesQuestion struct {
	*Client
	answers *propertiesAnswers
	hidden  []string // mailboxes whose access control list the user may not see
	notes   []string
	refused map[string]bool // commands that the server does not know, each noted once
}

func (p *propertiesQuestion) ask(mailboxes []string) error {
	questions := func(yield func(*command, string) bool) {
		if p.caps.has("METADATA") || p.caps.has("METADATA-SERVER") {
			if !yield(p.metadata(""), "") {
				return
			}
		}
		for _, raw := range mailboxes {
			if p.caps.has("METADATA") && !yield(p.metadata(raw), raw) {
				return
			}
			if p.caps.has("ACL") && !yield(newCommand("GETACL").mailbox(raw), raw) {
				return
			}
		}
	}
	if err := p.inWindow(questions); err != nil {
		return err
	}
	hidden := p.hidden
	return p.inWindow(func(yield func(*command, string) bool) {
		for _, raw := range hidden {
			if !yield(newCommand("MYRIGHTS").mailbox(raw), raw) {
				return
			}
		}
	})
}

// metadata asks for all annotations of a mailbox, or of the account.
func (p *propertiesQuestion) metadata(raw string) *command {
	cmd := newCommand("GETMETADATA").raw(" (DEPTH infinity)")
	if raw == "" {
		return cmd.raw(` "" (/private /shared)`)
	}
	return cmd.mailbox(raw).raw(" (/private /shared)")
}

// inWindow sends commands and waits for all answers. A command that has cost a connection is sent alone, after the others,
// and one that has cost two is not sent.
func (p *propertiesQuestion) inWindow(questions iter.Seq2[*command, string]) error {
	for _, alone := range []bool{false, true} {
		var underWay []*command
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
			losses := p.opts.quirks.losses(cmd.name)
			if alone && losses >= maxLosses {
				p.notes = append(p.notes, fmt.Sprintf("the server ends the connection at each %s: %s", cmd.name, p.opts.quirks.reason(cmd.name)))
			}
			if losses >= maxLosses || (losses > 0) != alone {
				continue
			}
			window := propertyWindow
			if alone || p.opts.quirks.wary.Load() {
				window = 0
			}
			if err := finish(window); err != nil {
				return err
			}
			cmd.onResponse = p.answers.add
			if err := p.start(cmd); err != nil {
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

// answered waits for an answer. A refusal concerns one mailbox, unless it will pass: then nothing is known of that mailbox.
func (p *propertiesQuestion) answered(cmd *command, raw string) error {
	err := p.wait(cmd)
	var refusal *Error
	switch {
	case err == nil:
		return nil
	case p.dead != nil || isTemporary(err) || !errors.As(err, &refusal):
		return err
	}
	name, _, _ := strings.Cut(cmd.name, " ")
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

// maxPropertiesHeld is how many bytes of properties of an account are kept.
const maxPropertiesHeld = 16 << 20

// propertiesAnswers are ACL, MYRIGHTS and METADATA responses by mailbox.
type propertiesAnswers struct {
	names        naming
	exact, byKey map[string]*mail.Properties
	size         int
	left         int // responses that are not kept, because there are too many
}

func newPropertiesAnswers(names naming, mailboxes []string) *propertiesAnswers {
	a := &propertiesAnswers{names: names, exact: map[string]*mail.Properties{}, byKey: map[string]*mail.Properties{}}
	for _, raw := range append([]string{""}, mailboxes...) {
		p := &mail.Properties{Mailbox: raw}
		a.exact[raw], a.byKey[names.key(raw)] = p, p
	}
	return a
}

// list returns the properties that are not empty, ascending by raw name.
func (a *propertiesAnswers) list() (list []mail.Properties) {
	for _, p := range a.exact {
		if !p.IsEmpty() {
			list = append(list, *p)
		}
	}
	slices.SortFunc(list, func(a, b mail.Properties) int { return cmp.Compare(a.Mailbox, b.Mailbox) })
	return list
}

// add takes a response about a mailbox that was asked for.
func (a *propertiesAnswers) add(resp *wire.Response) (bool, error) {
	if resp.Name != "ACL" && resp.Name != "MYRIGHTS" && resp.Name != "METADATA" || len(resp.Args) == 0 || resp.Args[0].Kind == wire.List {
		return false, nil
	}
	raw := string(resp.Args[0].Text)
	p := a.exact[raw]
	if p == nil {
		p = a.byKey[a.names.key(raw)]
	}
	if p == nil || raw == "" && resp.Name != "METADATA" {
		return false, nil
	}
	if a.size+resp.Size > maxPropertiesHeld {
		a.left++
		return true, nil
	}
	before := p.Size()
	switch resp.Name {
	case "ACL":
		if grants := parseGrants(resp.Args[1:]); len(grants) > 0 {
			p.Grants, p.Rights = grants, ""
		}
	case "MYRIGHTS":
		if len(resp.Args) > 1 && len(p.Grants) == 0 && len(resp.Args[1].Text) <= mail.MaxAnnotation {
			p.Rights = string(resp.Args[1].Bytes())
		}
	default:
		if len(resp.Args) < 2 || resp.Args[1].Kind != wire.List {
			return false, nil // it says that an annotation has changed, not to what (RFC 5464 section 4.4.2)
		}
		addAnnotations(p, resp.Args[1].List)
	}
	a.size += p.Size() - before
	return true, nil
}

// parseGrants reads pairs of an identifier and rights (RFC 4314 section 3.6). Of an identifier that comes twice, the later
// rights count.
func parseGrants(words []wire.Node) (grants []mail.Grant) {
	at := map[string]int{}
	size := 0
	for i := 0; i+1 < len(words) && len(at) < mail.MaxProperties; i += 2 {
		g := mail.Grant{Identifier: string(words[i].Text), Rights: string(words[i+1].Text)}
		size += len(g.Identifier) + len(g.Rights)
		if max(len(g.Identifier), len(g.Rights)) > mail.MaxAnnotation || size > mail.MaxAnnotations/2 {
			continue
		}
		if j, again := at[g.Identifier]; again {
			grants[j] = g
			continue
		}
		at[g.Identifier], grants = len(grants), append(grants, g)
	}
	slices.SortFunc(grants, func(a, b mail.Grant) int { return cmp.Compare(a.Identifier, b.Identifier) })
	return grants
}

// addAnnotations reads pairs of a name and a value (RFC 5464 section 4.4.1). NIL means that there is no such annotation. Names
// have no case (section 3). A server may send several responses about a mailbox.
func addAnnotations(p *mail.Properties, words []wire.Node) {
	values := map[string]string{}
	omitted := map[string]bool{}
	size := 0
	for _, a := range p.Annotations {
		values[a.Name], size = a.Value, size+len(a.Name)+len(a.Value)
	}
	for _, name := range p.Omitted {
		omitted[name], size = true, size+len(name)
	}
	for i := 0; i+1 < len(words); i += 2 {
		name, value := string(words[i].Text), words[i+1]
		if !words[i].IsText() || name == "" || len(name) > mail.MaxAnnotation || isComputed(name) {
			continue
		}
		fits := len(values) < mail.MaxProperties && size+len(name)+len(value.Text) <= mail.MaxAnnotations
		switch {
		case value.Kind == wire.Nil, value.Kind == wire.List:
		case value.IsText() && len(value.Text) <= mail.MaxAnnotation && fits:
			if _, again := values[name]; !again {
				size += len(name)
			}
			size += len(value.Text)
			values[name] = string(value.Text)
			delete(omitted, name)
		case len(omitted) < mail.MaxProperties && size+len(name) <= mail.MaxAnnotations:
			size += len(name)
			omitted[name] = true
			delete(values, name)
		}
	}
	p.Annotations, p.Omitted = nil, slices.Sorted(maps.Keys(omitted))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		p.Annotations = append(p.Annotations, mail.Annotation{Name: name, Value: values[name]})
	}
}

// isComputed reports whether an annotation is one of Cyrus that nobody sets: it says how the server keeps the mailbox, and most
// change with each message.
func isComputed(name string) bool {
	_, own, cyrus := strings.Cut(name, "/vendor/cmu/cyrus-imapd/")
	own, _, _ = strings.Cut(own, "/")
	return cyrus && slices.Contains(computed, own)
}

var computed = []string{"annotsize", "foldermodseq", "freespace", "hasalarms", "lastpop", "lastupdate", "partition", "server",
	"size", "synccrcs", "uniqueid", "usercounters", "usermodseq", "userrawquota"}
