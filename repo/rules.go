package repo

import "time"

// rules take rules of removal out (docs/design/removing.md), for the model to show that each is needed, and
// make what is large small. The zero value has all of them in, and nothing outside the tests ever sets another.
type rules struct {
	overtime        time.Duration // how much longer than Lifetime a run may take
	hasty           time.Duration // how much less than Grace a mark must age
	condemnedCounts bool          // a condemned pack counts as a copy
	rootsFirst      bool          // roots are listed before condemnations
	blind           bool          // what was condemned long enough is deleted without another look at the roots
	sameNames       bool          // equal chunks make packs of equal names
	deaf            bool          // writers do not read condemnations
	leaps           bool          // removing does not compare the store's clock with the host's
	eager           bool          // two index segments are worth merging
	largest         segmentSize   // how much an index segment may hold, if it is less than the format allows
}

func (r *Repo) lifetime() time.Duration  { return Lifetime + r.rules.overtime }
func (r *Repo) markGrace() time.Duration { return Grace - r.rules.hasty }

func (r *Repo) largestSegment() segmentSize {
	if r.rules.largest != (segmentSize{}) {
		return r.rules.largest
	}
	return largestSegment
}

func (r *Repo) mergeLeast() int {
	if r.rules.eager {
		return 2
	}
	return mergeLeast
}
