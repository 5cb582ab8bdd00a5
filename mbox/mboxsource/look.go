package mboxsource

import (
	"bytes"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/mailstrata/mailstrata/internal/mailfile"
	"github.com/mailstrata/mailstrata/mbox"
)

// errNoLonger reports that a file was archived as an mbox and does not look like one now. Its
// messages stay as they are archived.
var errNoLonger = errors.New("it is archived as an mbox, and does not begin with a From line any more")

// look returns the size of a file. The error is mbox.ErrNotMbox if it is no mbox; a note says so if
// its name is that of one.
func (w *walk) look(name string) (int64, error) {
	open, info, err := mailfile.Open(w.Root, name)
	if err != nil {
		return 0, err
	}
	beginning := make([]byte, maxFrom)
	n, err := open.ReadAt(beginning, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err = errors.Join(err, open.Close()); err != nil {
		return 0, err
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(beginning[:n], []byte(mbox.BOM)), "\r\n")
	line, next, _ := bytes.Cut(text, []byte("\n"))
	isMbox := mbox.IsFromLine(line, next)
	messages, archived := w.store.archived[w.Wanted(name).Raw]
	switch {
	case isMbox:
		return info.Size(), nil
	case len(text) == 0 && int64(n) == info.Size() && (archived || w.isNamed(name) || w.hasSummary(name)):
		return info.Size(), nil // it is empty
	case messages > 0:
		return 0, errNoLonger
	case bytes.HasPrefix(line, []byte("From ")):
		w.Note(name, "is no mbox: its first line has no date")
	case bytes.Equal(bytes.TrimRight(line, "\r"), []byte(separatorMMDF)):
		w.Note(name, "is an MMDF file (lines of four Control-A), and is left out: convert it to mbox, as mutt does")
	case isCompressed(name):
		w.Note(name, "is compressed, and is left out: decompress it")
	case w.isNamed(name):
		w.Note(name, "is no mbox, and is left out: it does not begin with a From line")
	}
	return 0, mbox.ErrNotMbox
}

// separatorMMDF is the line before and after each message of an MMDF file.
const separatorMMDF = "\x01\x01\x01\x01"

// isNamed reports whether a file has the name of an mbox: X.mbox, or X.mbox/mbox of Apple Mail.
func (*walk) isNamed(name string) bool {
	return strings.HasSuffix(name, ".mbox") || path.Base(name) == "mbox" && strings.HasSuffix(path.Dir(name), ".mbox")
}

// hasSummary reports whether Thunderbird has its summary of an mbox beside a file.
func (w *walk) hasSummary(name string) bool {
	info, err := w.Root.Lstat(name + ".msf")
	return err == nil && info.Mode().IsRegular()
}

// isCompressed reports whether a file has the name of an mbox that is compressed.
func isCompressed(name string) bool {
	switch ext := path.Ext(name); strings.ToLower(ext) {
	case ".gz", ".bz2", ".xz", ".zst", ".zip", ".tgz":
		return strings.Contains(strings.ToLower(path.Base(name)), "mbox")
	}
	return false
}
