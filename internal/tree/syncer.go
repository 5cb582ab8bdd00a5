package tree

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// syncer makes files of one file system durable and has them get their names, those of all directories together.
type syncer struct {
	top  *os.File   // open from the beginning: syncfs tells of errors since then
	turn sync.Mutex // held while files are made durable and get their names

	mu      sync.Mutex
	waiting []waiting
	bytes   int64
	named   bool // names were given since the last sync
}

// When so many files wait, or bytes, they are made durable; while others are, four times as many may come to wait. So
// the disk is at work from early on, and is waited for only where it is slower than who writes.
const (
	batchFiles = 1000
	batchBytes = 16 << 20
	backlog    = 4
)

// newSyncer serves the file system that root lies on.
func newSyncer(root *os.Root) (*syncer, error) {
	top, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	return &syncer{top: top}, nil
}

// Close makes the names durable that were given to files, and frees what the syncer holds.
func (s *syncer) Close() error {
	var err error
	if s.named {
		err = s.Sync()
	}
	return errors.Join(err, s.top.Close())
}

// Sync makes all that was written before durable. It returns errors.ErrUnsupported where the system has no such call.
func (s *syncer) Sync() error {
	if !canSyncFS {
		return errors.ErrUnsupported
	}
	s.mu.Lock()
	s.named = false
	s.mu.Unlock()
	return syncFS(s.top)
}

// add has a file wait. Where enough wait, it begins to commit them.
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

// settle commits all that waits, and waits for what is under way.
func (s *syncer) settle() {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.commit(s.take())
}

// take takes what waits, for whoever has the turn: so what is not waiting any more has its name when the turn ends.
func (s *syncer) take() []waiting {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := s.waiting
	s.waiting, s.bytes = nil, 0
	return batch
}

// commit makes files durable and has them get their names.
func (s *syncer) commit(batch []waiting) {
	if len(batch) == 0 {
		return
	}
	err := s.Sync()
	if errors.Is(err, errors.ErrUnsupported) {
		err = syncEach(batch)
	}
	for _, w := range batch {
		w.dir.settle(w, err)
	}
}

// names makes the names in a directory durable: at the latest when the syncer is closed.
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
	// Some file systems cannot sync a directory, and Windows cannot at all; nothing better can be had there.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}
