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

// KeyFile is a key file on its way. The identity is on disk before the repository exists, so that there is never a
// repository that nobody can open; finish then adds what the repository is known by.
type KeyFile struct {
	path     string
	Identity *age.HybridIdentity
}

// unfinished begins a key file until a repository has its key. Such a file is taken up by the next try.
const unfinished = "# unfinished: no repository is known to have this key\n"

func CreateKeyFile(path string) (*KeyFile, error) {
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, fmt.Errorf("draw a key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make a key file: %w", err)
	}
	err = WriteNew(path, unfinished+identity.String()+"\n")
	if errors.Is(err, os.ErrExist) {
		return resume(path)
	}
	return &KeyFile{path, identity}, err
}

// resume goes on with the file of a try that failed. No other file is touched.
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
	return nil, fmt.Errorf("%s is there already, and a key file is never replaced", path)
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

// Complete writes the file anew, with the repository's fingerprint.
func (k *KeyFile) Complete(r *repo.Repo) error {
	var text bytes.Buffer
	if err := keys.WriteFile(&text, k.Identity, r.ID(), r.Fingerprint()); err != nil {
		return err
	}
	return local.Replace(k.path, text.Bytes())
}

// WriteNew makes a file that only its owner can read, whole and on disk or not at all.
func WriteNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make a key file: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path)
		return fmt.Errorf("write the key file %s: %w", path, err)
	}
	return nil
}

func ReadKeyFile(path string) (*keys.File, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &hint.Error{
			Text: "there is no key file " + path,
			Hint: "check --key-file (MAILSTRATA_KEY_FILE); a new repository gets its key file by mailstrata init --new-key-file",
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
