package main

import (
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

type keyCommand struct {
	Add    keyAddCommand    `cmd:"" help:"Add a passphrase, a key file or a public key."`
	Export keyExportCommand `cmd:"" help:"Write a copy of the key file."`
	List   keyListCommand   `cmd:"" help:"List the keys and their roles."`
	Remove keyRemoveCommand `cmd:"" help:"Remove a key."`
	Rotate keyRotateCommand `cmd:"" help:"Use new keys for new data, after a key was stolen."`
}

// keySummary is a key as JSON.
type keySummary struct {
	ID          string `json:"id"`
	Role        string `json:"role"`
	Kind        string `json:"kind"`
	Recipient   string `json:"recipient,omitempty"`
	Label       string `json:"label,omitempty"`
	Made        string `json:"made"`
	Current     bool   `json:"current"`
	Missing     bool   `json:"missing"`
	Fingerprint string `json:"fingerprint"`
}

func summarizeKey(r *repo.Repo, s repo.Slot) keySummary {
	return keySummary{
		ID: s.ID, Role: string(s.Role), Kind: s.Kind, Recipient: s.Recipient, Label: s.Label,
		Made: s.Made.UTC().Format("2006-01-02T15:04:05Z"), Current: s.Current, Missing: s.Missing, Fingerprint: r.Fingerprint(),
	}
}

// findKey returns the key whose id begins with these digits.
func findKey(slots []repo.Slot, id string) (found repo.Slot, err error) {
	n := 0
	for _, s := range slots {
		_, hash, _ := strings.Cut(s.Name, "-")
		if id != "" && strings.HasPrefix(hash, strings.ToLower(id)) {
			found = s
			n++
		}
	}
	advice := "mailstrata key list shows the ids"
	switch n {
	case 0:
		return found, &hint.Error{Text: "no key has the id " + ui.Quote(id), Hint: advice}
	case 1:
		return found, nil
	}
	return found, &hint.Error{Text: fmt.Sprintf("%d keys have an id that begins with %s", n, ui.Quote(id)), Hint: advice}
}

// describeKey returns a key in a few words.
func describeKey(s repo.Slot) string {
	text := fmt.Sprintf("%s (%s, %s", s.ID, s.Role, s.Kind)
	if s.Label != "" {
		text += ", " + ui.Quote(s.Label)
	}
	return text + ")"
}
