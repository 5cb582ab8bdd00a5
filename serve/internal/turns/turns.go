// Package turns lets clients of a server take turns where all at once would take too much memory.
package turns

import "context"

// Turns has an element for each turn that is taken. Its capacity is how many may be taken at once.
type Turns chan struct{}

// New returns n turns.
func New(n int) Turns { return make(Turns, n) }

// Take waits for a turn. The caller ends it.
func (t Turns) Take(ctx context.Context) (end func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
