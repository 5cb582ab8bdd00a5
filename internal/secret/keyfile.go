package secret

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/plaintext"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/keys"
)

// KeyFile is a key file that is being made. The identity is on disk before the repository exists,
// so that no crash leaves a repository without a key. Complete then adds the fingerprint of the
// repository.
type KeyFile struct {
	path     string
	Identity *age.HybridIdentity
}

// unfinished begins a key file until a repository has its key. The next attempt uses such a file
// again.
const unfinished = "# unfinished: no repository is known to have this key\n"

// CreateKeyFile makes a key and writes it to a new file at path. The file counts as unfinished
// until a repository has the key.
func CreateKeyFile(path string) (*KeyFile, error) {
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, fmt.Errorf("generate a key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create the key file: %w", err)
	}
	err = WriteNew(path, unfinished+identity.String()+"\n")
	if errors.Is(err, os.ErrExist) {
		return resume(path)
	}
	if err != nil {
		return nil, fmt.Errorf("make the key file: %w", err)
	}
	return &KeyFile{path, identity}, nil
}

// resume uses the file of a failed attempt again. It returns an error for any other file.
func resume(path string) (*KeyFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the key file: %w", err)
	}
	if bytes.HasPrefix(text, []byte(unfinished)) {
		key, err := keys.ParseFile(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		if identity, ok := key.Identities[0].(*age.HybridIdentity); ok {
			return &KeyFile{path, identity}, nil
		}
	}
	return nil, fmt.Errorf("%s exists; mailstrata never replaces a key file", path)
}

// Discard removes the file, unless a repository may have the key.
func (k *KeyFile) Discard() {
	if k == nil {
		return
	}
	if text, err := os.ReadFile(k.path); err == nil && bytes.HasPrefix(text, []byte(unfinished)) {
		_ = os.Remove(k.path)
	}
}

// Complete writes the file again, with the fingerprint of the repository.
func (k *KeyFile) Complete(r *repo.Repo) error {
	var text bytes.Buffer
	if err := keys.WriteFile(&text, k.Identity, r.ID(), r.Fingerprint()); err != nil {
		return err
	}
	return local.Replace(k.path, text.Bytes())
}

// WriteNew creates a file that only its owner can read. It is on disk as a whole, or not at all.
func WriteNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create a file: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path)
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// ReadKeyFile reads a key file. The errors say how to get one.
func ReadKeyFile(path string) (*keys.File, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &hint.Error{
			Text: "no such key file: " + path,
			Hint: "check --key-file (MAILSTRATA_KEY_FILE); mailstrata init --new-key-file creates a repository with a key file",
			Err:  err,
		}
	}
	if err == nil {
		text, err = plaintext.Decode(text)
	}
	if err != nil {
		return nil, fmt.Errorf("read the key file: %w", err)
	}
	key, err := keys.ParseFile(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}
