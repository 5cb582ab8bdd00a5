package s3

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/repo/store"
)

// The pages of a listing follow one another, so a listing of 15,000 objects takes 15 round trips.
// Most names of a repository go on with hex digits of a hash after their folder. So if the last
// name of a page shows that many more pages of its folder follow, these are listed in parts, one
// for each next digit, and at the same time what comes after the folder, which may be divided in
// turn.

const (
	// manyPages is how many more pages a folder must have to be worth dividing: the parts take a
	// request each, and most of these are pages that the listing has anyway.
	manyPages = 6

	// hashDigits is how many hex digits show that names are hashes, which are spread evenly.
	hashDigits = 32

	// batch is how many objects a part passes on at once. batchesAhead bounds how many batches it
	// lists ahead of the caller: the parts of a folder then hold some 5 MB at most.
	batch        = 1000
	batchesAhead = 2
)

// divide returns the parts of what follows last in the listing of a prefix, in the order of their
// names. It returns nothing if the folder of last does not have many more pages. Names in the
// folder that do not go on with a hex digit are in the first part or in the last but one.
func divide(prefix, last string) []listing {
	folder, ok := hashFolder(prefix, last)
	if !ok {
		return nil
	}
	digit := len(folder)
	seen, err := strconv.ParseUint(last[digit:digit+2], 16, 8)
	if err != nil || 255-seen < manyPages*(seen+1) { // at most a page has seen/256 of the names
		return nil
	}
	const digits = "0123456789abcdef"
	parts := []listing{{prefix: last[:digit+1], last: last}}
	for _, d := range digits[seen>>4+1:] {
		parts = append(parts, listing{prefix: folder + string(d)})
	}
	// No name has a '~', which comes after all letters.
	parts = append(parts, listing{prefix: folder, last: folder + "f~"})
	if folder != prefix {
		parts = append(parts, listing{prefix: prefix, last: folder + "~", divisible: true})
	}
	return parts
}

// hashFolder returns the beginning of a name after which a hash follows: a prefix, or that and some
// folders.
func hashFolder(prefix, name string) (folder string, ok bool) {
	for from := len(prefix); len(name)-from >= hashDigits; {
		if _, err := hex.DecodeString(name[from : from+hashDigits]); err == nil {
			return name[:from], true
		}
		slash := strings.IndexByte(name[from:], '/')
		if slash < 0 {
			break
		}
		from += slash + 1
	}
	return "", false
}

// listParts yields the objects of parts, which it lists at once. It reports whether the caller
// wants more.
func (s *Store) listParts(
	ctx context.Context, parts []listing, doing string, yield func(store.Object, error) bool,
) bool {
	ctx, cancel := context.WithCancel(ctx)
	var group errgroup.Group
	defer func() {
		cancel()
		_ = group.Wait()
	}()
	passing := make([]chan []store.Object, len(parts))
	failures := make([]error, len(parts))
	for i := range parts {
		passing[i] = make(chan []store.Object, batchesAhead)
		group.Go(func() error {
			defer close(passing[i])
			failures[i] = parts[i].pass(ctx, s, doing, passing[i])
			return nil
		})
	}
	for i, part := range passing {
		for objects := range part {
			for _, o := range objects {
				if !yield(o, nil) {
					return false
				}
			}
		}
		if failures[i] != nil {
			yield(store.Object{}, failures[i])
			return false
		}
	}
	return true
}

// pass lists a part and passes it on in batches.
func (l *listing) pass(ctx context.Context, s *Store, doing string, to chan<- []store.Object) error {
	var objects []store.Object
	flush := func() bool {
		select {
		case to <- objects:
			objects = nil
			return true
		case <-ctx.Done():
			return false
		}
	}
	for o, err := range s.objects(ctx, l, doing) {
		if err != nil {
			return err
		}
		if objects = append(objects, o); len(objects) == batch && !flush() {
			return context.Cause(ctx)
		}
	}
	if len(objects) > 0 && !flush() {
		return context.Cause(ctx)
	}
	return nil
}
