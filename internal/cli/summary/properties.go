package summary

import (
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/mail"
)

// Properties are the access rights and annotations of a mailbox, as JSON.
type Properties struct {
	Mailbox     string       `json:"mailbox"` // raw name; empty: the account as a whole
	Grants      []Grant      `json:"acl"`
	Rights      string       `json:"rights,omitempty"` // of the user, if the server does not show the list
	Annotations []Annotation `json:"annotations"`
	Omitted     []string     `json:"omitted"` // names of annotations that are too large
}

// Grant is an entry of an access control list, as JSON.
type Grant struct {
	Identifier string `json:"identifier"`
	Rights     string `json:"rights"`
}

// Annotation is an annotation, as JSON. It has one of the two values.
type Annotation struct {
	Name   string  `json:"name"`
	Value  *string `json:"value,omitempty"`
	Binary []byte  `json:"value_base64,omitempty"`
}

// OfProperties returns properties as JSON.
func OfProperties(p *mail.Properties) Properties {
	s := Properties{
		Mailbox: p.Mailbox, Grants: []Grant{}, Rights: p.Rights, Annotations: []Annotation{},
		Omitted: List(p.Omitted),
	}
	for _, g := range p.Grants {
		s.Grants = append(s.Grants, Grant{g.Identifier, g.Rights})
	}
	for _, a := range p.Annotations {
		if utf8.ValidString(a.Value) {
			s.Annotations = append(s.Annotations, Annotation{Name: a.Name, Value: &a.Value})
		} else {
			s.Annotations = append(s.Annotations, Annotation{Name: a.Name, Binary: []byte(a.Value)})
		}
	}
	return s
}
