package access

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// The directories of mailstrata on this host follow the XDG Base Directory Specification 0.8.

// dataDir returns the directory of the user's own repository and its key file.
func (h *Host) dataDir() (string, error) {
	return h.ownDir("XDG_DATA_HOME", ".local/share", "Library/Application Support", "LocalAppData")
}

// CacheDir returns the directory for data that can be fetched again.
func (h *Host) CacheDir() (string, error) {
	if h.Flags.CacheDir != "" {
		return h.Flags.CacheDir, nil
	}
	return h.ownDir("XDG_CACHE_HOME", ".cache", "Library/Caches", "LocalAppData")
}

// StateDir returns the directory for data that cannot be fetched again, but is not essential: which repositories this
// host has seen, what a restore appended.
func (h *Host) StateDir() (string, error) {
	return h.ownDir("XDG_STATE_HOME", ".local/state", "Library/Application Support", "LocalAppData")
}

// Home returns the home directory of the user, or "".
func (h *Host) Home() string { return cmp.Or(h.Getenv("HOME"), h.Getenv("USERPROFILE")) }

// Expand expands a path that begins with "~", as shells do. Shells do not expand it after "=" and ":". A directory
// called "~" is dangerous: people remove it, and the home directory with it.
func (h *Host) Expand(path string) (string, error) {
	rest, tilde := strings.CutPrefix(path, "~")
	switch {
	case !tilde:
		return path, nil
	case rest != "" && !os.IsPathSeparator(rest[0]):
		return "", &hint.Usage{
			Text: fmt.Sprintf("%s is in another user's home directory, which only a shell can expand", ui.Quote(path)),
			Hint: "use an absolute path, or ./" + ui.Safe(path) + " for a directory of that name here",
		}
	case h.Home() == "":
		return "", fmt.Errorf("%s: HOME is not set: use an absolute path", ui.Quote(path))
	}
	return filepath.Join(h.Home(), rest), nil
}

// ownDir returns the directory "mailstrata" in the directory of the variable, or else in the usual one below the home
// directory.
func (h *Host) ownDir(variable, unix, mac, windows string) (string, error) {
	if dir := h.Getenv(variable); filepath.IsAbs(dir) {
		return filepath.Join(dir, "mailstrata"), nil
	}
	home := h.Home()
	switch {
	case runtime.GOOS == "windows" && h.Getenv(windows) != "":
		return filepath.Join(h.Getenv(windows), "mailstrata"), nil
	case home == "":
		return "", errors.New("HOME is not set: use --repo and --cache-dir, and set XDG_STATE_HOME")
	case runtime.GOOS == "darwin":
		return filepath.Join(home, mac, "mailstrata"), nil
	}
	return filepath.Join(home, unix, "mailstrata"), nil
}
