package backup

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/fetch"
	"github.com/mailstrata/mailstrata/repo"
)

// What a run downloads it also spills to this host's disk, until it is in a checkpoint or a manifest (recovery.Log). A run
// that finds what a killed one has spilled puts it into the repository as if it had come from the server just now; each
// message that the server then tells of in the same words is not asked for again. So nothing rests on the spill but time:
// whatever is lost, wrong or stale in it is downloaded.

// recoveryAfter is how old a run becomes before it spills. Most are over by then; of one that is killed, so many seconds of
// download are lost, and sealing and writing a second time what is downloaded costs a twelfth of a run's CPU time.
const recoveryAfter = 5 * time.Second

// recoverDownloads opens the spill, and puts into the repository what earlier runs have left in it. A host that cannot spill is told
// of, and archives as well.
func (a *accountRun) recoverDownloads(ctx context.Context) error {
	log, err := a.repo.RecoveryLog(a.Name, a.recoveryAfter)
	if err != nil {
		a.remark(true, "nothing is kept for the case that this run is killed: %v", err)
		return nil
	}
	a.recovery, a.checkpoints.full = log, log.Full
	filer := archive.NewMessageWriter(a.repo, a.catalog.writer, nil)
	defer filer.Close()
	found := &fetch.Recovered{}
	var bytes int64
	problem, err := log.Recover(ctx, func(key []byte, body io.Reader) error {
		stored, err := filer.Write(ctx, nil, 0, body)
		if errors.Is(err, repo.ErrErased) {
			return nil
		}
		if err == nil {
			found.Add(key, stored)
			bytes += stored.Size
		}
		return err
	})
	if problem != nil {
		a.remark(true, "what a run that was killed has left is not read to its end: %v", problem)
	}
	if n := found.Len(); n > 0 {
		a.downloads.Recovered = found
		a.remark(true, "taken up from a run that was killed: %d messages, %d bytes", n, bytes)
	}
	return err
}

// closeRecovery ends the spilling; what is in a manifest is forgotten.
func (a *accountRun) closeRecovery(committed bool) {
	if err := a.recovery.Failed(); err != nil {
		a.remark(false, "if this run had been killed, the next one would have had to download more than usual: %v", err)
	}
	if committed {
		a.recovery.Clear(true)
	}
	a.recovery.Close()
}
