package config

import "strings"

// secret returns where a secret comes from: name_file, name_command and so on.
func (t *table) secret(name string) Secret {
	s := Secret{
		File: t.file(name + "_file"), Command: t.text(name + "_command"), Variable: t.text(name + "_env"),
		Credential: t.text(name + "_credential"), Keyring: t.text(name + "_keyring"),
	}
	given := ""
	for _, way := range []string{"_file", "_command", "_env", "_credential", "_keyring"} {
		switch key := name + way; {
		case t.has(key) && given != "":
			t.wrong(key, "excludes %s", given)
		case t.has(key):
			given = key
		}
	}
	if strings.ContainsAny(s.Credential, `/\`) {
		t.wrong(name+"_credential", "must be the name of a credential, as in LoadCredential= of the unit, not a path")
	}
	t.claim(name+"_keyring", s.Keyring)
	return s
}

// claim reports a problem if an entry of the keyring is also the secret of something else: one
// would overwrite the other, and without a passphrase the mail is lost. Accounts may share an
// entry.
func (t *table) claim(key, entry string) {
	if entry == "" {
		return
	}
	owner := t.path
	if strings.HasPrefix(owner, "accounts.") {
		owner = "accounts"
	}
	if other, taken := t.parser.entries[entry]; taken && other != owner {
		t.wrong(key, "%q is the entry of another secret too", entry)
	}
	t.parser.entries[entry] = owner
}
