package main

import (
	"cmp"
	"errors"
	"path/filepath"
	"runtime"
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
