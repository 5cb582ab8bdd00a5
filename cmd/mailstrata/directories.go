package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"

	"github.com/alecthomas/kong"
)

// Where mailstrata keeps things on this host, unless told otherwise (XDG Base Directory Specification 0.8).

// dataDir holds the repository, and its key, of those who named none.
func (p *program) dataDir() (string, error) {
	return p.ownDir("XDG_DATA_HOME", ".local/share", "Library/Application Support", "LocalAppData")
}

// cacheDir holds what can be fetched again.
func (p *program) cacheDir() (string, error) {
	if p.flags.CacheDir != "" {
		return p.flags.CacheDir, nil
	}
	return p.ownDir("XDG_CACHE_HOME", ".cache", "Library/Caches", "LocalAppData")
}

// stateDir holds what cannot be had again, and can be done without: which repositories were seen, what was appended.
func (p *program) stateDir() (string, error) {
	return p.ownDir("XDG_STATE_HOME", ".local/state", "Library/Application Support", "LocalAppData")
}

// home is the user's own directory; "": it is not known.
func (p *program) home() string { return cmp.Or(p.getenv("HOME"), p.getenv("USERPROFILE")) }

// atHome expands a path that begins with "~", as shells do. Shells do not expand it after "=" and ":". A directory
// called "~" is dangerous: people remove it, and the home directory with it.
func (p *program) atHome(path string) (string, error) {
	rest, tilde := strings.CutPrefix(path, "~")
	switch {
	case !tilde:
		return path, nil
	case rest != "" && !os.IsPathSeparator(rest[0]):
		return "", &usageError{
			text: fmt.Sprintf("%s is in another user's home directory, which only a shell knows", quoted(path)),
			hint: "write the whole path, or ./" + safe(path) + " for a directory of that name here",
		}
	case p.home() == "":
		return "", fmt.Errorf("%s: HOME is not set: write the whole path", quoted(path))
	}
	return filepath.Join(p.home(), rest), nil
}

// readPath reads a flag that is a path. The home directory is HOME; "-" is not a path.
func (p *program) readPath(flag *kong.DecodeContext, target reflect.Value) error {
	var path string
	err := flag.Scan.PopValueInto("file", &path)
	if err == nil && path != "" && path != "-" {
		if path, err = p.atHome(path); err == nil {
			path, err = filepath.Abs(path)
		}
	}
	target.SetString(path)
	return err
}

// ownDir is the directory "mailstrata" in the one that the variable names, or else in the usual place below the home
// directory.
func (p *program) ownDir(variable, unix, mac, windows string) (string, error) {
	if dir := p.getenv(variable); filepath.IsAbs(dir) {
		return filepath.Join(dir, "mailstrata"), nil
	}
	home := p.home()
	switch {
	case runtime.GOOS == "windows" && p.getenv(windows) != "":
		return filepath.Join(p.getenv(windows), "mailstrata"), nil
	case home == "":
		return "", errors.New("HOME is not set: name the repository by --repo, the cache by --cache-dir, and set XDG_STATE_HOME")
	case runtime.GOOS == "darwin":
		return filepath.Join(home, mac, "mailstrata"), nil
	}
	return filepath.Join(home, unix, "mailstrata"), nil
}
