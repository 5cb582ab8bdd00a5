package maildir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/lineend"
	"github.com/mailstrata/mailstrata/internal/tree"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// folder implements restore.Folder and, for a preview, restore.ReadFolder.
type folder struct {
	eol      EOL
	path     string
	root     *os.Root // as long as files is open
	files    *tree.Dir
	present  present
	keywords *keywords
	lines    []byte // the buffer of lineWriters

	hasher  func() *chunk.Hasher // nil: foreign files are not compared
	foreign *foreignFiles        // nil until Missing needs it
}

// load lists the messages and keywords of the folder.
func (f *folder) load(ctx context.Context) (err error) {
	if f.present, err = readPresent(ctx, f.root); err != nil {
		return err
	}
	f.keywords, err = readKeywords(f.root)
	return err
}

// Missing implements restore.Folder. It recognizes messages by their file names, and messages of
// other programs by their bytes.
func (f *folder) Missing(ctx context.Context, wanted []restore.Message) ([]int, error) {
	var missing []int
	seen := make(map[chunk.Prefix]int)
	for i := range wanted {
		hash := wanted[i].Hash.Prefix()
		seen[hash]++
		if seen[hash] > len(f.present.copies(hash)) {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return missing, nil
	}
	if f.foreign == nil {
		var err error
		if f.foreign, err = readForeign(ctx, f.root, f.hasher); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(missing, func(i int) bool {
		_, there := f.foreign.match(wanted[i].Hash.Prefix())
		return there
	}), nil
}

// BatchSize implements restore.Folder. Package tree makes batches of its own, so any size is fine.
func (f *folder) BatchSize() (int, int64) { return 1000, 64 << 20 }

// Append implements restore.Folder. The files of the messages get their names when the folder is
// closed.
func (f *folder) Append(ctx context.Context, messages []restore.Message) ([]restore.AppendResult, error) {
	if err := f.keywords.assign(ctx, f.root, messages); err != nil {
		return nil, tree.Explain(f.path, err)
	}
	results := make([]restore.AppendResult, 0, len(messages))
	for i := range messages {
		result, err := f.add(ctx, &messages[i])
		if err != nil {
			return results, err
		}
		results = append(results, result)
	}
	return results, nil
}

// add writes one message. A message that cannot be read is refused; other errors end the restore.
func (f *folder) add(ctx context.Context, m *restore.Message) (restore.AppendResult, error) {
	file := f.files.Create()
	size, err := f.writeBody(ctx, file, m)
	if err != nil {
		file.Discard()
		if refused, ok := errors.AsType[*bodyError](err); ok && ctx.Err() == nil {
			return restore.AppendResult{Refused: refused.err}, nil
		}
		return restore.AppendResult{}, err
	}
	letters, changed := f.keywords.flagLetters(m.Flags)
	date := time.Unix(m.Internal.Seconds, 0)
	name := fileName(m, f.present.nextCopy(m.Hash.Prefix()), size, letters)
	kept, err := file.Keep(name, date)
	if err != nil {
		return restore.AppendResult{}, err
	}
	changed = append(changed, dateChange(m.Internal, kept)...)
	return restore.AppendResult{Added: true, FlagsLost: lostFlag(m.Flags), Changed: changed}, nil
}

// bodyError is an error of the archive and not of the disk.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// writeBody writes a message with the wanted line ends. If they cannot all become LF, it writes the
// message again, unchanged.
func (f *folder) writeBody(ctx context.Context, file *tree.File, m *restore.Message) (sizes, error) {
	if f.lines == nil {
		f.lines = make([]byte, linesBuffer)
	}
	eol := f.eol
	if eol == Auto && m.Form.Lines == mail.LinesKept { // the file that it is from had these
		eol = AsIs
	}
	for ; ; eol = AsIs {
		w := lineWriter{to: file, eol: eol, buf: f.lines[:0]}
		if eol == Auto && m.Form.Ends != "" {
			w.ends = lineend.NewCursor(m.Form.Ends)
		}
		err := m.Body.WriteTo(ctx, &w)
		switch {
		case errors.Is(w.err, errMixed):
			if err := file.Restart(); err != nil {
				return sizes{}, err
			}
		case w.err != nil:
			return sizes{}, w.err
		case err != nil:
			return sizes{}, &bodyError{err}
		default:
			err := w.Flush()
			return w.sizes, err
		}
	}
}

// dateChange returns how the date of a file differs from the archived one, or nil.
func dateChange(want mail.Date, have time.Time) []string {
	switch {
	case !want.IsReadable():
		return []string{fmt.Sprintf("INTERNALDATE %q is not a date; the file has the date 1970-01-01", want.Raw)}
	case have.Unix() != want.Seconds:
		stored := have.UTC().Format(time.RFC3339)
		return []string{fmt.Sprintf("INTERNALDATE %s became %s, which the file system can store", want, stored)}
	}
	return nil
}

// Close gives the added files their names.
func (f *folder) Close() error { return f.files.Close() }

// readFolder is a folder that is open for reading.
type readFolder struct{ *folder }

// Close implements restore.ReadFolder.
func (f *readFolder) Close() error { return f.root.Close() }
