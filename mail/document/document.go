package document

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

const (
	// MaxDocument is the size of the largest document that is read, in bytes.
	MaxDocument = 64 << 20
	// MaxContent is how many bytes of a document are decompressed. It bounds the time, to a few
	// seconds: a spreadsheet of 200,000 rows has as many.
	MaxContent = 64 << 20
)

var (
	// ErrTooLarge is returned, with what was read until then, for a document that has more than
	// MaxDocument or MaxContent.
	ErrTooLarge = errors.New("the document is too large")
	// ErrEncrypted is returned for a document that needs a password.
	ErrEncrypted = errors.New("the document is encrypted")
)

// PDF reads PDFs. Package pdf implements it. It is used by several goroutines at once.
type PDF interface {
	// Text returns the text of a PDF, of at most limit bytes, also with an error.
	Text(ctx context.Context, document []byte, limit int) (string, error)
}

// Reader reads text of documents. It can be used by several goroutines at once. The zero value is
// ready for use.
type Reader struct {
	PDF PDF // nil: PDFs are not read
}

// format is a kind of document.
type format int

const (
	unknown format = iota
	wordFormat
	sheetFormat
	slidesFormat
	openFormat
	rtfFormat
	pdfFormat
)

// mediaTypes are formats by media type.
var mediaTypes = map[string]format{
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   wordFormat,
	"application/vnd.openxmlformats-officedocument.wordprocessingml.template":   wordFormat,
	"application/vnd.ms-word.document.macroenabled.12":                          wordFormat,
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         sheetFormat,
	"application/vnd.openxmlformats-officedocument.spreadsheetml.template":      sheetFormat,
	"application/vnd.ms-excel.sheet.macroenabled.12":                            sheetFormat,
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": slidesFormat,
	"application/vnd.openxmlformats-officedocument.presentationml.slideshow":    slidesFormat,
	"application/vnd.openxmlformats-officedocument.presentationml.template":     slidesFormat,
	"application/vnd.ms-powerpoint.presentation.macroenabled.12":                slidesFormat,
	"application/vnd.oasis.opendocument.text":                                   openFormat,
	"application/vnd.oasis.opendocument.text-template":                          openFormat,
	"application/vnd.oasis.opendocument.spreadsheet":                            openFormat,
	"application/vnd.oasis.opendocument.presentation":                           openFormat,
	"application/vnd.oasis.opendocument.graphics":                               openFormat,
	"application/rtf": rtfFormat, "text/rtf": rtfFormat, "application/x-rtf": rtfFormat,
	"application/pdf": pdfFormat, "application/x-pdf": pdfFormat,
}

// extensions are formats by the ends of file names.
var extensions = map[string]format{
	".docx": wordFormat, ".dotx": wordFormat, ".docm": wordFormat, ".dotm": wordFormat,
	".xlsx": sheetFormat, ".xltx": sheetFormat, ".xlsm": sheetFormat, ".xltm": sheetFormat,
	".pptx": slidesFormat, ".ppsx": slidesFormat, ".potx": slidesFormat, ".pptm": slidesFormat, ".ppsm": slidesFormat,
	".odt": openFormat, ".ott": openFormat, ".ods": openFormat, ".ots": openFormat, ".odp": openFormat, ".otp": openFormat,
	".odg": openFormat, ".rtf": rtfFormat, ".pdf": pdfFormat,
}

// formatOf returns the format of a document. The name counts more: programs send documents under
// types of their own.
func formatOf(mediaType, name string) format {
	if f, ok := extensions[strings.ToLower(path.Ext(strings.TrimSpace(name)))]; ok {
		return f
	}
	return mediaTypes[mediaType]
}

// Reads reports whether documents of this media type, in lower case, or with this file name, can be
// read.
func (r Reader) Reads(mediaType, name string) bool {
	f := formatOf(mediaType, name)
	return f != unknown && (f != pdfFormat || r.PDF != nil)
}

// Text returns the text of a document, of at most limit bytes, in UTF-8. Paragraphs, rows and
// slides are lines. With an error, it returns what could be read nevertheless. An error concerns
// only the document, unless it is that of ctx.
func (r Reader) Text(ctx context.Context, mediaType, name string, document []byte, limit int) (string, error) {
	if len(document) > MaxDocument {
		return "", fmt.Errorf("%w: %d bytes", ErrTooLarge, len(document))
	}
	f := formatOf(mediaType, name)
	if f == pdfFormat && r.PDF != nil {
		return r.PDF.Text(ctx, document, limit)
	}
	w := &writer{ctx: ctx, limit: limit}
	err := w.read(f, document)
	if errors.Is(err, errFull) {
		err = nil
	}
	return validText(w.b.String(), limit), err
}

// validText returns a text as valid UTF-8 of at most limit bytes.
func validText(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

func (w *writer) read(f format, document []byte) error {
	switch f {
	case wordFormat, sheetFormat, slidesFormat, openFormat:
		return w.office(f, document)
	case rtfFormat:
		return w.rtf(document)
	}
	return errors.New("no document of a known kind")
}

// errFull ends the reading of a document when its text has the largest size.
var errFull = errors.New("the text is long enough")

// writer collects the text of a document.
type writer struct {
	ctx   context.Context
	b     strings.Builder
	limit int
	steps int
}

// text adds text.
func (w *writer) text(text []byte) error {
	if room := w.limit - w.b.Len(); len(text) > room {
		w.b.Write(text[:max(0, room)])
		return errFull
	}
	w.b.Write(text)
	return nil
}

// space separates words by a blank or a line break.
func (w *writer) space(c byte) error { return w.text([]byte{c}) }

// step returns the error of the context. It is called so often that it looks only now and then.
func (w *writer) step() error {
	if w.steps++; w.steps&0xfff == 0 {
		return w.ctx.Err()
	}
	return nil
}
