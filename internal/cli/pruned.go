package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"time"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// stateFile returns the file in which this host keeps something about a repository.
func (p *Program) stateFile(kind string, l *access.Location) (string, error) {
	state, err := p.StateDir()
	sum := sha256.Sum256([]byte(l.String()))
	return filepath.Join(state, kind+"-"+hex.EncodeToString(sum[:8])), err
}

// LastPrune returns when this host last pruned a repository. If that is not known, it is zero.
func (p *Program) LastPrune(l *access.Location) time.Time {
	file, err := p.stateFile("pruned", l)
	if err != nil {
		return time.Time{}
	}
	text, _ := os.ReadFile(file)
	last, err := time.Parse(time.RFC3339, string(bytes.TrimSpace(text)))
	if err != nil || last.After(time.Now()) {
		return time.Time{}
	}
	return last
}

// RecordPrune remembers that a repository was pruned now. If that fails, mailstrata run prunes too
// soon, which does no harm.
func (p *Program) RecordPrune(l *access.Location) {
	file, err := p.stateFile("pruned", l)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	if err == nil {
		err = local.Replace(file, []byte(time.Now().UTC().Format(time.RFC3339)+"\n"))
	}
	if err != nil {
		p.Warn("the time of the prune was not kept, so the next mailstrata run prunes too: %s", ui.OneLine(err.Error()))
	}
}
