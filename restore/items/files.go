package items

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/safename"
	"github.com/mailstrata/mailstrata/manifest"
)

// kinds has the directory of each kind, and how its files end.
var kinds = map[manifest.SourceKind]struct{ dir, end string }{
	manifest.Sieve:        {"sieve", ".sieve"},
	manifest.Calendars:    {"calendars", ".ics"},
	manifest.AddressBooks: {"addressbooks", ".vcf"},
}

// ToFiles writes items as files: sieve/NAME.sieve, calendars/CALENDAR/NAME.ics and
// addressbooks/BOOK/NAME.vcf below dir, with the bytes that were archived.
func ToFiles(ctx context.Context, dir string, o Options) (Report, error) {
	j := &job{Options: o}
	if o.DryRun {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return j.report, j.sources(ctx, func(s *manifest.ItemSource) error { return j.dryFiles(ctx, s) })
		}
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return j.report, local.Fail("make the directory", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return j.report, local.Fail("open the directory", dir, err)
	}
	defer root.Close()
	return j.report, j.sources(ctx, func(s *manifest.ItemSource) error {
		taken := make(map[string]bool) // directories, in lower case
		for i := range s.Collections {
			f := &toFiles{job: j, root: root, source: s, from: &s.Collections[i], taken: make(map[string]bool)}
			f.dir = kinds[s.Kind].dir
			if s.Kind != manifest.Sieve {
				name := fileName(root, f.dir, cmp.Or(f.from.Name, lastSegment(f.from.Path)), "")
				f.dir = path.Join(f.dir, distinct(taken, name, f.from.Path, ""))
			}
			if err := f.run(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// dryFiles reports what would be written to a directory that does not exist.
func (j *job) dryFiles(ctx context.Context, s *manifest.ItemSource) error {
	for i := range s.Collections {
		items, err := j.wanted(ctx, s, &s.Collections[i])
		if err != nil {
			return err
		}
		for _, it := range items {
			j.done(Event{s.Kind, s.Collections[i].Title(), it.Name, Added, nil})
		}
	}
	return nil
}

// toFiles writes one collection.
type toFiles struct {
	*job
	root   *os.Root
	source *manifest.ItemSource
	from   *manifest.Collection
	dir    string
	taken  map[string]bool // names of files, in lower case
}

func (f *toFiles) run(ctx context.Context) error {
	items, err := f.wanted(ctx, f.source, f.from)
	if err != nil || len(items) == 0 {
		return err
	}
	if !f.DryRun {
		if err := f.root.MkdirAll(f.dir, 0o700); err != nil {
			return local.Fail("make the directory", f.dir, err)
		}
	}
	for i := range items {
		content, ok, err := f.content(ctx, f.source, f.from, &items[i])
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		end := kinds[f.source.Kind].end
		name := items[i].Name
		if decoded, err := url.PathUnescape(name); err == nil && f.source.Kind != manifest.Sieve {
			name = decoded
		}
		name = path.Join(f.dir, distinct(f.taken, fileName(f.root, f.dir, name, end), items[i].Name, end))
		outcome, err := f.write(name, content)
		if err != nil {
			return local.Fail("write", name, err)
		}
		f.done(Event{f.source.Kind, f.from.Title(), items[i].Name, outcome, nil})
	}
	return nil
}

// write writes a file, unless there is one. The file gets its name when it is complete.
func (f *toFiles) write(name string, content []byte) (Outcome, error) {
	outcome := Added
	if there, err := f.root.ReadFile(name); err == nil {
		switch {
		case bytes.Equal(there, content):
			return Present, nil
		case !f.Overwrite:
			return Differing, nil
		}
		outcome = Replaced
	} else if !errors.Is(err, fs.ErrNotExist) {
		return Failed, err
	}
	if f.DryRun {
		return outcome, nil
	}
	temporary := path.Join(f.dir, ".mailstrata-"+rand.Text())
	err := f.root.WriteFile(temporary, content, 0o600)
	if err == nil {
		err = f.root.Rename(temporary, name)
	}
	if err != nil {
		_ = f.root.Remove(temporary)
	}
	return outcome, err
}

// style escapes what file systems refuse, and keeps letters beyond ASCII.
var style = safename.Style{UTF8: true, Reserved: safename.IsDevice}

// fileName returns a name that file systems accept, with an end. Earlier programs wrote letters
// beyond ASCII in modified UTF-7: if dir has such a name, it stays, so that a second restore adds
// nothing.
func fileName(root *os.Root, dir, name, end string) string {
	earlier := style
	earlier.UTF8 = false
	now, old := encode(style, name, end), encode(earlier, name, end)
	if now != old && !exists(root, path.Join(dir, now)) && exists(root, path.Join(dir, old)) {
		return old
	}
	return now
}

func encode(s safename.Style, name, end string) string {
	return cmp.Or(safename.ShortenTo(s.Encode(strings.TrimSuffix(name, end)), 200), "unnamed") + end
}

func exists(root *os.Root, name string) bool {
	_, err := root.Lstat(name)
	return err == nil
}

// distinct returns a name that is not taken, also where case does not matter. The same names give
// the same result.
func distinct(taken map[string]bool, name, of, end string) string {
	if taken[strings.ToLower(name)] {
		hash := sha256.Sum256([]byte(of))
		name = strings.TrimSuffix(name, end) + "-" + hex.EncodeToString(hash[:6]) + end
	}
	taken[strings.ToLower(name)] = true
	return name
}
