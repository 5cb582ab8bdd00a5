package tree

import (
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// rawFile is an open file that waits for its name. An os.File would take more memory and one more
// system call.
type rawFile struct {
	fd   int
	temp string // its name; empty: it has none, and closing it removes it
	in   int    // the directory in which it has that name
}

// openFile opens a file for writing.
func openFile(dir int, name string, flags int) (*rawFile, error) {
	f := new(rawFile)
	err := uninterrupted(func() (err error) {
		f.fd, err = unix.Openat(dir, name, unix.O_WRONLY|unix.O_CLOEXEC|flags, fileMode)
		return err
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// isUnnamed reports whether the file has no name yet.
func (f *rawFile) isUnnamed() bool { return f.temp == "" }

// Write implements io.Writer.
func (f *rawFile) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		err = uninterrupted(func() error {
			m, err := unix.Write(f.fd, p[n:])
			n += max(m, 0)
			return err
		})
	}
	return n, f.explain("write", err)
}

// restart makes the file empty.
func (f *rawFile) restart() error {
	_, err := unix.Seek(f.fd, 0, io.SeekStart)
	if err == nil {
		err = uninterrupted(func() error { return unix.Ftruncate(f.fd, 0) })
	}
	return f.explain("truncate", err)
}

// setDate sets the date of the file.
func (f *rawFile) setDate(date time.Time) error {
	at := unix.NsecToTimespec(date.UnixNano())
	dir, flags := f.in, unix.AT_SYMLINK_NOFOLLOW
	if f.isUnnamed() { // not otherwise: Linux 5.8 brought it
		dir, flags = f.fd, unix.AT_EMPTY_PATH
	}
	return f.explain("date", uninterrupted(func() error {
		return unix.UtimesNanoAt(dir, f.temp, []unix.Timespec{at, at}, flags)
	}))
}

// date returns the date of the file.
func (f *rawFile) date() (time.Time, error) {
	var stat unix.Stat_t
	if err := uninterrupted(func() error { return unix.Fstat(f.fd, &stat) }); err != nil {
		return time.Time{}, f.explain("stat", err)
	}
	return time.Unix(stat.Mtim.Unix()), nil
}

// link gives a file without a name its name. It replaces no file.
func (f *rawFile) link(way unnamedFiles, dir int, name string) error {
	from, old, flags := f.fd, "", unix.AT_EMPTY_PATH
	if way == linkedByProc {
		from, old, flags = unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(f.fd), unix.AT_SYMLINK_FOLLOW
	}
	return uninterrupted(func() error { return unix.Linkat(from, old, dir, name, flags) })
}

// Sync makes the file durable.
func (f *rawFile) Sync() error {
	return f.explain("sync", uninterrupted(func() error { return unix.Fsync(f.fd) }))
}

// Close closes the file.
func (f *rawFile) Close() error { return f.explain("close", unix.Close(f.fd)) }

func (f *rawFile) explain(op string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: f.temp, Err: err}
}

// openLimit returns how many files this process may have open.
func openLimit() int64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int64(min(limit.Cur, 1<<30))
}
