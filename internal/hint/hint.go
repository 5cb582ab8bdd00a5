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
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Usage is a command line that makes no sense.
type Usage struct{ Text, Hint string }

func (e *Usage) Error() string { return e.Text }

func Usagef(format string, args ...any) error { return &Usage{Text: fmt.Sprintf(format, args...)} }

// Error is an error that brings along what to do.
type Error struct {
	Text, Hint string
	Err        error // may be nil
}

func (e *Error) Error() string { return e.Text }
func (e *Error) Unwrap() error { return e.Err }

// For is what the user can do about an error; "" where the error says it all.
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

// hints are tried in order: what is most special comes first.
var hints = []struct {
	fits func(error) bool
	For  string
}{
	{is(repo.ErrNoRepository), "make one with mailstrata init, or check --repo; a wrong prefix or directory looks the same as an empty one"},
	{is(repo.ErrRepository), "nothing was changed; use it as it is, or name another place"},
	{is(repo.ErrWrongKey), "check --key-file (MAILSTRATA_KEY_FILE) and the passphrase (MAILSTRATA_PASSWORD, --password-file, --password-command)"},
	{is(repo.ErrNewer), "go install github.com/mailstrata/mailstrata/cmd/mailstrata@latest"},
	{is(repo.ErrSwapped), "if you changed its keys or made it anew on purpose, say so once with --trust FINGERPRINT; if not, find out who did"},
	{is(repo.ErrForgetful), "set XDG_STATE_HOME to a directory that can be written: this host remembers there which repositories it has seen"},
	{is(repo.ErrDoubt), "delete that object if it is not yours; or, if the repository is the right one, --trust FINGERPRINT goes on regardless"},
	{is(repo.ErrNotMine), "somebody put an object there that does not belong: find out who can write to this place"},
	{is(repo.ErrDamaged), "mailstrata check --read-data tells what else is damaged; a versioned bucket may hold an older version that is whole"},
	{is(repo.ErrNoRole), "a writer key archives and lists, an owner key reads mail, restores, removes and changes keys: give an owner's --key-file or the passphrase"},
	{is(repo.ErrLate), "run the backup again"},
	{is(repo.ErrNotKept), "run it again; if that fails too, the store, or a proxy or cache before it, loses data: use another one, and run mailstrata check --read-data"},
	{is(imap.ErrLogin), "check user name and password; where two-factor login is on, the server wants an app password, or a token (mailstrata auth, --imap-token-command)"},
	{is(oauth.ErrConsent), "mailstrata auth ACCOUNT asks for the consent again"},
	{is(oauth.ErrUnavailable), "run it again later; if the provider stays out of reach, check whether this host is on line"},
	{is(keyring.ErrNotFound), "mailstrata auth asks for what the keyring lacks, and keeps it there"},
	{is(keyring.ErrLocked), "unlock it by logging in at the desktop; a run that nobody watches better has its secret from secret_credential or secret_file (docs/config.md)"},
	{is(keyring.ErrAbsent), "a job of cron or of the system's systemd has no keyring: give it secret_credential or secret_file (docs/config.md), or make it a timer of your own (systemctl --user)"},
	{is(imap.ErrOldTLS), "ask the server's operator to allow TLS 1.2; until then --insecure-old-tls, or insecure_old_tls in the configuration, accepts a connection that others may be able to read"},
	{is(imap.ErrInsecure), "use imaps://; or, if you know who can listen, --insecure-plaintext"},
	{is(imap.ErrOverQuota), "make room in the account and restore again: what is there already is not added twice"},
	{isExpired, "the server's operator must renew the certificate; if the date in the message is not today's, set the clock of this host"},
	{isUntrusted, "if the certificate is signed by an authority of your own, name its certificate with --ca-file, or ca_file in the configuration"},
	{isUnreachable, "check the host name and the port, and whether this host is on line"},
	{is(mail.ErrNoMailbox), "mailstrata ls MANIFEST lists the mailboxes"},
	{is(archive.ErrNoMessage), "mailstrata ls MANIFEST MAILBOX lists the messages with their UIDs"},
	{is(store.ErrPermission), "check what the store allows to these credentials, or the permissions of the repository's directory"},
	{is(fs.ErrPermission), "check the permissions of the file or directory"},
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func isExpired(err error) bool {
	var invalid x509.CertificateInvalidError
	return errors.As(err, &invalid) && invalid.Reason == x509.Expired
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
