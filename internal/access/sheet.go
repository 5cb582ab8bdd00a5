package access

import (
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/sheet"
)

// Sheet returns the recovery sheet of the repository: with the key of its key file, or for a
// passphrase.
func (l *Location) Sheet(fingerprint string, accounts []string) (*sheet.Sheet, error) {
	s := &sheet.Sheet{
		Made: time.Now(), Accounts: accounts, Place: l.String(), Fingerprint: fingerprint, Also: l.reach(),
	}
	file := l.KeyFile()
	if file == "" {
		return s, nil
	}
	key, err := secret.ReadKeyFile(file)
	if err != nil {
		return nil, err
	}
	for _, identity := range key.Identities {
		// An identity of age is a short text. One of SSH has no such form.
		if text, ok := identity.(fmt.Stringer); ok {
			s.Key = text.String()
			return s, nil
		}
	}
	return nil, &hint.Error{
		Text: "the key file " + file + " is a key of SSH, which is too long for a sheet",
		Hint: "mailstrata key add --new-key-file FILE makes another key",
	}
}

// reach says what it takes to reach the repository, besides its key.
func (l *Location) reach() string {
	switch {
	case l.bucket != nil:
		return "You also need the credentials of this bucket (an access key ID and a secret access key), which are not on this page: " +
			"set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. The provider of the storage gives new ones to its customer."
	case l.remote != nil:
		return "You also need to be able to log in there by ssh. Or copy that directory to another disk, and name it instead."
	}
	return "This is a directory of the computer on which the mail was archived, or of a disk that was connected to it. If the disk " +
		"is elsewhere now, name the directory there instead."
}
