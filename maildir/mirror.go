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

// mirror implements restore.Mirror: the files of a folder, without those that were required.
type mirror struct {
	t     *Target
	place restore.Place

	ours     map[chunk.Prefix][]string // files of mailstrata that are not required yet, as sub/name
	foreign  *foreignFiles             // files of other programs
	keywords keywords                  // as they would be with those of all required messages
	other    map[string]mail.Flags     // required files that have other flags than these
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
	m := &mirror{t: t, place: place, ours: make(map[chunk.Prefix][]string), other: make(map[string]mail.Flags)}
	err = eachFile(ctx, root, func(file string) {
		if hash, _, ok := parseFileName(path.Base(file)); ok {
			m.ours[hash] = append(m.ours[hash], file)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", place.Name, err)
	}
	if m.foreign, err = readForeign(ctx, root, t.hasher); err != nil {
		return nil, fmt.Errorf("read %s: %w", place.Name, err)
	}
	known, err := readKeywords(root)
	if err != nil {
		return nil, err
	}
	m.keywords = *known
	return m, nil
}

// Require implements restore.Mirror. Of several copies, the oldest one in cur stays.
func (m *mirror) Require(ctx context.Context, wanted []restore.Message) (missing int, err error) {
	files := make([]string, len(wanted))
	for i := range wanted {
		hash := wanted[i].Hash.Prefix()
		if ours := m.ours[hash]; len(ours) > 0 {
			slices.Sort(ours)
			files[i], m.ours[hash] = ours[0], ours[1:]
		} else if name, ok := m.foreign.match(hash); ok {
			files[i] = name
		}
	}
	if slices.Contains(files, "") {
		if err := m.requireSimilar(ctx, wanted, files); err != nil {
			return 0, err
		}
	}
	for i, file := range files {
		if file == "" {
			missing++
			continue
		}
		for _, keyword := range wanted[i].Flags.Keywords() {
			m.keywords.add(keyword)
		}
		letters, _ := m.keywords.flagLetters(wanted[i].Flags)
		if letters != flagLettersOf(file) || !strings.HasPrefix(file, "cur/") {
			m.other[file] = wanted[i].Flags
		}
	}
	return missing, nil
}

// requireSimilar matches similar messages, as a restore does: it adds no second copy, so the
// similar one must stay.
func (m *mirror) requireSimilar(ctx context.Context, wanted []restore.Message, files []string) error {
	root, err := os.OpenRoot(m.place.Name)
	if err != nil {
		return tree.Explain(m.place.Name, err)
	}
	defer root.Close()
	return m.foreign.matchSimilar(ctx, root, wanted, files)
}

// flagLettersOf returns the letters in the name of a file, sorted.
func flagLettersOf(name string) string {
	_, info, _ := cutInfo(name)
	letters := []byte(strings.TrimPrefix(info, "2,"))
	slices.Sort(letters)
	return string(slices.Compact(letters))
}

// cutInfo splits the name of a file at the mark before its flags.
func cutInfo(name string) (unique, info string, found bool) {
	return strings.Cut(path.Base(name), string(infoMark))
}

// surplusFiles returns the files that are not required, by the constant part of their names.
func (m *mirror) surplusFiles() map[string]string {
	files := make(map[string]string)
	add := func(name string) {
		unique, _, _ := cutInfo(name)
		files[unique] = name
	}
	for _, names := range m.ours {
		for _, name := range names {
			add(name)
		}
	}
	for name := range m.foreign.unmatched {
		add(name)
	}
	return files
}

// Surplus implements restore.Mirror.
func (m *mirror) Surplus() (surplus, reflagged int64) {
	return int64(len(m.surplusFiles())), int64(len(m.other))
}

// Close implements restore.Mirror.
func (m *mirror) Close() error { return nil }

// Apply implements restore.Mirror. It makes added messages durable before it removes others.
func (m *mirror) Apply(ctx context.Context, earlier restore.Mirror) (done restore.MirrorResult, err error) {
	before, ok := earlier.(*mirror)
	if !ok {
		return done, errors.ErrUnsupported
	}
	due := m.surplusFiles()
	planned := before.surplusFiles()
	maps.DeleteFunc(due, func(unique, _ string) bool { return planned[unique] == "" })
	if len(due)+len(m.other) == 0 {
		return done, nil
	}
	top, dir, err := m.t.At(m.place)
	if err != nil {
		return done, err
	}
	if err := errors.Join(top.Check(path.Join(dir, "cur"), path.Join(dir, "new")), top.Settle()); err != nil {
		return done, err
	}
	root, err := top.Root().OpenRoot(dir)
	if err != nil {
		return done, tree.Explain(m.place.Name, err)
	}
	defer root.Close()
	if done.Reflagged, err = m.setFlags(ctx, root); err != nil {
		return done, tree.Explain(m.place.Name, err)
	}
	for _, name := range due {
		switch err := errors.Join(ctx.Err(), root.Remove(name)); {
		case errors.Is(err, fs.ErrNotExist): // another program has moved or removed it
			done.Left++
		case err != nil:
			return done, tree.Explain(m.place.Name, err)
		default:
			done.Removed++
		}
	}
	return done, nil
}

// setFlags renames files whose names have the wrong flags.
func (m *mirror) setFlags(ctx context.Context, root *os.Root) (changed int64, err error) {
	var wanted []restore.Message
	for _, flags := range m.other {
		wanted = append(wanted, restore.Message{Flags: flags})
	}
	known, err := readKeywords(root)
	if err != nil {
		return 0, err
	}
	if err := known.assign(ctx, root, wanted); err != nil {
		return 0, err
	}
	for name, flags := range m.other {
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
