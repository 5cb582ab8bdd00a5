package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/mailstrata/mailstrata/mail"
)

// Properties are the access rights and annotations of a mailbox, or of the account as a whole.
type Properties struct {
	mail.Properties
	Extensions Extensions
}

type propertiesRow struct {
	Mailbox     string          `cbor:"1,keyasint"`
	Grants      []Field         `cbor:"2,keyasint,omitempty"`
	Rights      string          `cbor:"3,keyasint,omitempty"`
	Annotations []Field         `cbor:"4,keyasint,omitempty"`
	Omitted     []string        `cbor:"5,keyasint,omitempty"`
	Extensions  cbor.RawMessage `cbor:"63,keyasint,omitempty"`
}

// EncodeProperties returns a property page: a chunk with the properties of mailboxes, ascending by
// raw name. ParseProperties inverts it.
func EncodeProperties(list []Properties) ([]byte, error) {
	if len(list) == 0 {
		return nil, refuse("a property page without properties")
	}
	rows := make([]propertiesRow, len(list))
	for i := range list {
		p := &list[i]
		if i > 0 && p.Mailbox <= list[i-1].Mailbox {
			return nil, refuse("properties of %q after those of %q", p.Mailbox, list[i-1].Mailbox)
		}
		if err := p.check(); err != nil {
			return nil, err
		}
		rows[i] = propertiesRow{
			Mailbox: p.Mailbox, Rights: p.Rights, Omitted: p.Omitted, Extensions: cbor.RawMessage(p.Extensions),
		}
		for _, g := range p.Grants {
			rows[i].Grants = append(rows[i].Grants, Field{Name: g.Identifier, Value: g.Rights})
		}
		for _, a := range p.Annotations {
			rows[i].Annotations = append(rows[i].Annotations, Field{Name: a.Name, Value: a.Value})
		}
	}
	return marshal("property page", rows, MaxChunk)
}

// ParseProperties inverts EncodeProperties.
func ParseProperties(b []byte) ([]Properties, error) {
	var rows []propertiesRow
	if err := unmarshal("property page", decoding, b, &rows, MaxChunk); err != nil {
		return nil, err
	}
	list := make([]Properties, len(rows))
	for i, row := range rows {
		p := &list[i]
		p.Mailbox, p.Rights, p.Omitted, p.Extensions = row.Mailbox, row.Rights, row.Omitted, Extensions(row.Extensions)
		for _, f := range row.Grants {
			p.Grants = append(p.Grants, mail.Grant{Identifier: f.Name, Rights: f.Value})
		}
		for _, f := range row.Annotations {
			p.Annotations = append(p.Annotations, mail.Annotation{Name: f.Name, Value: f.Value})
		}
	}
	return canonical("property page", b, list, EncodeProperties)
}

// check refuses properties that are empty, beyond the limits or not in order.
func (p *Properties) check() error {
	err := cmp.Or(
		checkTexts("properties", p.Mailbox, p.Rights), checkCount("access rights", len(p.Grants), maxNames),
		checkCount("annotations", max(len(p.Annotations), len(p.Omitted)), maxNames), p.Extensions.check(),
	)
	switch {
	case err != nil:
		return err
	case p.IsEmpty() && len(p.Extensions) == 0:
		return refuse("properties of %q without any", p.Mailbox)
	case p.Mailbox == "" && (len(p.Grants) > 0 || p.Rights != ""):
		return refuse("access rights without a mailbox")
	case len(p.Grants) > 0 && p.Rights != "":
		return refuse("properties of %q: all rights, and those of one user", p.Mailbox)
	case p.Size() > maxProperties:
		return refuse("properties of %q: %d bytes, the limit is %d", p.Mailbox, p.Size(), maxProperties)
	}
	for i, g := range p.Grants {
		err = cmp.Or(err, checkTexts("access rights", g.Identifier, g.Rights))
		if i > 0 && g.Identifier <= p.Grants[i-1].Identifier {
			err = cmp.Or(err, refuse("properties of %q: rights of %q after those of %q",
				p.Mailbox, g.Identifier, p.Grants[i-1].Identifier))
		}
	}
	for i, name := range p.Omitted {
		err = cmp.Or(err, checkTexts("annotation", name))
		if i > 0 && name <= p.Omitted[i-1] {
			err = cmp.Or(err, refuse("properties of %q: annotation %q after %q", p.Mailbox, name, p.Omitted[i-1]))
		}
	}
	for i, a := range p.Annotations {
		err = cmp.Or(err, checkTexts("annotation", a.Name, a.Value))
		if i > 0 && a.Name <= p.Annotations[i-1].Name {
			err = cmp.Or(err, refuse("properties of %q: annotation %q after %q",
				p.Mailbox, a.Name, p.Annotations[i-1].Name))
		}
	}
	return err
}

// SetProperties stores the properties, ascending by raw name, and names their pages in the
// manifest. asked is when the run asked the server for them.
func (m *Manifest) SetProperties(list []Properties, asked time.Time, put Put) error {
	m.Properties, m.PropertiesAsked = nil, asked
	for len(list) > 0 {
		n, size := 0, 0
		for n < len(list) && size < propertyPage {
			size += list[n].Size()
			n++
		}
		id, err := put.encoded(EncodeProperties(list[:n]))
		if err != nil {
			return err
		}
		m.Properties, list = append(m.Properties, id), list[n:]
	}
	return nil
}

// AllProperties reads the properties, ascending by raw name.
func (m *Manifest) AllProperties(load Load) ([]Properties, error) {
	var all []Properties
	for i, id := range m.Properties {
		b, err := load(id)
		var page []Properties
		if err == nil {
			page, err = ParseProperties(b)
		}
		if err == nil && len(all) > 0 && page[0].Mailbox <= all[len(all)-1].Mailbox {
			err = malformed("property page",
				refuse("properties of %q after those of %q", page[0].Mailbox, all[len(all)-1].Mailbox))
		}
		if err != nil {
			return all, fmt.Errorf("property page %d of %d: %w", i+1, len(m.Properties), err)
		}
		all = append(all, page...)
	}
	return all, nil
}

// PropertiesOf returns the properties of a mailbox in a list that AllProperties returned.
func PropertiesOf(list []Properties, raw string) (mail.Properties, bool) {
	i, found := slices.BinarySearchFunc(list, raw, func(p Properties, raw string) int { return cmp.Compare(p.Mailbox, raw) })
	if !found {
		return mail.Properties{Mailbox: raw}, false
	}
	return list[i].Properties, true
}

// checkProperties refuses pages without a time.
func (m *Manifest) checkProperties() error {
	if len(m.Properties) > 0 && m.PropertiesAsked.IsZero() {
		return refuse("properties without a time")
	}
	return cmp.Or(checkCount("property pages", len(m.Properties), maxPropertyPages),
		checkIDs("property pages", m.Properties))
}
