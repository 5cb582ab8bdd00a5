package imap

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/mailstrata/mailstrata/internal/silence"
	"github.com/mailstrata/mailstrata/mail"
)

// quirks is what the connections of one account have found out about its server, for later
// connections of the same run. Some servers close the connection at a command that they do not
// like. So a command that cost a connection is sent once more, alone if it names a mailbox. A
// command that cost two is not sent again, if the run can do without it.
type quirks struct {
	mu         sync.Mutex
	lossesOf   map[string]int    // by command, as errors name it: connections that were lost during it
	reasons    map[string]string // by command, the error of the latest loss
	spare      bool              // the latest of these was during a command that is optional
	sequential atomic.Bool       // the server loses commands that are sent before it has answered the previous one
	wary       atomic.Bool       // a connection was lost while several commands were under way (Conn.StartAll)
	mechanism  atomic.Int32      // the number of ways to log in that the server does not support

	id atomic.Pointer[[]mail.Field] // the server's ID, as the latest connection has it; nil: not known yet

	silence *silence.Watch // over all connections; may be nil
}

func newQuirks(o *Options) *quirks { return &quirks{silence: silence.New(o.stall(), o.Silent)} }

// maxLosses is the number of lost connections after which the run does without a command.
const maxLosses = 2

// addLoss counts a connection lost during a command.
func (q *quirks) addLoss(cmd *Command, reason error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lossesOf == nil {
		q.lossesOf, q.reasons = map[string]int{}, map[string]string{}
	}
	q.lossesOf[cmd.Name]++
	q.reasons[cmd.Name] = reason.Error()
	q.spare = cmd.spare
}

// Losses returns how many connections a command has cost in this run.
func (c *Conn) Losses(command string) int { return c.quirks.losses(command) }

func (q *quirks) losses(command string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lossesOf[command]
}

// Avoids reports whether a command should not be sent again, because it has cost too many
// connections.
func (c *Conn) Avoids(command string) bool { return c.quirks.losses(command) >= maxLosses }

// WhyAvoided returns the error of a command that should not be sent again. It has the server's own
// words, if the server sent any.
func (c *Conn) WhyAvoided(command string) error {
	c.quirks.mu.Lock()
	defer c.quirks.mu.Unlock()
	return fmt.Errorf("the server ends the connection at each %s: %s", command, c.quirks.reasons[command])
}

// Careful reports whether only one command should be under way at a time: a connection was lost
// while there were several.
func (c *Conn) Careful() bool { return c.quirks.wary.Load() || c.quirks.sequential.Load() }

// lostOptional reports, once, whether the latest connection was lost during an optional command, so
// that another attempt differs.
func (q *quirks) lostOptional() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	spare := q.spare
	q.spare = false
	return spare
}
