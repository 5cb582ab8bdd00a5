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
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/restore"
)

var _ restore.SimilarFinder = (*folder)(nil)

// MissingSimilar implements restore.SimilarFinder. Programs that fetch mail add header fields:
// mbsync X-TUID, getmail Return-Path, Delivered-To and Received. Package canonical decides which
// messages are still the same.
func (f *folder) MissingSimilar(ctx context.Context, wanted []restore.Message) ([]int, error) {
	names := make([]string, len(wanted))
	if f.foreign != nil {
		if err := f.foreign.matchSimilar(ctx, f.root, wanted, names); err != nil {
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

// similarity has the digests of foreign files that do not depend on their exact bytes.
type similarity struct {
	keys    map[canonical.Key][]int  // the files with a header
	digests map[int]canonical.Digest // of files that have the header of a wanted message
}

// mboxLine begins a file that was copied from an mbox. Readers of a Maildir misinterpret the line,
// so such a file does not count as the message.
var mboxLine = []byte("From ")

// longestHeader is how many bytes of a file are read for its header. Message.Header has the same
// limit.
const longestHeader = 256 << 10

// matchSimilar finds files that are similar to the wanted messages without a name in names, and
// sets their names. It is called after match was called for all messages, so that no exact copy of
// one message is used for another.
func (f *foreignFiles) matchSimilar(
	ctx context.Context, root *os.Root, wanted []restore.Message, names []string,
) error {
	if err := f.readKeys(ctx, root); err != nil || len(f.like.keys) == 0 {
		return err
	}
	near := make(map[int][]int) // the files with the header of a wanted message
	var lacking []int           // files without a digest
	asked := make(map[int]bool)
	for i := range wanted {
		if names[i] != "" || wanted[i].Header == nil {
			continue
		}
		head, err := wanted[i].Header(ctx)
		if err != nil {
			return err
		}
		for _, file := range f.like.keys[canonical.HeaderKey(head)] {
			if f.used[file] {
				continue
			}
			near[i] = append(near[i], file)
			if _, known := f.like.digests[file]; !known && !asked[file] {
				asked[file] = true
				lacking = append(lacking, file)
			}
		}
	}
	if err := f.readDigests(ctx, root, lacking); err != nil {
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
			continue // it is damaged; Append reports it
		}
		sum := mine.Sum()
		for _, file := range near[i] {
			if !f.used[file] && f.like.digests[file].Same(sum) {
				f.used[file], names[i] = true, f.names[file]
				break
			}
		}
	}
	return nil
}

// readKeys reads the headers of the files that match did not find. It does so once.
func (f *foreignFiles) readKeys(ctx context.Context, root *os.Root) error {
	if f.like != nil {
		return nil
	}
	like := &similarity{keys: make(map[canonical.Key][]int), digests: make(map[int]canonical.Digest)}
	var files []int
	if f.hashes != nil { // without a hasher nothing is compared
		for i := range f.names {
			if !f.used[i] {
				files = append(files, i)
			}
		}
	}
	var mu sync.Mutex
	err := f.each(ctx, root, files, func(i int, text io.Reader) error {
		head, err := io.ReadAll(io.LimitReader(text, longestHeader))
		if err != nil {
			return err
		}
		if bytes.HasPrefix(head, mboxLine) {
			return nil
		}
		if end := header.End(head); end >= 0 {
			head = head[:end]
		}
		if key := canonical.HeaderKey(head); key != (canonical.Key{}) {
			mu.Lock()
			defer mu.Unlock()
			like.keys[key] = append(like.keys[key], i)
		}
		return nil
	})
	if err == nil {
		f.like = like
	}
	return err
}

// readDigests digests files.
func (f *foreignFiles) readDigests(ctx context.Context, root *os.Root, files []int) error {
	var mu sync.Mutex
	return f.each(ctx, root, files, func(i int, text io.Reader) error {
		d := canonical.NewDigester()
		if _, err := io.Copy(d, text); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		f.like.digests[i] = d.Sum()
		return nil
	})
}

// each calls read for files, for some at once. It skips files that another program has moved or
// removed.
func (f *foreignFiles) each(
	ctx context.Context, root *os.Root, files []int, read func(i int, text io.Reader) error,
) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, i := range files {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			file, err := root.Open(f.names[i])
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil {
				defer file.Close()
				err = read(i, file)
			}
			if err != nil {
				return fmt.Errorf("compare with the existing mail: %w", err)
			}
			return nil
		})
	}
	return group.Wait()
}
