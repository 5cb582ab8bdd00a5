package maildir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/internal/canonical"
	"github.com/mailstrata/mailstrata/restore"
)

var _ restore.SimilarFinder = (*folder)(nil)

// MissingSimilar implements restore.SimilarFinder. Programs that fetch mail add fields of their own: mbsync X-TUID, getmail
// Return-Path, Delivered-To and Received. Package canonical decides which messages are still the same.
func (f *folder) MissingSimilar(ctx context.Context, wanted []restore.Wanted) ([]int, error) {
	names := make([]string, len(wanted))
	if f.strangers != nil {
		if err := f.strangers.resemble(ctx, f.root, wanted, names); err != nil {
			return nil, err
		}
	}
	var missing []int
	for i, name := range names {
		if name == "" {
			missing = append(missing, i)
		}
	}
	return missing, nil
}

// likeness is what is known of strangers by what they say, whatever their bytes are.
type likeness struct {
	keys    map[canonical.Key][]int  // files by their headers
	digests map[int]canonical.Digest // of files whose header is that of a wanted message
}

// mboxLine begins a file that was cut out of an mbox. Readers of a Maildir take that line for the end of the header, or for a
// field without a name, so such a file does not stand for the message.
var mboxLine = []byte("From ")

// longestHeader is how much of a file is read for its header, as much as a message that is wanted gives.
const longestHeader = 256 << 10

// resemble finds files that are the wanted messages in another form, for those that have no name in names yet. It comes
// after take was asked about all messages: then no file stands for one message that is the exact copy of another.
func (s *strangers) resemble(ctx context.Context, root *os.Root, wanted []restore.Wanted, names []string) error {
	if err := s.learnKeys(ctx, root); err != nil || len(s.like.keys) == 0 {
		return err
	}
	near := make(map[int][]int) // files whose header is alike, by message
	var lacking []int           // digests
	asked := make(map[int]bool)
	for i := range wanted {
		if names[i] != "" || wanted[i].Header == nil {
			continue
		}
		header, err := wanted[i].Header(ctx)
		if err != nil {
			return err
		}
		for _, file := range s.like.keys[canonical.HeaderKey(header)] {
			if s.used[file] {
				continue
			}
			near[i] = append(near[i], file)
			if _, known := s.like.digests[file]; !known && !asked[file] {
				asked[file] = true
				lacking = append(lacking, file)
			}
		}
	}
	if err := s.learnDigests(ctx, root, lacking); err != nil {
		return err
	}
	for i := range wanted {
		if len(near[i]) == 0 {
			continue
		}
		mine := canonical.NewDigester()
		if err := wanted[i].Body.WriteTo(ctx, mine); err != nil {
			if ctx.Err() != nil {
				return err
			}
			continue // it is damaged, and Append says so
		}
		sum := mine.Sum()
		for _, file := range near[i] {
			if !s.used[file] && s.like.digests[file].Same(sum) {
				s.used[file], names[i] = true, s.names[file]
				break
			}
		}
	}
	return nil
}

// learnKeys reads the headers of the files that take did not find, once.
func (s *strangers) learnKeys(ctx context.Context, root *os.Root) error {
	if s.like != nil {
		return nil
	}
	like := &likeness{keys: make(map[canonical.Key][]int), digests: make(map[int]canonical.Digest)}
	var files []int
	if s.hashes != nil { // without a hasher nothing was compared yet
		for i := range s.names {
			if !s.used[i] {
				files = append(files, i)
			}
		}
	}
	var mu sync.Mutex
	err := s.each(ctx, root, files, func(i int, text io.Reader) error {
		header, err := io.ReadAll(io.LimitReader(text, longestHeader))
		if err != nil {
			return err
		}
		if bytes.HasPrefix(header, mboxLine) {
			return nil
		}
		if key := canonical.HeaderKey(headerOf(header)); key != (canonical.Key{}) {
			mu.Lock()
			defer mu.Unlock()
			like.keys[key] = append(like.keys[key], i)
		}
		return nil
	})
	if err == nil {
		s.like = like
	}
	return err
}

// headerOf is the header that a text begins with.
func headerOf(text []byte) []byte {
	for at, begun := 0, 0; at < len(text); at++ {
		if text[at] != '\n' {
			continue
		}
		if line := text[begun:at]; len(line) == 0 || string(line) == "\r" {
			return text[:begun]
		}
		begun = at + 1
	}
	return text
}

// learnDigests reads files whole.
func (s *strangers) learnDigests(ctx context.Context, root *os.Root, files []int) error {
	var mu sync.Mutex
	return s.each(ctx, root, files, func(i int, text io.Reader) error {
		d := canonical.NewDigester()
		if _, err := io.Copy(d, text); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		s.like.digests[i] = d.Sum()
		return nil
	})
}

// each reads files, some at once. One that another program has moved or removed is passed over.
func (s *strangers) each(ctx context.Context, root *os.Root, files []int, read func(i int, text io.Reader) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, i := range files {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			file, err := root.Open(s.names[i])
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil {
				defer file.Close()
				err = read(i, file)
			}
			if err != nil {
				return fmt.Errorf("compare with the mail that is there: %w", err)
			}
			return nil
		})
	}
	return group.Wait()
}
