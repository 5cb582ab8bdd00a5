package repo

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/zeebo/blake3"
)

// config is the content of an object in config/: what the repository is.
type config struct {
	Number     uint64     `cbor:"1,keyasint"`
	Created    uint64     `cbor:"2,keyasint"`
	Polynomial uint64     `cbor:"3,keyasint"`
	Readers    []string   `cbor:"4,keyasint,omitempty"`
	Writers    []string   `cbor:"5,keyasint,omitempty"`
	Keeper     [32]byte   `cbor:"6,keyasint"`
	Ext        extensions `cbor:"63,keyasint,omitempty"`
}

const (
	configDigits = 8
	maxNumber    = 99_999_999
)

func parseConfig(content []byte) (*config, error) {
	c := new(config)
	if err := decode(content, c); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	if c.Number == 0 || c.Number > maxNumber {
		return nil, damaged("config number %d", c.Number)
	}
	if (len(c.Readers) == 0) != (len(c.Writers) == 0) {
		return nil, damaged("a config that seals mail but not the catalog, or the other way round")
	}
	if err := chunk.Polynomial(c.Polynomial).Check(); err != nil {
		return nil, damaged("config: %v", err)
	}
	return c, nil
}

func configName(number uint64, hash [32]byte) string {
	return fmt.Sprintf("%s%0*d-%x", KindConfig.folder(), configDigits, number, hash)
}

// parseConfigName inverts configName.
func parseConfigName(name string) (number uint64, ok bool) {
	digits, hash, _ := strings.Cut(strings.TrimPrefix(name, KindConfig.folder()), "-")
	_, ok = parseHash(hash)
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, ok && err == nil && len(digits) == configDigits && number > 0
}

// newestConfig finds the name of the config that counts: the highest number, of equals the smallest hash.
func newestConfig(ctx context.Context, store Store) (string, error) {
	var names []string
	for o, err := range store.List(ctx, KindConfig.folder()) {
		if err != nil {
			return "", fmt.Errorf("look for a repository: %w", err)
		}
		if _, ok := parseConfigName(o.Name); ok {
			names = append(names, o.Name)
		}
	}
	if len(names) == 0 {
		return "", ErrNoRepository
	}
	return slices.MinFunc(names, func(a, b string) int {
		x, _ := parseConfigName(a)
		y, _ := parseConfigName(b)
		return cmp.Or(cmp.Compare(y, x), cmp.Compare(a, b))
	}), nil
}

// takeConfig opens the config that counts, with the secrets of a slot, and makes them prove each other.
func (r *Repo) takeConfig(name string, stored []byte) error {
	if err := r.useStored(name, stored); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

func (r *Repo) useStored(name string, stored []byte) error {
	content, err := r.parse(stored, KindConfig, r.seals.writer)
	if err != nil {
		return err
	}
	c, err := parseConfig(content)
	if err != nil {
		return err
	}
	if number, _ := parseConfigName(name); number != c.Number {
		return damaged("it says that its number is %d", c.Number)
	}
	return r.use(c)
}

// use takes over what a config says.
func (r *Repo) use(c *config) (err error) {
	r.config = *c
	if r.seals.readers, err = parseRecipients(c.Readers); err != nil {
		return err
	}
	if r.seals.writers, err = parseRecipients(c.Writers); err != nil {
		return err
	}
	if r.seals.sealed() != (r.seals.writer != nil) {
		return fmt.Errorf("the config and the key slot do not agree whether objects are sealed: %w", ErrSwapped)
	}
	if r.keeper != nil && !bytes.Equal(r.keeper.Public().(ed25519.PublicKey), c.Keeper[:]) {
		return fmt.Errorf("the config names another keeper than the key slot: %w", ErrSwapped)
	}
	r.cutter, err = chunk.NewCutter(chunk.Polynomial(c.Polynomial))
	return err
}

func parseRecipients(texts []string) ([]age.Recipient, error) {
	var all []age.Recipient
	for _, text := range texts {
		recipients, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil || len(recipients) != 1 || strings.ContainsAny(text, "\n\r") {
			return nil, damaged("%q in the config is not one age recipient", text)
		}
		all = append(all, recipients...)
	}
	return all, nil
}

// fingerprint stands for all that must not change unnoticed.
func (r *Repo) fingerprint() string {
	h := blake3.NewDeriveKey(contextFingerprint)
	h.Write(r.id[:])
	h.Write(r.keys.id[:])
	h.Write(binary.LittleEndian.AppendUint64(nil, r.config.Number))
	h.Write(r.config.Keeper[:])
	for _, recipient := range slices.Concat(r.config.Readers, r.config.Writers) {
		h.WriteString(recipient + "\n")
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
