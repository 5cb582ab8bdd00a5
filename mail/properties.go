package mail

// Properties are the access rights of a mailbox (RFC 4314) and its annotations (RFC 5464), as the
// server reports them to this user. Without a name they are those of the account as a whole, which
// has annotations alone.
type Properties struct {
	Mailbox     string       // raw name; empty: the account
	Grants      []Grant      // ascending by identifier, each once; nil if the user may not see them
	Rights      string       // of this user, if there are no Grants; as the server sent them
	Annotations []Annotation // ascending by name, each once

	// Omitted are names of annotations that are left out, ascending: one is larger than
	// MaxAnnotation, or all of the mailbox are larger than MaxAnnotations.
	Omitted []string
}

// Grant is an entry of an access control list.
type Grant struct {
	Identifier string // of a user or a group; with "-" in front, the rights are taken away
	Rights     string // as the server sent them: a letter each
}

// Annotation is an entry of the metadata of a mailbox or a server.
type Annotation struct {
	Name  string // such as /private/comment
	Value string // any bytes
}

// These are limits of what is recorded.
const (
	MaxAnnotation  = 64 << 10 // bytes of an annotation, and of any other text
	MaxAnnotations = 1 << 20  // bytes of the annotations of a mailbox
	MaxProperties  = 4096     // grants, annotations and omitted annotations of a mailbox, each
)

// IsEmpty reports whether there is nothing but the name.
func (p *Properties) IsEmpty() bool {
	return len(p.Grants) == 0 && p.Rights == "" && len(p.Annotations) == 0 && len(p.Omitted) == 0
}

// Size returns the bytes of all texts.
func (p *Properties) Size() int {
	size := len(p.Mailbox) + len(p.Rights)
	for _, g := range p.Grants {
		size += len(g.Identifier) + len(g.Rights)
	}
	for _, a := range p.Annotations {
		size += len(a.Name) + len(a.Value)
	}
	for _, name := range p.Omitted {
		size += len(name)
	}
	return size
}
