package wholefile

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// Syncer makes files of one file system durable. Directories that ask at the same time share one sync.
type Syncer struct {
	top  *os.File   // open from the beginning: syncfs tells of errors since then
	turn sync.Mutex // held while a sync is under way

	mu    sync.Mutex
	next  *round // not begun yet; nil: nobody waits
	named bool   // names were given since the last sync
}

// round is one sync of the file system. It covers what was written before it began.
type round struct {
	done chan struct{}
	err  error
}

// NewSyncer serves the file system that root lies on.
func NewSyncer(root *os.Root) (*Syncer, error) {
	top, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	return &Syncer{top: top}, nil
}

// Close makes the names durable that were given to files, and frees what the Syncer holds.
func (s *Syncer) Close() error {
	var err error
	if s.named {
		err = s.Sync()
	}
	return errors.Join(err, s.top.Close())
}

// Sync makes all that was written before durable. It returns errors.ErrUnsupported where the system has no such call.
func (s *Syncer) Sync() error {
	if !canSyncFS {
		return errors.ErrUnsupported
	}
	s.mu.Lock()
	r, leads := s.next, s.next == nil
	if leads {
		r = &round{done: make(chan struct{})}
		s.next = r
	}
	s.mu.Unlock()
	if leads {
		s.lead(r)
	}
	<-r.done
	return r.err
}

// lead waits until the sync under way has ended, and begins another for all that came meanwhile.
func (s *Syncer) lead(r *round) {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	s.next, s.named = nil, false
	s.mu.Unlock()
	r.err = syncFS(s.top)
	close(r.done)
}

// files makes some files durable, one by one where there is no other way.
func (s *Syncer) files(root *os.Root, batch []waiting) error {
	if !canSyncFS {
		return syncEach(root, batch)
	}
	return s.Sync()
}

// names makes the names in a directory durable: at the latest when the Syncer is closed.
func (s *Syncer) names(root *os.Root, dir string) error {
	if !canSyncFS {
		return SyncDir(root, dir)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.named = true
	return nil
}

func syncEach(root *os.Root, batch []waiting) error {
	var group errgroup.Group
	group.SetLimit(8)
	for _, w := range batch {
		group.Go(func() error {
			file, err := root.OpenFile(w.temp, os.O_WRONLY, 0) // Windows syncs only what is open for writing
			if err != nil {
				return err
			}
			return errors.Join(file.Sync(), file.Close())
		})
	}
	return group.Wait()
}

// SyncDir makes the names in a directory of root durable.
func SyncDir(root *os.Root, name string) error {
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
