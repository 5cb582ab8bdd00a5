package tree

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// syncer makes the files of all Dirs of a Tree durable together and gives them their names.
type syncer struct {
	top  *os.File   // open from the beginning, because syncfs(2) reports errors since then
	turn sync.Mutex // held while files are made durable and get their names

	open    atomic.Int64 // files without names
	maxOpen int64        // more than these get temporary names

	mu      sync.Mutex
	waiting []waiting
	bytes   int64
	named   bool // names were given since the last sync
}

// A batch is committed when this many files or bytes wait. While one is committed, backlog times as
// many may wait. So the disk works from early on, and the writers wait only if it is slower than
// they are.
const (
	batchFiles = 1000
	batchBytes = 16 << 20
	backlog    = 4
)

// newSyncer returns a syncer for the file system of root.
func newSyncer(root *os.Root) (*syncer, error) {
	top, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	_, waiting := shares(openLimit())
	return &syncer{top: top, maxOpen: waiting}, nil
}

// Close makes the names of files durable and closes the syncer.
func (s *syncer) Close() error {
	var err error
	if s.named {
		err = s.Sync()
	}
	return errors.Join(err, s.top.Close())
}

// Sync makes the whole file system durable. It returns errors.ErrUnsupported if the system has no
// such call.
func (s *syncer) Sync() error {
	if !canSyncFS {
		return errors.ErrUnsupported
	}
	s.mu.Lock()
	s.named = false
	s.mu.Unlock()
	return syncFS(s.top)
}

// add makes a file wait. If enough files wait, it begins to commit them.
func (s *syncer) add(w waiting, size int64) {
	s.mu.Lock()
	s.waiting = append(s.waiting, w)
	s.bytes += size
	share := max(float64(len(s.waiting))/batchFiles, float64(s.bytes)/batchBytes)
	s.mu.Unlock()
	if share < 1 {
		return
	}
	if !s.turn.TryLock() {
		if share < backlog {
			return
		}
		s.turn.Lock()
	}
	batch := s.take()
	go func() {
		defer s.turn.Unlock()
		s.commit(batch)
	}()
}

// flush commits all waiting files, after the batch that is being committed.
func (s *syncer) flush() {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.commit(s.take())
}

// take returns the waiting files and empties the list. The caller holds turn, so files that no
// longer wait have their names when turn is free.
func (s *syncer) take() []waiting {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := s.waiting
	s.waiting, s.bytes = nil, 0
	return batch
}

// commit makes files durable and gives them their names.
func (s *syncer) commit(batch []waiting) {
	if len(batch) == 0 {
		return
	}
	err := s.Sync()
	if errors.Is(err, errors.ErrUnsupported) {
		err = syncEach(batch)
	}
	for _, w := range batch {
		w.dir.finish(w, err)
	}
}

// names makes the names in a directory durable, at the latest when the syncer is closed.
func (s *syncer) names(root *os.Root, dir string) error {
	if !canSyncFS {
		return syncDir(root, dir)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.named = true
	return nil
}

// syncEach makes files durable one by one.
func syncEach(batch []waiting) error {
	var group errgroup.Group
	group.SetLimit(8)
	for _, w := range batch {
		group.Go(func() error {
			if w.file != nil {
				return w.file.Sync()
			}
			file, err := w.dir.temps.OpenFile(w.temp, os.O_WRONLY, 0) // Windows syncs only what is open for writing
			if err != nil {
				return err
			}
			return errors.Join(file.Sync(), file.Close())
		})
	}
	return group.Wait()
}

// syncDir makes the names in a directory of root durable.
func syncDir(root *os.Root, name string) error {
	dir, err := root.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	err = dir.Sync()
	// Some file systems cannot sync a directory, and Windows cannot at all.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}
