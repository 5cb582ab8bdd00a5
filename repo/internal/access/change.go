package access

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/keys"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// nextKeys is NextConfig for changes of the keys.
func (a *Access) nextKeys(ctx context.Context) (*Config, error) {
	if !a.Sealed() {
		return nil, errors.New("this repository is not sealed: it has no keys")
	}
	return a.NextConfig(ctx)
}

// Replace puts the next config, and uses it from then on. Nothing else may use a in the meantime.
func (a *Access) Replace(ctx context.Context, next *Config) error {
	return a.replaceConfig(ctx, next, a.Held, a.slotName)
}

// NextConfig returns a copy of the config, with the next number.
func (a *Access) NextConfig(ctx context.Context) (*Config, error) {
	if a.Keeper == nil {
		return nil, fmt.Errorf("changing the config needs the owner's key, not a writer's: %w", objects.ErrNoRole)
	}
	if err := a.NoneRejected(); err != nil {
		return nil, err
	}
	newest, err := a.NewestConfig(ctx)
	if err != nil {
		return nil, err
	}
	next := a.Config
	next.Slots = slices.Clone(next.Slots)
	highest, _ := format.ParseConfigName(newest)
	if next.Number = highest + 1; next.Number > format.MaxConfigNumber {
		return nil, fmt.Errorf("no config number follows that of %s: delete it if it is not yours", newest)
	}
	return &next, nil
}

// NewestConfig returns the name of the newest config: this one, or one that was rejected. If
// another came in the meantime, the error is ErrKeysChanged.
func (a *Access) NewestConfig(ctx context.Context) (string, error) {
	names, err := configNames(ctx, a.Objects.Store)
	if err != nil {
		return "", err
	}
	isKnown := func(p objects.Problem) bool { return p.Object == names[0] }
	if names[0] != a.configName && !slices.ContainsFunc(a.rejected, isKnown) {
		return "", fmt.Errorf("%w: %s came since", ErrKeysChanged, names[0])
	}
	return names[0], nil
}

// replaceConfig puts the next config, and uses it and the owner's slot from then on. If two hosts
// do so at once, one config counts, and the other host gets ErrKeysChanged. Nothing else may use r
// in the meantime.
func (a *Access) replaceConfig(ctx context.Context, next *Config, held *Secrets, slotName string) error {
	if err := next.check(); err != nil {
		return err
	}
	name, err := a.putConfig(ctx, next, ed25519.NewKeyFromSeed(held.Seed))
	if err != nil {
		return err
	}
	names, err := configNames(ctx, a.Objects.Store)
	if err != nil {
		return err
	}
	for _, other := range names {
		if number, _ := format.ParseConfigName(other); number >= next.Number && other != name {
			return fmt.Errorf("%w: %s came at the same time", ErrKeysChanged, other)
		}
	}
	a.configName, a.slotName, a.rejected = name, slotName, nil
	if err := errors.Join(a.useSecrets(held), a.useConfig(next)); err != nil {
		return err
	}
	return a.Pin().Refresh()
}

func (a *Access) putConfig(ctx context.Context, c *Config, keeper ed25519.PrivateKey) (name string, err error) {
	content, err := statement.Sign(format.KindConfig, a.Objects.Codec.Repository, keeper, c)
	if err != nil {
		return "", err
	}
	recipients, err := keys.ParseRecipients(c.Writers)
	if err != nil {
		return "", err
	}
	stored, hash, err := a.Objects.Codec.Build(format.KindConfig, content, recipients)
	if err != nil {
		return "", err
	}
	name = format.ConfigName(c.Number, hash)
	return name, a.Objects.Put(ctx, name, stored)
}
