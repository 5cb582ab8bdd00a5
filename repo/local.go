package repo

import (
	"os"
	"path/filepath"
	"strings"
)

// DropLocal removes from this host's cache what may hold erased content: the named manifests, the mailbox tables of their
// accounts, and the spills of killed runs, which the next run downloads again. It returns the number of spill files of runs
// under way, which go when the runs end. Other caches hold no content: the index has only keyed prefixes.
func (r *Repo) DropLocal(manifests []string) (left int) {
	for _, name := range manifests {
		_ = os.Remove(r.cache.path(name))
		if h, ok := parseManifestName(name); ok {
			_ = os.Remove(r.cache.path(cachedName(h.Account)))
		}
	}
	accounts, _ := os.ReadDir(r.cache.spills())
	for _, account := range accounts {
		parent := filepath.Join(r.cache.spills(), account.Name())
		runs, _ := os.ReadDir(parent)
		for _, run := range runs {
			if strings.HasPrefix(run.Name(), ".") {
				continue // a run that is just beginning
			}
			dir := filepath.Join(parent, run.Name())
			lock, err := lockDir(dir)
			if err != nil { // a run is at work there
				left += len(spillFiles(dir))
				continue
			}
			_ = os.RemoveAll(dir)
			_ = lock.Close()
		}
		_ = os.Remove(parent) // if nothing is left there
	}
	return left
}
