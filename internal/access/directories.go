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

// Where mailstrata keeps things on this host, unless told otherwise (XDG Base Directory Specification 0.8).

// dataDir holds the repository, and its key, of those who named none.
func (h *Host) dataDir() (string, error) {
	return h.ownDir("XDG_DATA_HOME", ".local/share", "Library/Application Support", "LocalAppData")
}

// CacheDir holds what can be fetched again.
func (h *Host) CacheDir() (string, error) {
	if h.Flags.CacheDir != "" {
		return h.Flags.CacheDir, nil
	}
	return h.ownDir("XDG_CACHE_HOME", ".cache", "Library/Caches", "LocalAppData")
}

// StateDir holds what cannot be had again, and can be done without: which repositories were seen, what was appended.
func (h *Host) StateDir() (string, error) {
	return h.ownDir("XDG_STATE_HOME", ".local/state", "Library/Application Support", "LocalAppData")
}

// Home is the user's own directory; "": it is not known.
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
			Text: fmt.Sprintf("%s is in another user's home directory, which only a shell knows", ui.Quote(path)),
			Hint: "write the whole path, or ./" + ui.Safe(path) + " for a directory of that name here",
		}
	case h.Home() == "":
		return "", fmt.Errorf("%s: HOME is not set: write the whole path", ui.Quote(path))
	}
	return filepath.Join(h.Home(), rest), nil
}

// ownDir is the directory "mailstrata" in the one that the variable names, or else in the usual place below the home
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
		return "", errors.New("HOME is not set: name the repository by --repo, the cache by --cache-dir, and set XDG_STATE_HOME")
	case runtime.GOOS == "darwin":
		return filepath.Join(home, mac, "mailstrata"), nil
	}
	return filepath.Join(home, unix, "mailstrata"), nil
}
