package backup

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/mailstrata/mailstrata/archive/ingest"
	"github.com/mailstrata/mailstrata/backup/fetch"
	"github.com/mailstrata/mailstrata/repo"
)

// A run also writes what it downloads to a recovery log on this host, until it is in a checkpoint
// or a manifest (package repo/recovery). If a run is killed, the next one stores the messages of
// the log as if they came from the server. It does not download a message again if the server
// reports the same data for it. The log only saves time: whatever is lost, wrong or stale in it is
// downloaded.

// defaultRecoveryAfter is the age at which a run begins to write the recovery log. Most runs are
// shorter. A killed run loses that many seconds of download; sealing and writing downloads twice
// costs a twelfth of a run's CPU time.
const defaultRecoveryAfter = 5 * time.Second

// recoverDownloads opens the recovery log, and stores what an interrupted run left in it. Without a
// log the run goes on with a note.
func (a *accountRun) recoverDownloads(ctx context.Context) error {
	if a.Continue != nil {
		return nil // the UIDs of a killed run may mean other messages now, and files are read cheaply
	}
	log, err := a.repo.RecoveryLog(a.Name, a.recoveryAfter)
	if err != nil {
		a.remark(true, "no recovery log is written, so if this run is killed, its downloads are lost: %v", err)
		return nil
	}
	a.recovery, a.checkpoints.full = log, log.Full
	writer := ingest.NewMessageWriter(a.repo, a.catalog.writer, nil)
	defer writer.Close()
	found := &fetch.Recovered{}
	var bytes int64
	problem, err := log.Recover(ctx, func(key []byte, body io.Reader) error {
		stored, err := writer.Write(ctx, nil, 0, body)
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
		a.remark(true, "the recovery log of an interrupted run can be read only in part: %v", problem)
	}
	if n := found.Len(); n > 0 {
		a.downloads.Recovered = found
		a.remark(true, "recovered from an interrupted run: %d messages, %d bytes", n, bytes)
	}
	return err
}

// closeRecovery closes the recovery log, and empties it if everything is in a manifest.
func (a *accountRun) closeRecovery(committed bool) {
	if err := a.recovery.Failed(); err != nil {
		a.remark(false, "the recovery log was not written to its end: %v", err)
	}
	if committed {
		a.recovery.Clear(true)
	}
	a.recovery.Close()
}
