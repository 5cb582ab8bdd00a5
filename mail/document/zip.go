package document

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxEntries is the largest number of entries of an archive. A presentation has some thousand.
const maxEntries = 20_000

// archive is a document that is a zip archive. All that is read of it comes out of one budget.
type archive struct {
	*zip.Reader
	budget int64
}

// compoundMagic begins the Compound File Binary Format (MS-CFB): an old document of Microsoft's
// programs, or an encrypted one.
const compoundMagic = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

func openArchive(document []byte) (*archive, error) {
	if bytes.HasPrefix(document, []byte(compoundMagic)) {
		return nil, fmt.Errorf("%w, or of an old format", ErrEncrypted)
	}
	r, err := zip.NewReader(bytes.NewReader(document), int64(len(document)))
	if err != nil {
		return nil, err
	}
	if len(r.File) > maxEntries {
		return nil, fmt.Errorf("%w: %d entries", ErrTooLarge, len(r.File))
	}
	return &archive{r, MaxContent}, nil
}

// open returns a reader of an entry. It returns ErrTooLarge when the budget is spent.
func (a *archive) open(file *zip.File) (io.ReadCloser, error) {
	const encryptedFlag = 1 // APPNOTE.TXT section 4.4.4
	if file.Flags&encryptedFlag != 0 {
		return nil, ErrEncrypted
	}
	r, err := file.Open()
	if err != nil {
		return nil, err
	}
	return &entryReader{r, a}, nil
}

type entryReader struct {
	io.ReadCloser
	archive *archive
}

func (r *entryReader) Read(b []byte) (int, error) {
	budget := r.archive.budget
	if budget == 0 {
		return 0, ErrTooLarge
	}
	n, err := r.ReadCloser.Read(b[:min(int64(len(b)), budget)])
	r.archive.budget -= int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the archive is cut off")
	}
	return n, err
}
