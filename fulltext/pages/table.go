package pages

// perTable is how many pages one table describes.
const perTable = PageSize / entrySize

// table has the entries of perTable pages.
type table struct {
	entries [perTable]entry
	changed bool
}

// tablesFor returns how many tables describe a number of pages.
func tablesFor(pages uint32) int { return (int(pages) + perTable - 1) / perTable }

// table returns the table with a number, which it reads when it is first needed.
func (f *File) table(number int) (*table, error) {
	for number >= len(f.tables) {
		f.tables = append(f.tables, nil)
	}
	if t := f.tables[number]; t != nil {
		return t, nil
	}
	t := &table{}
	if number < len(f.root.tables) && f.root.tables[number].slot != 0 {
		text, err := f.read(sealedTable, uint32(number), &f.root.tables[number])
		if err != nil {
			return nil, err
		}
		for i := range t.entries {
			t.entries[i].parse(text[i*entrySize:])
		}
	}
	f.tables[number] = t
	return t, nil
}

// writeTables writes the tables that changed.
func (f *File) writeTables() error {
	text := make([]byte, 0, PageSize)
	for number, t := range f.tables {
		if t == nil || !t.changed || number >= len(f.root.tables) {
			continue
		}
		text = text[:0]
		for i := range t.entries {
			text = t.entries[i].append(text)
		}
		if err := f.write(sealedTable, uint32(number), text[:PageSize], &f.root.tables[number]); err != nil {
			return err
		}
		t.changed = false
	}
	return nil
}
