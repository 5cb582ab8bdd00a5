package restore

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/internal/inorder"
)

// Jobs that fetch groups of any size at once, each ahead of its writer, do not wait for each other
// forever. In the bubble, a deadlock fails the test at once.
func TestGroupsGetRoomInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := semaphore.NewWeighted(fetchedBytes)
		sizes := []int64{groupBytes, 5 * groupBytes / 2, groupBytes / 2, 4 * groupBytes, groupBytes}
		var jobs sync.WaitGroup
		for n := range 4 {
			var list []*group
			for i := range 20 {
				list = append(list, &group{bytes: sizes[(n+i)%len(sizes)]})
			}
			// The first groups of each window are the slowest, so that later ones are ahead of
			// them.
			fetch := func(_ context.Context, g *group) (*group, error) {
				time.Sleep(time.Duration(fetchedBytes-g.weight()) + time.Millisecond)
				return g, nil
			}
			jobs.Go(func() {
				for g, err := range inorder.Map(t.Context(), groupsAhead, withRoom(t.Context(), room, list), fetch) {
					if err != nil {
						t.Error(err)
						return
					}
					room.Release(g.weight())
				}
			})
		}
		jobs.Wait()
		if !room.TryAcquire(fetchedBytes) {
			t.Error("room is still held after all groups were used")
		}
	})
}
