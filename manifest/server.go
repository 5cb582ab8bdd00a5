package manifest

import (
	"cmp"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// serverRow is the encoding of what a server says about itself. A manifest has its fields, or names
// a chunk that has them.
type serverRow struct {
	ID           []fieldRow     `cbor:"12,keyasint,omitempty"`
	Capabilities []string       `cbor:"13,keyasint,omitempty"`
	Namespaces   []namespaceRow `cbor:"14,keyasint,omitempty"`
}

type fieldRow struct {
	_           struct{} `cbor:",toarray"`
	Name, Value string
}

type namespaceRow struct {
	_                 struct{} `cbor:",toarray"`
	Kind              uint8
	Prefix, Delimiter string
}

// EncodeServer returns a server part: a chunk with the ID, the capabilities and the namespaces of a
// server, which hardly ever change. ParseServer inverts it.
func EncodeServer(server mail.Server) ([]byte, error) {
	if err := checkServer(server); err != nil {
		return nil, err
	}
	if len(server.ID) == 0 && len(server.Capabilities) == 0 && len(server.Namespaces) == 0 {
		return nil, refuse("a server part that is empty")
	}
	return marshal("server part", newServerRow(server), MaxChunk)
}

// ParseServer inverts EncodeServer. The result has no Quota.
func ParseServer(b []byte) (mail.Server, error) {
	var row serverRow
	if err := unmarshal("server part", decoding, b, &row, MaxChunk); err != nil {
		return mail.Server{}, err
	}
	return canonical("server part", b, row.value(), EncodeServer)
}

// AllServer returns what the server said, also if ServerPart names the chunk with a part of it.
func (m *Manifest) AllServer(load Load) (mail.Server, error) {
	if m.ServerPart.IsZero() {
		return m.Server, nil
	}
	b, err := load(m.ServerPart)
	if err != nil {
		return mail.Server{Quota: m.Server.Quota}, err
	}
	server, err := ParseServer(b)
	server.Quota = m.Server.Quota
	return server, err
}

// SetServerPart puts what m.Server has, but for the Quota, into a chunk.
func (m *Manifest) SetServerPart(put Put) error {
	id, err := put.encoded(EncodeServer(m.Server))
	if err == nil {
		m.NameServerPart(id)
	}
	return err
}

// NameServerPart replaces what m.Server has, but for the Quota, by the ID of a chunk with the same.
func (m *Manifest) NameServerPart(id chunk.ID) {
	m.ServerPart, m.Server = id, mail.Server{Quota: m.Server.Quota}
}

func newServerRow(server mail.Server) serverRow {
	row := serverRow{Capabilities: server.Capabilities}
	for _, f := range server.ID {
		row.ID = append(row.ID, fieldRow{Name: f.Name, Value: f.Value})
	}
	for _, n := range server.Namespaces {
		row.Namespaces = append(row.Namespaces, namespaceRow{
			Kind: uint8(n.Kind), Prefix: n.Prefix, Delimiter: n.Delimiter,
		})
	}
	return row
}

// value inverts newServerRow. It does not check the values; see manifestRow.value.
func (row serverRow) value() mail.Server {
	server := mail.Server{Capabilities: row.Capabilities}
	for _, f := range row.ID {
		server.ID = append(server.ID, mail.Field{Name: f.Name, Value: f.Value})
	}
	for _, n := range row.Namespaces {
		server.Namespaces = append(server.Namespaces,
			mail.Namespace{Kind: mail.NamespaceKind(n.Kind), Prefix: n.Prefix, Delimiter: n.Delimiter})
	}
	return server
}

// checkServer refuses what a server says about itself beyond the limits.
func checkServer(server mail.Server) error {
	err := cmp.Or(
		checkList("capabilities", server.Capabilities, maxNames),
		checkCount("fields of the server's ID", len(server.ID), maxNames),
		checkCount("namespaces", len(server.Namespaces), maxNames),
	)
	for _, f := range server.ID {
		err = cmp.Or(err, checkTexts("server's ID", f.Name, f.Value))
	}
	for _, n := range server.Namespaces {
		err = cmp.Or(err, checkTexts("namespace", n.Prefix, n.Delimiter))
		if n.Kind > mail.Shared {
			err = cmp.Or(err, refuse("namespace of kind %d", n.Kind))
		}
	}
	return err
}
