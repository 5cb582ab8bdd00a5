package manifest

import "time"

// Source is how a run found one of the sources of an account. Each source is consistent by itself,
// or not.
type Source struct {
	Kind  SourceKind // Mail, or that of an ItemSource
	Found Found
	Since time.Time // the start of the first of the runs before this one, one after the other, that found it so
}

// Found says how a run found a source.
type Found uint8

// The values are part of the durable format.
const (
	Whole      Found = 0 // everything of it was read
	Incomplete Found = 1 // some of it could not be read, and is as in the parent or missing
	Inherited  Found = 2 // it could not be read, and is as in the parent
)

func (f Found) String() string {
	switch f {
	case Whole:
		return "complete"
	case Incomplete:
		return "incomplete"
	}
	return "inherited"
}

// NextSource returns how a run found a source, after how the run before did.
func NextSource(before []Source, kind SourceKind, found Found, start time.Time) Source {
	for _, s := range before {
		if s.Kind == kind && s.Found == found {
			return s
		}
	}
	return Source{kind, found, start.UTC().Truncate(time.Millisecond)}
}

// MailFound returns how a run found the mail, whose mailboxes it recorded.
func MailFound(mailboxes []Mailbox) Found {
	read, unread := 0, 0
	for i := range mailboxes {
		switch m := &mailboxes[i]; {
		case !m.Selectable() || m.Label:
		case m.Inherited:
			unread++
		case !m.Complete:
			read, unread = read+1, unread+1
		default:
			read++
		}
	}
	switch {
	case unread == 0:
		return Whole
	case read == 0:
		return Inherited
	}
	return Incomplete
}

// Found returns how a run found the source.
func (s *ItemSource) Found() Found {
	switch {
	case s.Complete:
		return Whole
	case s.Inherited:
		return Inherited
	}
	return Incomplete
}

// MailInherited reports whether the mail is as in an earlier manifest, because the run could not
// read it. It is false of an account that has only mail, for which no manifest is written then.
func (m *Manifest) MailInherited() bool {
	return len(m.Sources) > 0 && m.Sources[0].Kind == Mail && m.Sources[0].Found == Inherited
}

type sourceRow struct {
	_     struct{} `cbor:",toarray"`
	Kind  uint8
	Found uint8
	Since uint64
}

func encodeSources(sources []Source) (rows []sourceRow, err error) {
	for _, s := range sources {
		since, err := millis(s.Since)
		if err != nil {
			return nil, err
		}
		rows = append(rows, sourceRow{Kind: uint8(s.Kind), Found: uint8(s.Found), Since: since})
	}
	return rows, nil
}

func decodeSources(rows []sourceRow) (sources []Source) {
	for _, r := range rows {
		sources = append(sources, Source{SourceKind(r.Kind), Found(r.Found), fromMillis(r.Since)})
	}
	return sources
}

// checkSources refuses sources that are unknown, out of order, or of an account that has only mail.
func (m *Manifest) checkSources() error {
	for i, s := range m.Sources {
		switch {
		case len(m.ItemSources) == 0:
			return refuse("how sources were found, of an account that has only mail")
		case s.Kind > AddressBooks || s.Found > Inherited:
			return refuse("source %d was found like %d (a newer mailstrata may have written it)", s.Kind, s.Found)
		case i > 0 && s.Kind <= m.Sources[i-1].Kind:
			return refuse("source %s after %s", s.Kind, m.Sources[i-1].Kind)
		case s.Since.IsZero():
			return refuse("source %s was found without a time", s.Kind)
		}
	}
	return nil
}
