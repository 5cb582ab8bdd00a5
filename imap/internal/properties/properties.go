// Package properties reads what a server reports of access rights (RFC 4314) and annotations (RFC
// 5464). It keeps a limited amount of it.
package properties

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// MaxHeld is how many bytes of properties of an account are kept.
const MaxHeld = 16 << 20

// Answers are ACL, MYRIGHTS and METADATA responses by mailbox.
type Answers struct {
	// Left counts the responses that are not kept, because there are too many.
	Left int

	key          func(raw string) string
	exact, byKey map[string]*mail.Properties
	size         int
}

// New returns an empty Answers for the account and mailboxes, by raw name. key returns one key for
// all the ways to write a mailbox's name.
func New(mailboxes []string, key func(raw string) string) *Answers {
	a := &Answers{key: key, exact: map[string]*mail.Properties{}, byKey: map[string]*mail.Properties{}}
	for _, raw := range append([]string{""}, mailboxes...) {
		p := &mail.Properties{Mailbox: raw}
		a.exact[raw], a.byKey[key(raw)] = p, p
	}
	return a
}

// List returns the properties that are not empty, ascending by raw name.
func (a *Answers) List() (list []mail.Properties) {
	for _, p := range a.exact {
		if !p.IsEmpty() {
			list = append(list, *p)
		}
	}
	slices.SortFunc(list, func(a, b mail.Properties) int { return cmp.Compare(a.Mailbox, b.Mailbox) })
	return list
}

// Add takes a response about a mailbox that was asked for. It reports whether the response is one.
func (a *Answers) Add(resp *wire.Response) (bool, error) {
	if resp.Name != "ACL" && resp.Name != "MYRIGHTS" && resp.Name != "METADATA" || len(resp.Args) == 0 ||
		resp.Args[0].Kind == wire.List {
		return false, nil
	}
	raw := string(resp.Args[0].Text)
	p := a.exact[raw]
	if p == nil {
		p = a.byKey[a.key(raw)]
	}
	if p == nil || raw == "" && resp.Name != "METADATA" {
		return false, nil
	}
	if a.size+resp.Size > MaxHeld {
		a.Left++
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

// parseGrants reads pairs of an identifier and rights (RFC 4314 section 3.6). Of an identifier that
// comes twice, the later rights count.
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

// addAnnotations reads pairs of a name and a value (RFC 5464 section 4.4.1). NIL means that there
// is no such annotation. Names have no case (section 3). A server may send several responses about
// a mailbox.
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

// isComputed reports whether an annotation is one of Cyrus that nobody sets: it says how the server
// keeps the mailbox, and most change with each message.
func isComputed(name string) bool {
	_, own, cyrus := strings.Cut(name, "/vendor/cmu/cyrus-imapd/")
	own, _, _ = strings.Cut(own, "/")
	return cyrus && slices.Contains(computed, own)
}

var computed = []string{"annotsize", "foldermodseq", "freespace", "hasalarms", "lastpop", "lastupdate", "partition", "server",
	"size", "synccrcs", "uniqueid", "usercounters", "usermodseq", "userrawquota"}
