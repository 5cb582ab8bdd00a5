package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/repo"
)

type keyCommand struct {
	Add    keyAddCommand    `cmd:"" help:"Let another passphrase, key file or public key open the repository."`
	Export keyExportCommand `cmd:"" help:"Write a copy of the key file to another place."`
	List   keyListCommand   `cmd:"" help:"List the keys: what each may do, and what opens it."`
	Remove keyRemoveCommand `cmd:"" help:"Shut a key out."`
	Rotate keyRotateCommand `cmd:"" help:"Draw new keys for what is stored from now on, after one came into wrong hands."`
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

// openKeeper opens the repository for a change of its keys, and refuses in time where that cannot be.
func (p *program) openKeeper(ctx context.Context) (*repo.Repo, *place, error) {
	l, err := p.place()
	if err != nil {
		return nil, nil, err
	}
	r, err := p.openPlace(ctx, l)
	switch {
	case err != nil:
		return nil, nil, err
	case !r.Sealed():
		err = errors.New("this repository is not sealed: it has no keys, and cannot get any; make a sealed one beside it")
	case !r.Keeper():
		err = fmt.Errorf("only an owner changes keys, and %w", repo.ErrNoRole)
	default:
		return r, l, nil
	}
	return nil, nil, errors.Join(err, r.Close())
}

// findKey finds the key that a user means by the first digits of its id.
func findKey(slots []repo.Slot, id string) (found repo.Slot, err error) {
	n := 0
	for _, s := range slots {
		_, hash, _ := strings.Cut(s.Name, "-")
		if id != "" && strings.HasPrefix(hash, strings.ToLower(id)) {
			found = s
			n++
		}
	}
	hint := "mailstrata key list tells the ids"
	switch n {
	case 0:
		return found, &hintedError{text: "no key has the id " + quoted(id), hint: hint}
	case 1:
		return found, nil
	}
	return found, &hintedError{text: fmt.Sprintf("%d keys have an id that begins with %s", n, quoted(id)), hint: hint}
}

// describeKey is a key in a few words.
func describeKey(s repo.Slot) string {
	text := fmt.Sprintf("%s (%s, %s", s.ID, s.Role, s.Kind)
	if s.Label != "" {
		text += ", " + quoted(s.Label)
	}
	return text + ")"
}
