package access

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// KeyFile returns the key file that opens the repository, or "" if a passphrase does.
func (l *Location) KeyFile() string {
	k := l.Keys()
	if k.keyFile != "" {
		return k.keyFile
	}
	if _, err := os.Stat(l.ownKey); l.ownKey != "" && err == nil && !k.Given {
		return l.ownKey
	}
	return ""
}

// RemindOfKey prints a note at each backup into the user's own repository, until the user has
// copied the repository or its key. The backup that makes the repository has said so already. For
// other repositories only doctor does so, because their owner chose where the key is.
func (l *Location) RemindOfKey(r *repo.Repo) {
	key := l.KeyBeside(r)
	if key == "" || !l.Own || l.made {
		return
	}
	l.host.Output.Note("note: the key %s is beside the repository; one accident can destroy both. Without the key the archive cannot be read.", ui.Safe(key))
	l.host.Output.Note("mailstrata key export FILE writes a copy of the key to another disk; mailstrata copy fills a second repository.")
}

// KeyBeside returns the owner's key file that opens the repository, if it is beside it and no copy
// of either is known.
func (l *Location) KeyBeside(r *repo.Repo) string {
	key := l.KeyFile()
	if key == "" || l.path == "" || !beside(key, l.path) || !r.CanRemove() {
		return ""
	}
	memory, err := l.host.copyMarker(r)
	if err != nil {
		return ""
	}
	if _, err := os.Stat(memory); err == nil {
		return ""
	}
	return key
}

// beside reports whether a file is in the directory of the repository, or in the one above.
func beside(file, directory string) bool {
	file, errFile := filepath.Abs(file)
	directory, err := filepath.Abs(directory)
	if errFile != nil || err != nil {
		return false
	}
	return filepath.Dir(file) == filepath.Dir(directory) ||
		strings.HasPrefix(file, directory+string(filepath.Separator))
}

// copyMarker is the file whose presence means that the key or the repository was copied.
func (h *Host) copyMarker(r *repo.Repo) (string, error) {
	state, err := h.StateDir()
	return filepath.Join(state, "copied-"+r.ID()), err
}

// RecordCopy makes the file of copyMarker. If that fails, the next backup reminds the user again.
func (h *Host) RecordCopy(r *repo.Repo) {
	memory, err := h.copyMarker(r)
	if err == nil && os.MkdirAll(filepath.Dir(memory), 0o700) == nil {
		_ = os.WriteFile(memory, nil, 0o600)
	}
}
