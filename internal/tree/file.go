package tree

import (
	"math"
	"sync"
	"time"
)

// File is a file that is being written. It ends with Keep or Discard. A small one is in memory
// until then.
type File struct {
	dir    *Dir
	temp   string
	file   *rawFile // nil: all of it is in the buffer
	room   *room    // the memory of the buffer
	buffer []byte
	size   int64 // of the file, without the buffer
}

// Write adds to the file. Its error is about the disk and has the path of the directory.
func (f *File) Write(p []byte) (int, error) {
	if len(f.buffer)+len(p) > cap(f.buffer) {
		if err := f.flush(); err != nil {
			return 0, err
		}
		if len(p) >= cap(f.buffer) {
			return len(p), f.writeOut(p)
		}
	}
	f.buffer = append(f.buffer, p...)
	return len(p), nil
}

func (f *File) flush() error {
	err := f.writeOut(f.buffer)
	f.buffer = f.buffer[:0]
	return err
}

// writeOut writes to the file on disk.
func (f *File) writeOut(p []byte) error {
	if f.file == nil {
		file, err := f.dir.create(f.temp)
		if err != nil {
			return err
		}
		f.file = file
	}
	n, err := f.file.Write(p)
	f.size += int64(n)
	return f.dir.wrap(err)
}

// Restart discards everything that was written.
func (f *File) Restart() error {
	f.buffer, f.size = f.buffer[:0], 0
	if f.file == nil {
		return nil
	}
	return f.dir.wrap(f.file.restart())
}

// Keep ends the file. It gets the name, at the latest when the Dir is closed, and the date. Keep
// returns the date that the file has, which differs if the file system cannot store date.
func (f *File) Keep(name string, date time.Time) (time.Time, error) {
	err := f.flush()
	if err == nil {
		date, err = f.date(date)
	}
	if err != nil {
		f.Discard()
		return date, err
	}
	f.giveBack()
	w := waiting{dir: f.dir, file: f.file, temp: f.temp, name: name}
	if !f.file.isUnnamed() {
		w.file = nil
		if err := f.dir.close(f.file); err != nil {
			_ = f.dir.remove(w)
			return date, err
		}
	}
	return date, f.dir.add(w, f.size)
}

// lastSafeDate is in 2038. Every file system can store dates from 1970 until then.
const lastSafeDate = math.MaxInt32

// System calls have dates as 64 bits of nanoseconds: from 1677 to 2262.
var (
	firstDate = time.Unix(0, math.MinInt64).Truncate(time.Second).Add(time.Second)
	lastDate  = time.Unix(0, math.MaxInt64).Truncate(time.Second)
)

func (f *File) date(date time.Time) (time.Time, error) {
	if date.Before(firstDate) {
		date = firstDate
	} else if date.After(lastDate) {
		date = lastDate
	}
	if err := f.file.setDate(date); err != nil {
		return date, f.dir.wrap(err)
	}
	if s := date.Unix(); 0 <= s && s <= lastSafeDate {
		return date, nil
	}
	kept, err := f.file.date()
	return kept, f.dir.wrap(err)
}

// Discard removes the file.
func (f *File) Discard() {
	f.giveBack()
	if f.file == nil {
		return
	}
	_ = f.dir.close(f.file)
	if !f.file.isUnnamed() {
		_ = f.dir.temps.Remove(f.temp)
	}
}

// room is large enough for most files, which are then written by one call.
type room [256 << 10]byte

var rooms = sync.Pool{New: func() any { return new(room) }}

func (f *File) giveBack() {
	rooms.Put(f.room)
	f.room, f.buffer = nil, nil
}
