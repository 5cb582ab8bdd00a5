package pages

// slots records which slots are in use: by the root on disk, or by what was written since.
type slots struct {
	used  []bool          // by number; slot 0 does not exist
	fresh map[uint32]bool // written since the last commit
	freed []uint32        // in use by the root on disk, but not by the next one
	next  uint32          // no slot before this one is free
}

func newSlots() *slots {
	return &slots{used: []bool{true}, fresh: make(map[uint32]bool), next: 1}
}

// use records a slot of the root. It reports whether the slot was not in use.
func (s *slots) use(slot uint32) bool {
	for int(slot) >= len(s.used) {
		s.used = append(s.used, false)
	}
	was := s.used[slot]
	s.used[slot] = true
	return !was
}

// take returns the slot for new contents of what is in old: old itself if the root on disk does not
// refer to it, else a free one.
func (s *slots) take(old uint32) uint32 {
	if s.fresh[old] {
		return old
	}
	s.release(old)
	slot := s.first()
	s.use(slot)
	s.fresh[slot] = true
	s.next = slot + 1
	return slot
}

// first returns the first free slot.
func (s *slots) first() uint32 {
	for int(s.next) < len(s.used) && s.used[s.next] {
		s.next++
	}
	return s.next
}

// count returns how many slots the next root uses, and how many there are.
func (s *slots) count() (used, all uint32) {
	for _, u := range s.used {
		if u {
			used++
		}
	}
	return used - 1 - uint32(len(s.freed)), uint32(len(s.used) - 1)
}

// release gives a slot back: now, or after the commit if the root on disk refers to it.
func (s *slots) release(slot uint32) {
	switch {
	case slot == 0:
	case s.fresh[slot]:
		delete(s.fresh, slot)
		s.free(slot)
	default:
		s.freed = append(s.freed, slot)
	}
}

func (s *slots) free(slot uint32) {
	s.used[slot] = false
	s.next = min(s.next, slot)
}

// commit gives back what the root no longer refers to, and returns the number of slots up to the
// last one in use.
func (s *slots) commit() uint32 {
	for _, slot := range s.freed {
		s.free(slot)
	}
	s.freed = nil
	clear(s.fresh)
	last := len(s.used)
	for last > 1 && !s.used[last-1] {
		last--
	}
	s.used = s.used[:last]
	s.next = min(s.next, uint32(last))
	return uint32(last - 1)
}
