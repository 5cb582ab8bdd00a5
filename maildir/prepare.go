package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/wholefile"
	"github.com/mailstrata/mailstrata/mail"
)

// Prepare makes the folders. Mailboxes that hold no messages need none in Maildir++, where each folder's name is whole.
func (t *Target) Prepare(ctx context.Context, mailboxes []mail.Mailbox) ([]archive.Place, []string, error) {
	layout := t.options.Layout
	folders := make([]location, len(mailboxes))
	for i := range mailboxes {
		folders[i] = layout.locate(&mailboxes[i])
	}
	if err := t.checkApart(mailboxes, folders); err != nil {
		return nil, nil, err
	}
	root, err := t.open()
	if err != nil {
		return nil, nil, err
	}
	m := maker{layout: layout, root: root, path: t.path}
	if err := m.make(location{inboxDir, inboxDir}, true); err != nil {
		return nil, nil, err
	}
	var notes []string
	places := make([]archive.Place, len(mailboxes))
	for i := range mailboxes {
		box, f := &mailboxes[i], folders[i]
		if err := errors.Join(ctx.Err(), m.make(f, box.Selectable())); err != nil {
			return nil, notes, err
		}
		places[i] = archive.Place{Mailbox: box.Name, Name: filepath.Join(t.path, filepath.FromSlash(f.dir)), Skip: !box.Selectable()}
		if f.isAltered(box) {
			notes = append(notes, fmt.Sprintf("mailbox %q is written as %q", box.Name, f.dir))
		}
	}
	if err := layout.subscribe(ctx, root, mailboxes, folders); err != nil {
		return nil, notes, wholefile.Explain(filepath.Join(t.path, subscriptionsFile), err)
	}
	return places, notes, m.sync(t.syncer)
}

// checkApart makes sure that no two mailboxes fall together, before anything is made.
func (t *Target) checkApart(mailboxes []mail.Mailbox, folders []location) error {
	exact := make(map[string]int)
	folded := make(map[string]string) // every directory and those above it, in lower case
	var alike [2]string
	for i, f := range folders {
		if j, ok := exact[f.dir]; ok {
			return fmt.Errorf("the mailboxes %q and %q would be the same folder, %s: restore one of them elsewhere",
				mailboxes[j].Raw, mailboxes[i].Raw, filepath.Join(t.path, f.dir))
		}
		exact[f.dir] = i
		for dir := f.dir; dir != "."; dir = path.Dir(dir) {
			other, ok := folded[strings.ToLower(dir)]
			if ok && other != dir {
				alike = [2]string{other, dir}
			}
			folded[strings.ToLower(dir)] = dir
		}
	}
	if alike[0] == "" {
		return nil
	}
	insensitive, err := ignoresCase(t.path)
	if err == nil && insensitive {
		err = fmt.Errorf("the folders %q and %q differ only in case, which the file system of %s does not tell apart: restore one of them elsewhere",
			alike[0], alike[1], t.path)
	}
	return err
}

// ignoresCase finds out how the file system that a path is on, or will be on, compares names.
func ignoresCase(at string) (bool, error) {
	for {
		_, err := os.Stat(at)
		parent := filepath.Dir(at)
		if !errors.Is(err, fs.ErrNotExist) || parent == at {
			break
		}
		at = parent
	}
	probe, err := os.MkdirTemp(at, ".mailstrata-CASE-")
	if err != nil {
		return false, wholefile.Explain(at, err)
	}
	defer os.Remove(probe)
	_, err = os.Lstat(filepath.Join(at, strings.ToLower(filepath.Base(probe))))
	return err == nil, nil
}

// maker makes folders.
type maker struct {
	layout Layout
	root   *os.Root
	path   string
	made   []string // directories in which something was made
}

// make makes a folder, or only its directory where it holds no messages.
func (m *maker) make(f location, holdsMail bool) error {
	err := m.tryMake(f, holdsMail)
	return wholefile.Explain(filepath.Join(m.path, filepath.FromSlash(f.dir)), err)
}

func (m *maker) tryMake(f location, holdsMail bool) error {
	if !holdsMail && m.layout == MaildirPP {
		return nil
	}
	if err := m.mkdirs(f.dir); err != nil {
		return err
	}
	if f.isCut() {
		if err := m.mkfile(path.Join(f.dir, nameFile), f.full+"\n"); err != nil {
			return err
		}
	}
	if !holdsMail {
		return nil
	}
	if m.layout == MaildirPP && f.dir != inboxDir {
		if err := m.mkfile(path.Join(f.dir, "maildirfolder"), ""); err != nil {
			return err
		}
	}
	for _, sub := range []string{"tmp", "new", "cur"} { // cur is what tells a Maildir from other directories: it comes last
		if err := m.mkdir(path.Join(f.dir, sub)); err != nil {
			return err
		}
	}
	return nil
}

// mkdirs makes a directory and those above it.
func (m *maker) mkdirs(dir string) error {
	if dir == "." {
		return nil
	}
	if err := m.mkdirs(path.Dir(dir)); err != nil {
		return err
	}
	return m.mkdir(dir)
}

func (m *maker) mkdir(dir string) error {
	err := m.root.Mkdir(dir, dirMode)
	if errors.Is(err, fs.ErrExist) {
		return checkDir(m.root, dir)
	}
	m.made = append(m.made, path.Dir(dir))
	return err
}

// mkfile makes a small file that is not there yet.
func (m *maker) mkfile(name, text string) error {
	file, err := m.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

// sync makes all that was made durable.
func (m *maker) sync(syncer *wholefile.Syncer) error {
	if len(m.made) == 0 {
		return nil
	}
	err := syncer.Sync()
	if errors.Is(err, errors.ErrUnsupported) {
		err = nil
		for _, dir := range m.made {
			err = errors.Join(err, wholefile.SyncDir(m.root, dir))
		}
	}
	return wholefile.Explain(m.path, err)
}

// checkFolder makes sure that a folder is one, and no link to anywhere: through it mail would fall into another folder.
func checkFolder(root *os.Root, dir string) error {
	for at := dir; at != "."; at = path.Dir(at) {
		if err := checkDir(root, at); err != nil {
			return err
		}
	}
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := checkDir(root, path.Join(dir, sub)); err != nil {
			return err
		}
	}
	return nil
}

func checkDir(root *os.Root, dir string) error {
	info, err := root.Lstat(dir)
	switch {
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link, and mail is not written through one", dir)
	case !info.IsDir():
		return fmt.Errorf("%s is in the way: it is no directory", dir)
	}
	return nil
}
