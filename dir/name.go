package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A publisher gives a complete file in "_tmp" its name. It never replaces a file: if the name is
// taken, it returns fs.ErrExist. If the file system does not support it, it returns errUnsupported.
type publisher func(ctx context.Context, d *Dir, temp, path string) error

// publishers are tried in order. FAT, exFAT, SMB and some FUSE file systems have no hard links;
// older kernels, NFS and other systems cannot rename without replacing; every file system can
// create a file exclusively.
var publishers = []publisher{link, renameOnly, claim}

var errUnsupported = errors.New("the file system cannot do this")

// publish gives a file its name by the first publisher that the file system supports.
func (d *Dir) publish(ctx context.Context, temp, path string) error {
	for {
		now := d.publisher.Load()
		err := publishers[now](ctx, d, temp, path)
		if !errors.Is(err, errUnsupported) || int(now) == len(publishers)-1 {
			return err
		}
		d.publisher.CompareAndSwap(now, now+1)
	}
}

// link makes the name a second link of the file. Unlike rename(2), link(2) never replaces anything.
func link(_ context.Context, _ *Dir, temp, path string) error {
	return linkError(os.Link(temp, path))
}

// linkError adds to an error of link(2) what it means. Mounts of remote storage, such as that of
// rclone, answer EIO. Most of them send a file some time after they acknowledged that it is
// durable, so no other way to name files is tried there. A disk that fails answers the same.
func linkError(err error) error {
	switch {
	case unsupported(err):
		return fmt.Errorf("%w: %w", errUnsupported, err)
	case errors.Is(err, syscall.EIO):
		return fmt.Errorf("the disk fails, or this is a mount of remote storage that makes no hard links, as rclone's does: "+
			"files there are not durable when it says so, so name the storage itself: %w", err)
	}
	return err
}

// unsupported reports whether a call failed because the file system does not support it. FAT
// answers EPERM.
func unsupported(err error) bool {
	lacks := []error{
		syscall.EPERM, syscall.ENOSYS, syscall.EOPNOTSUPP, syscall.EINVAL, syscall.EMLINK,
		errors.ErrUnsupported,
	}
	return slices.ContainsFunc(lacks, func(is error) bool { return errors.Is(err, is) })
}

const (
	claimPatience = 30 * time.Second // how long another process may take to give a file a name that it has claimed
	claimPause    = 20 * time.Millisecond
)

// claim renames the file while an exclusively created file in "_tmp" reserves the name.
func claim(ctx context.Context, d *Dir, temp, path string) error {
	name, err := filepath.Rel(d.root, path)
	if err != nil {
		return err
	}
	held := filepath.Join(d.root, tmpDir, "claim-"+strings.ReplaceAll(filepath.ToSlash(name), "/", "_"))
	if err := acquire(ctx, held, path); err != nil {
		return err
	}
	defer os.Remove(held)
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "claim", Path: path, Err: fs.ErrExist}
	} else if !absent(err) {
		return err
	}
	return os.Rename(temp, path)
}

// acquire creates a claim, and waits for another process that has it. A later run removes the claim
// of a dead process, like everything in "_tmp" that is a day old.
func acquire(ctx context.Context, claim, path string) error {
	for since := time.Now(); ; {
		f, err := os.OpenFile(claim, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
		if err == nil {
			return f.Close()
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		if _, there := os.Lstat(path); there == nil {
			return &fs.PathError{Op: "claim", Path: path, Err: fs.ErrExist}
		}
		if time.Since(since) > claimPatience {
			return fmt.Errorf("another run has claimed this name, or was killed while it had the claim: if no other run is under way, delete %s", claim)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(claimPause):
		}
	}
}
