package jmapsource_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/jmap/internal/jmaptest"
	"github.com/mailstrata/mailstrata/jmap/jmapsource"
)

// farAway is how long a request to a farServer takes.
const farAway = 50 * time.Millisecond

// farServer is a server far away.
type farServer struct {
	*jmaptest.Server
	mu        sync.Mutex
	now, most int // requests under way, without the session
}

func (f *farServer) RoundTrip(r *http.Request) (*http.Response, error) {
	f.count(1)
	defer f.count(-1)
	time.Sleep(farAway)
	return f.Server.RoundTrip(r)
}

func (f *farServer) count(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now += n
	f.most = max(f.most, f.now)
}

// A large account takes a request for each message, as many at once as the server allows, and few
// others.
func TestLargeAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const messages, atOnce = 3000, 3
		s := &farServer{Server: jmaptest.New()}
		s.Limits = jmaptest.Object{"maxConcurrentRequests": atOnce, "maxObjectsInGet": 500}
		for i := range messages {
			s.Add(fmt.Sprintf("Message-ID: <%d@mail.example>\r\nSubject: %d\r\n\r\n%s", i, i, strings.Repeat("x\r\n", i%50)), s.Boxes[i%2].ID)
		}
		r, begin := newRepo(t), time.Now()
		from := jmapsource.New(client(t, s), jmapsource.Options{})
		account := backup.Account{Name: "anna", URL: url, Source: from, Continue: from.Continue}
		results, err := backup.Run(t.Context(), r, []backup.Account{account}, backup.Options{Program: "test"})
		if err != nil || results[0].Err != nil || results[0].Manifest.Totals.Messages != messages {
			t.Fatalf("%v, %+v", err, results)
		}
		requests, downloads := s.Take()
		if took, least := time.Since(begin), messages*farAway/atOnce; downloads != messages || requests > messages+20 || s.most != atOnce || took > least+least/20 {
			t.Errorf("%d requests, %d of them downloads, at most %d at once, in %v, where downloads alone take %v", requests, downloads, s.most, took, least)
		}
	})
}
