// Package hint holds errors that say what the user can do about them.
//
// [Usage] is an invalid command line, [Error] any other error with a hint. [For] returns the hint
// of an error, or else that of the table below, by the sentinel errors of the packages that work
// with repositories, servers and keyrings.
package hint

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/keyring"
	"github.com/mailstrata/mailstrata/internal/oauth"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Usage is an invalid command line.
type Usage struct{ Text, Hint string }

func (e *Usage) Error() string { return e.Text }

// Usagef returns a Usage without a hint.
func Usagef(format string, args ...any) error { return &Usage{Text: fmt.Sprintf(format, args...)} }

// Error is an error with a hint: what the user can do about it.
type Error struct {
	Text, Hint string
	Err        error // may be nil
}

func (e *Error) Error() string { return e.Text }
func (e *Error) Unwrap() error { return e.Err }

// For returns the hint of an error, or "".
func For(err error) string {
	var misused *Usage
	var hinted *Error
	switch {
	case errors.As(err, &misused):
		return misused.Hint
	case errors.As(err, &hinted):
		return hinted.Hint
	}
	for _, known := range hints {
		if known.fits(err) {
			return known.For
		}
	}
	return ""
}

// hints are tried in order, the most specific first.
var hints = []struct {
	fits func(error) bool
	For  string
}{
	{is(repo.ErrNoRepository), "create one with mailstrata init, or check --repo; a wrong prefix or directory looks like an empty one"},
	{is(repo.ErrRepository), "nothing was changed; use this repository, or name another place"},
	{is(repo.ErrNoSlots), bringSlotsBack},
	{is(repo.ErrNoOtherSlot), "if another key or the passphrase does not open it either, " + bringSlotsBack},
	{is(repo.ErrWrongKey), "use the key file of this repository (--key-file, MAILSTRATA_KEY_FILE, key_file in the configuration), its passphrase " +
		"(--password-file, MAILSTRATA_PASSWORD), or the key on its recovery sheet, written to a file"},
	{is(repo.ErrNewer), "go install github.com/mailstrata/mailstrata/cmd/mailstrata@latest"},
	{is(repo.ErrUntrusted), "compare the two: --trust takes the whole fingerprint, as mailstrata key list shows it on a host that knows it"},
	{is(repo.ErrSwapped), "if you changed its keys or created it again, use --trust FINGERPRINT once; if not, find out who did"},
	{is(repo.ErrMemory), "set XDG_STATE_HOME to a writable directory: mailstrata remembers there which repositories this host has seen"},
	{is(repo.ErrConfigRejected), "delete the object if it is not yours; or, if this is the right repository, use --trust FINGERPRINT"},
	{is(repo.ErrNotMine), "the repository has an object that does not belong there: find out who can write to it"},
	{is(repo.ErrDamaged), "mailstrata check --read-data shows what else is damaged; a versioned bucket may hold an intact older version"},
	{is(repo.ErrNoRole), "use an owner's --key-file or the passphrase; a writer key only archives and lists"},
	{is(repo.ErrAhead), setStoreClock},
	{is(repo.ErrClock), setStoreClock},
	{is(repo.ErrLate), "run the backup again"},
	{is(repo.ErrNotKept), "run it again; if it fails again, the store, or a proxy or cache in front of it, loses data: use another one, and run mailstrata check --read-data"},
	{is(imap.ErrLogin), "check user name and password; with two-factor login, use an app password or a token (mailstrata auth, --imap-token-command)"},
	{is(jmap.ErrLogin), "check user name and password; some providers want an app password or an API token (--imap-token-command, MAILSTRATA_IMAP_TOKEN)"},
	{is(jmap.ErrInsecure), "use https://; or --insecure-plaintext, if you trust the network"},
	{is(jmap.ErrOverQuota), "make room in the account and restore again: nothing is added twice"},
	{is(oauth.ErrConsent), "mailstrata auth ACCOUNT asks for consent again"},
	{is(oauth.ErrUnavailable), "try again later; if it fails again, check the network of this host"},
	{is(keyring.ErrNotFound), "run mailstrata auth to store it in the keyring"},
	{is(keyring.ErrLocked), "unlock it by logging in at the desktop; for unattended runs, use secret_credential or secret_file (docs/config.md)"},
	{is(keyring.ErrAbsent), "cron jobs and system services have no keyring: use secret_credential or secret_file (docs/config.md), or a user timer (systemctl --user)"},
	{is(imap.ErrOldTLS), "ask the server's operator to allow TLS 1.2; until then use --insecure-old-tls, or insecure_old_tls in the configuration; others may be able to read the connection"},
	{is(imap.ErrOutOfStep), "a later run tries again; if it fails again, the server, or a proxy or virus scanner in front of it, changes what it sends: show its operator this message; --verbose prints the protocol"},
	{is(imap.ErrInsecure), "use imaps://; or --insecure-plaintext, if you trust the network"},
	{is(imap.ErrOverQuota), "make room in the account and restore again: nothing is added twice"},
	{isExpired, "the server's operator must renew the certificate; if the date in the message is not today's, set the clock of this host"},
	{isMisnamed, "use the name that is in the certificate, in the URL of the account or the repository; or ask the server's operator for a certificate of this name"},
	{isUntrusted, "if your own authority signed the certificate, use --ca-file, or ca_file in the configuration"},
	{isUnreachable, "check the host name, the port, and the network of this host"},
	{is(mail.ErrNoMailbox), "mailstrata ls MANIFEST lists the mailboxes"},
	{is(archive.ErrNoMessage), "mailstrata ls MANIFEST MAILBOX lists the messages with their UIDs"},
	{is(store.ErrPermission), "check the permissions of the credentials, or of the repository's directory"},
	{is(syscall.EROFS), "the disk, or the share, can only be read: mount it for writing, or name another place"},
	{is(fs.ErrPermission), "check the permissions of the file or directory"},
}

// setStoreClock is what helps if the clock of the store is wrong.
const setStoreClock = "set the clock of the store (NTP), or of this host if the repository is on it, and run the backup again"

// bringSlotsBack is what helps if key slots are lost. They hold the secrets of the repository, and
// nothing else does.
const bringSlotsBack = "bring the files of keys/ back, with their names: from the older versions of the bucket, a snapshot of the disk, or a " +
	"copy of the files; a copy that mailstrata copy made has keys of its own"

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func isExpired(err error) bool {
	var invalid x509.CertificateInvalidError
	return errors.As(err, &invalid) && invalid.Reason == x509.Expired
}

func isMisnamed(err error) bool {
	var name x509.HostnameError
	return errors.As(err, &name)
}

func isUntrusted(err error) bool {
	var unknown x509.UnknownAuthorityError
	return errors.As(err, &unknown)
}

func isUnreachable(err error) bool {
	var name *net.DNSError
	var slow net.Error
	return errors.As(err, &name) || errors.As(err, &slow) && slow.Timeout() ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH)
}
