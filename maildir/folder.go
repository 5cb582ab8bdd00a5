package maildir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/tree"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// folder is a folder that messages are added to.
type folder struct {
	eol      EOL
	path     string
	root     *os.Root // as long as files is open
	files    *tree.Dir
	present  present
	keywords *keywords

	hasher    func() *chunk.Hasher // nil: strangers are not compared
	strangers *strangers           // nil until Missing is called with a message that is not present
}

// load reads what the folder holds.
func (f *folder) load(ctx context.Context) (err error) {
	if f.present, err = readPresent(ctx, f.root); err != nil {
		return err
	}
	f.keywords, err = readKeywords(f.root)
	return err
}

// Missing implements restore.Folder. It knows messages by the names of their files, and those that came in another way
// by their bytes.
func (f *folder) Missing(ctx context.Context, wanted []restore.Wanted) ([]int, error) {
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
	if f.strangers == nil {
		var err error
		if f.strangers, err = readStrangers(ctx, f.root, f.hasher); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(missing, func(i int) bool {
		_, there := f.strangers.take(wanted[i].Hash.Prefix())
		return there
	}), nil
}

// BatchSize: batches are made beneath; for a caller any number is good.
func (f *folder) BatchSize() (int, int64) { return 1000, 64 << 20 }

// Append implements restore.Folder. The messages have their names when the folder is closed.
func (f *folder) Append(ctx context.Context, messages []restore.Wanted) ([]restore.AppendResult, error) {
	if err := f.keywords.learn(ctx, f.root, messages); err != nil {
		return nil, tree.Explain(f.path, err)
	}
	fates := make([]restore.AppendResult, 0, len(messages))
	for i := range messages {
		fate, err := f.add(ctx, &messages[i])
		if err != nil {
			return fates, err
		}
		fates = append(fates, fate)
	}
	return fates, nil
}

// add writes one message. The error is for what ends the restore; a message that cannot be read is refused.
func (f *folder) add(ctx context.Context, m *restore.Wanted) (restore.AppendResult, error) {
	file := f.files.Create()
	size, err := f.write(ctx, file, m.Body)
	if err != nil {
		file.Discard()
		if refused := (*bodyError)(nil); errors.As(err, &refused) && ctx.Err() == nil {
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
	return restore.AppendResult{Added: true, FlagsLost: lostFlag(m.Flags), Changed: append(changed, dateChange(m.Internal, kept)...)}, nil
}

// bodyError is an error of the archive, not of the disk.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// write writes a message with its line ends, in a second attempt as it is, if the first finds that they cannot be LF.
func (f *folder) write(ctx context.Context, file *tree.File, body archive.Body) (sizes, error) {
	for eol := f.eol; ; eol = AsIs {
		w := lineWriter{to: file, eol: eol}
		err := body.WriteTo(ctx, &w)
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

// dateChange tells how a date differs from the archived one, if it does.
func dateChange(want mail.Date, have time.Time) []string {
	switch {
	case !want.IsReadable():
		return []string{fmt.Sprintf("INTERNALDATE %q cannot be read: 1970 stands for it", want.Raw)}
	case have.Unix() != want.Seconds:
		return []string{fmt.Sprintf("INTERNALDATE %s became %s, as the file system has it", want, have.UTC().Format(time.RFC3339))}
	}
	return nil
}

// Close gives what was added its names.
func (f *folder) Close() error { return f.files.Close() }
