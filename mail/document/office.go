package document

import (
	"archive/zip"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// office writes the text of a document that is an archive of XML.
func (w *writer) office(f format, document []byte) error {
	a, err := openArchive(document)
	if err != nil {
		return err
	}
	files := slices.DeleteFunc(slices.Clone(a.File), func(file *zip.File) bool { return markupOf(f, file.Name) == nil })
	if len(files) == 0 {
		return errors.New("the archive has no text of such a document")
	}
	slices.SortStableFunc(files, func(a, b *zip.File) int { return compareNumbered(a.Name, b.Name) })
	var problems error
	for _, file := range files {
		err := w.entry(a, file, markupOf(f, file.Name))
		if errors.Is(err, errFull) || errors.Is(err, ErrTooLarge) || w.ctx.Err() != nil {
			return err
		}
		if err != nil && problems == nil {
			problems = fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	return problems
}

func (w *writer) entry(a *archive, file *zip.File, m markup) error {
	r, err := a.open(file)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := w.xml(r, m); err != nil {
		return err
	}
	return w.space('\n')
}

// markupOf returns where the text is in an entry of a document, or nil if it has none.
func markupOf(f format, name string) markup {
	dir, base := path.Split(name)
	begins := func(prefixes ...string) bool {
		return strings.HasSuffix(base, ".xml") &&
			slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(base, p) })
	}
	switch f {
	case wordFormat:
		if dir == "word/" && begins("document", "header", "footer", "footnotes", "endnotes", "comments") ||
			dir == "word/charts/" && begins("chart") || dir == "word/diagrams/" && begins("data") {
			return officeMarkup
		}
	case sheetFormat:
		switch {
		case dir == "xl/" && base == "workbook.xml":
			return workbookMarkup
		case dir == "xl/worksheets/" && begins("sheet"):
			return sheetMarkup
		case dir == "xl/" && base == "sharedStrings.xml", dir == "xl/" && begins("comments"),
			dir == "xl/drawings/" && begins("drawing"), dir == "xl/charts/" &&
				begins("chart"), dir == "xl/threadedComments/" && begins(""):
			return officeMarkup
		}
	case slidesFormat:
		if dir == "ppt/slides/" && begins("slide") || dir == "ppt/notesSlides/" && begins("notesSlide") ||
			dir == "ppt/comments/" && begins("") || dir == "ppt/charts/" && begins("chart") ||
			dir == "ppt/diagrams/" && begins("data") {
			return officeMarkup
		}
	case openFormat:
		if name == "content.xml" || name == "styles.xml" { // headers and footers are in styles.xml
			return openMarkup
		}
	}
	return nil
}

// officeMarkup is that of WordprocessingML, DrawingML, PresentationML and of strings in
// SpreadsheetML: text is in elements t. A Fallback says again what is in the Choice before it, and
// rPh how to pronounce a string.
var officeMarkup = elements(element{text: true}, "t", "text").
	and(elements(element{skip: true}, "fallback", "rph")).
	and(elements(element{space: '\n'}, "p", "si", "comment")).
	and(elements(element{space: ' '}, "br", "cr", "tab", "tc")).
	and(elements(element{space: '-'}, "nobreakhyphen"))

// sheetMarkup is that of the cells of a sheet. Those with strings of sharedStrings.xml have only
// numbers of these.
var sheetMarkup = elements(element{text: true}, "t", "v").
	and(elements(element{skip: true}, "f", "rph")). // formulas
	and(elements(element{space: '\n'}, "row")).
	and(elements(element{space: ' ', read: func(attribute func(string) string) (text string, skip bool) {
		return "", attribute("t") == "s"
	}}, "c"))

// workbookMarkup is that of the names of sheets.
var workbookMarkup = elements(element{read: func(attribute func(string) string) (text string, skip bool) {
	return attribute("name") + "\n", false
}}, "sheet")

// openMarkup is that of OpenDocument: text is in paragraphs and headings. Changes that were deleted
// are kept in tracked-changes.
var openMarkup = elements(element{text: true, space: '\n'}, "p", "h").
	and(elements(element{skip: true}, "tracked-changes", "binary-data")).
	and(elements(element{space: ' '}, "s", "tab", "line-break", "table-cell")).
	and(elements(element{space: '\n'}, "table-row"))

// compareNumbered compares names so that slide2.xml comes before slide10.xml.
func compareNumbered(a, b string) int {
	prefixA, numberA := cutNumber(a)
	prefixB, numberB := cutNumber(b)
	if prefixA != prefixB {
		return strings.Compare(a, b)
	}
	return numberA - numberB
}

// cutNumber cuts a name before the number at its end.
func cutNumber(name string) (string, int) {
	name = strings.TrimSuffix(name, ".xml")
	prefix := strings.TrimRight(name, "0123456789")
	n, err := strconv.ParseUint(name[len(prefix):], 10, 31)
	if err != nil {
		return name, 0
	}
	return prefix, int(n)
}
