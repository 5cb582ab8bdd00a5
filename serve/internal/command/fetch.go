package command

// Fetch is a FETCH command (RFC 3501 section 6.4.5).
type Fetch struct {
	Set   Set
	Items []Item
}

// Item is what a FETCH asks of each message.
type Item struct {
	Name    string   // in upper case: FLAGS, UID, INTERNALDATE, RFC822.SIZE, ENVELOPE, BODYSTRUCTURE, BODY, or SECTION
	Section *Section // of SECTION
}

// macros are items that stand for several.
var macros = map[string][]string{
	"ALL":  {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"},
	"FAST": {"FLAGS", "INTERNALDATE", "RFC822.SIZE"},
	"FULL": {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"},
}

// Fetch parses the arguments of FETCH.
func (s *Scanner) Fetch() (*Fetch, error) {
	f := new(Fetch)
	err := s.need(' ')
	if err == nil {
		f.Set, err = s.set()
	}
	if err == nil {
		err = s.need(' ')
	}
	if err != nil {
		return nil, err
	}
	one := func() error {
		item, err := s.item()
		f.Items = append(f.Items, item)
		return err
	}
	if s.peek() == '(' {
		err = s.list(one)
	} else if err = one(); err == nil {
		if names := macros[f.Items[0].Name]; names != nil {
			f.Items = f.Items[:0]
			for _, name := range names {
				f.Items = append(f.Items, Item{Name: name})
			}
		}
	}
	if err == nil {
		err = s.End()
	}
	if err == nil {
		err = f.check()
	}
	return f, err
}

// maxItems is how many items a FETCH may have: each can be a body.
const maxItems = 100

// check refuses items that are unknown.
func (f *Fetch) check() error {
	if len(f.Items) == 0 || len(f.Items) > maxItems {
		return syntax("a FETCH needs 1 to %d items", maxItems)
	}
	for _, item := range f.Items {
		switch item.Name {
		case "FLAGS", "UID", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE", "BODY", "SECTION":
		default:
			return syntax("unknown item %.40q", item.Name)
		}
	}
	return nil
}

// item parses an item. The old names of sections get the section that they stand for.
func (s *Scanner) item() (Item, error) {
	name := s.span(func(c byte) bool { return isAtomChar(c) && c != '[' })
	if name == "" {
		return Item{}, syntax("an item expected%s", s.where())
	}
	name = upper(name)
	switch {
	case (name == "BODY" || name == "BODY.PEEK") && s.peek() == '[':
		section, err := s.section()
		return Item{Name: "SECTION", Section: section}, err
	case name == "RFC822":
		return Item{Name: "SECTION", Section: &Section{Old: name}}, nil
	case name == "RFC822.HEADER":
		return Item{Name: "SECTION", Section: &Section{Old: name, Of: Header}}, nil
	case name == "RFC822.TEXT":
		return Item{Name: "SECTION", Section: &Section{Old: name, Of: Text}}, nil
	}
	return Item{Name: name}, nil
}
