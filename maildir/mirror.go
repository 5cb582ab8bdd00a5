package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/tree"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

var _ restore.Mirrorer = (*Target)(nil)

// weeding is what a folder held, and what of it is too much.
type weeding struct {
	t     *Target
	place restore.Place

	ours     map[chunk.Prefix][]string // files that nobody has asked for yet, by message, as sub/name
	foreign  *strangers                // files that are not ours
	keywords keywords                  // as they would be if all were there that are wanted
	other    map[string]mail.Flags     // files that stay, and the flags that they should have and do not
}

// OpenMirror implements restore.Mirrorer.
func (t *Target) OpenMirror(ctx context.Context, place restore.Place) (restore.Mirror, error) {
	root, err := os.OpenRoot(place.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", mail.ErrNoMailbox, place.Name)
	}
	if err != nil {
		return nil, tree.Explain(place.Name, err)
	}
	defer root.Close()
	w := &weeding{t: t, place: place, ours: make(map[chunk.Prefix][]string), other: make(map[string]mail.Flags)}
	for _, sub := range []string{"cur", "new"} {
		if err := w.list(ctx, root, sub); err != nil {
			return nil, fmt.Errorf("read %s: %w", place.Name, err)
		}
	}
	if w.foreign, err = readStrangers(ctx, root, t.hasher); err != nil {
		return nil, fmt.Errorf("read %s: %w", place.Name, err)
	}
	known, err := readKeywords(root)
	if err != nil {
		return nil, err
	}
	w.keywords = *known
	return w, nil
}

// list adds the files in cur or new that are ours.
func (w *weeding) list(ctx context.Context, root *os.Root, sub string) error {
	return eachFile(ctx, root, sub, func(name string) {
		if hash, _, ok := parseFileName(name); ok {
			w.ours[hash] = append(w.ours[hash], path.Join(sub, name))
		}
	})
}

// Require implements restore.Mirror. Of several copies the one in cur that was there first stays.
func (w *weeding) Require(ctx context.Context, wanted []restore.Wanted) (missing int, err error) {
	files := make([]string, len(wanted))
	for i := range wanted {
		hash := wanted[i].Hash.Prefix()
		if ours := w.ours[hash]; len(ours) > 0 {
			slices.Sort(ours)
			files[i], w.ours[hash] = ours[0], ours[1:]
		} else if name, ok := w.foreign.take(hash); ok {
			files[i] = name
		}
	}
	if slices.Contains(files, "") {
		if err := w.resemble(ctx, wanted, files); err != nil {
			return 0, err
		}
	}
	for i, file := range files {
		if file == "" {
			missing++
			continue
		}
		for _, keyword := range wanted[i].Flags.Keywords() {
			w.keywords.add(keyword)
		}
		if letters, _ := w.keywords.flagLetters(wanted[i].Flags); letters != lettersOf(file) || !strings.HasPrefix(file, "cur/") {
			w.other[file] = wanted[i].Flags
		}
	}
	return missing, nil
}

// resemble keeps what a restore takes for a wanted message, too: it adds no second copy, so this one must stay.
func (w *weeding) resemble(ctx context.Context, wanted []restore.Wanted, files []string) error {
	root, err := os.OpenRoot(w.place.Name)
	if err != nil {
		return tree.Explain(w.place.Name, err)
	}
	defer root.Close()
	return w.foreign.resemble(ctx, root, wanted, files)
}

// lettersOf are the flags that a file's name tells, in order.
func lettersOf(name string) string {
	_, info, _ := cutInfo(name)
	letters := []byte(strings.TrimPrefix(info, "2,"))
	slices.Sort(letters)
	return string(slices.Compact(letters))
}

// cutInfo divides a file's name at the mark before its flags.
func cutInfo(name string) (unique, info string, found bool) {
	return strings.Cut(path.Base(name), string(infoMark))
}

// surplus are the files that nobody asked for, by the part of their names that stays.
func (w *weeding) surplus() map[string]string {
	files := make(map[string]string)
	add := func(name string) {
		unique, _, _ := cutInfo(name)
		files[unique] = name
	}
	for _, names := range w.ours {
		for _, name := range names {
			add(name)
		}
	}
	for name := range w.foreign.left {
		add(name)
	}
	return files
}

// Surplus implements restore.Mirror.
func (w *weeding) Surplus() (surplus, reflagged int64) {
	return int64(len(w.surplus())), int64(len(w.other))
}

// Close implements restore.Mirror. Nothing is open.
func (w *weeding) Close() error { return nil }

// Apply implements restore.Mirror. What was added is made durable before anything is removed.
func (w *weeding) Apply(ctx context.Context, earlier restore.Mirror) (done restore.MirrorResult, err error) {
	before, ok := earlier.(*weeding)
	if !ok {
		return done, errors.ErrUnsupported
	}
	due := w.surplus()
	planned := before.surplus()
	maps.DeleteFunc(due, func(unique, _ string) bool { return planned[unique] == "" })
	if len(due)+len(w.other) == 0 {
		return done, nil
	}
	top, err := w.t.open()
	if err != nil {
		return done, err
	}
	dir, err := top.Rel(w.place.Name)
	if err != nil {
		return done, err
	}
	if err := errors.Join(top.Check(path.Join(dir, "cur"), path.Join(dir, "new")), top.Settle()); err != nil {
		return done, err
	}
	root, err := top.Root().OpenRoot(dir)
	if err != nil {
		return done, tree.Explain(w.place.Name, err)
	}
	defer root.Close()
	if done.Reflagged, err = w.setFlags(ctx, root); err != nil {
		return done, tree.Explain(w.place.Name, err)
	}
	for _, name := range due {
		switch err := errors.Join(ctx.Err(), root.Remove(name)); {
		case errors.Is(err, fs.ErrNotExist): // another program has moved or removed it
			done.Left++
		case err != nil:
			return done, tree.Explain(w.place.Name, err)
		default:
			done.Removed++
		}
	}
	return done, nil
}

// setFlags renames files so that their names tell the right flags.
func (w *weeding) setFlags(ctx context.Context, root *os.Root) (changed int64, err error) {
	var wanted []restore.Wanted
	for _, flags := range w.other {
		wanted = append(wanted, restore.Wanted{Flags: flags})
	}
	known, err := readKeywords(root)
	if err != nil {
		return 0, err
	}
	if err := known.learn(ctx, root, wanted); err != nil {
		return 0, err
	}
	for name, flags := range w.other {
		unique, _, _ := cutInfo(name)
		letters, _ := known.flagLetters(flags)
		to := path.Join("cur", fmt.Sprintf("%s%c2,%s", unique, infoMark, letters))
		if to == name {
			continue
		}
		switch err := errors.Join(ctx.Err(), root.Rename(name, to)); {
		case err == nil:
			changed++
		case !errors.Is(err, fs.ErrNotExist):
			return changed, err
		}
	}
	return changed, nil
}
