package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/dir"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/s3"
	"github.com/mailstrata/mailstrata/sftp"
)

// Location is where a repository is.
type Location struct {
	host   *Host
	path   string         // of a local directory; "": it is elsewhere
	bucket *s3.Options    // nil: it is not a bucket
	remote *sftp.Location // nil: it is not a directory of another host
	ownKey string         // the key file that belongs to it, if none is named; "": none
	Own    bool           // the user's own, in the data directory
	made   bool           // by this process, which has said so

	Configured config.Repository      // its table in the configuration, or zero
	asked      func() ([]byte, error) // reads the passphrase once; see AskOnce
}

// parseLocation parses the value of --repo.
func (h *Host) parseLocation(text string) (*Location, error) {
	if strings.HasPrefix(text, "s3:") {
		bucket, err := s3.ParseURL(text)
		if err != nil {
			return nil, &hint.Usage{Text: err.Error()}
		}
		return &Location{host: h, bucket: &bucket}, nil
	}
	if strings.HasPrefix(text, "sftp:") {
		remote, err := sftp.ParseLocation(text)
		if err != nil {
			return nil, &hint.Usage{Text: err.Error()}
		}
		return &Location{host: h, remote: &remote}, nil
	}
	if err := config.CheckDirectory(text); err != nil {
		return nil, &hint.Usage{Text: err.Error(), Hint: schemeHint(err)}
	}
	path, err := filepath.Abs(text)
	return &Location{host: h, path: path}, err
}

// schemeHint returns what to write instead of a scheme of another program.
func schemeHint(err error) string {
	scheme, ok := errors.AsType[*config.SchemeError](err)
	if !ok {
		return ""
	}
	switch strings.ToLower(scheme.Scheme) {
	case "http", "https":
		return "for a bucket, put s3: before the URL"
	case "s3":
		return "a bucket is written s3:https://host/bucket, with a small s"
	case "ssh", "scp":
		return "a directory of another host is written sftp:user@host:/directory"
	case "file":
		return "write the path alone, without file:"
	}
	return "rclone serve s3 and similar gateways offer other kinds of storage as a bucket: s3:http://127.0.0.1:8080/bucket"
}

// Location returns the location of a name, as --repo takes it. "" is the repository that the user
// names, or else the first of the configuration, or else the user's own.
func (h *Host) Location(name string) (*Location, error) {
	if name = cmp.Or(name, h.Flags.Repo); name != "" {
		return h.locationAt(name)
	}
	c, err := h.Config()
	if err != nil {
		return nil, err
	}
	if c.PerUser {
		return nil, &hint.Usage{Text: "the configuration has a repository for each user, and none is named",
			Hint: "--repo NAME/USER is that of a user; mailstrata config show lists them"}
	}
	if first := c.Repository(""); first != nil {
		return h.ConfiguredLocation(first)
	}
	path, err := h.OwnRepository()
	if err != nil {
		return nil, err
	}
	key, err := h.OwnKeyFile()
	return &Location{host: h, path: path, ownKey: key, Own: true}, err
}

// OwnRepository returns the directory of the repository of a user who names none.
func (h *Host) OwnRepository() (string, error) {
	data, err := h.dataDir()
	return filepath.Join(data, "repository"), err
}

// OwnKeyFile returns the key file of the repository of a user who names none.
func (h *Host) OwnKeyFile() (string, error) {
	data, err := h.dataDir()
	return filepath.Join(data, "key"), err
}

// SetKeys sets the credentials of a bucket, instead of those that the configuration and the
// environment name.
func (l *Location) SetKeys(id, secret string) {
	if l.bucket != nil {
		l.bucket.Credentials = s3.Static(id, secret)
	}
}

// locationAt returns the location that the user names: a repository of the configuration, by its
// name or its place, or any other.
func (h *Host) locationAt(text string) (*Location, error) {
	c, err := h.Config()
	if err != nil {
		return nil, err
	}
	if r := c.Repository(text); r != nil && text != "" {
		return h.ConfiguredLocation(r)
	}
	if text, err = h.Expand(text); err != nil {
		return nil, err
	}
	l, err := h.parseLocation(text)
	if err != nil {
		return nil, err
	}
	for i := range c.Repositories {
		if other, err := h.ConfiguredLocation(&c.Repositories[i]); err == nil && other.String() == l.String() {
			return other, nil
		}
	}
	return l, nil
}

// ConfiguredLocation returns the location of a repository of the configuration.
func (h *Host) ConfiguredLocation(r *config.Repository) (*Location, error) {
	l, err := h.parseLocation(r.Place)
	if err == nil {
		l.Configured = *r
	}
	return l, err
}

// String returns the location in the form of --repo.
func (l *Location) String() string {
	switch {
	case l.remote != nil:
		return l.remote.String()
	case l.bucket == nil:
		return l.path
	}
	return strings.TrimSuffix("s3:"+l.bucket.Endpoint+"/"+l.bucket.Bucket+"/"+l.bucket.Prefix, "/")
}

// Directory returns the directory of the repository, or "" if it is not on this host.
func (l *Location) Directory() string { return l.path }

// Store opens the store of an existing repository.
func (l *Location) Store(ctx context.Context) (store.Store, error) {
	if l.bucket != nil {
		return l.OpenBucket(ctx)
	}
	if l.remote != nil {
		s, err := sftp.Open(ctx, l.remoteOptions())
		if errors.Is(err, store.ErrNotExist) {
			err = fmt.Errorf("%s: %w", l, repo.ErrNoRepository)
		}
		return s, err
	}
	d, err := dir.Open(l.path)
	if errors.Is(err, store.ErrNotExist) && l.Own {
		return nil, &hint.Error{
			Text: "no repository is named, and there is none at " + l.path,
			Hint: "use --repo or MAILSTRATA_REPO; mailstrata backup without it creates one there",
			Err:  repo.ErrNoRepository,
		}
	}
	if errors.Is(err, store.ErrNotExist) {
		return nil, l.missing(fmt.Errorf("%s: %w", l.path, repo.ErrNoRepository))
	}
	return d, err
}

// missing adds to the error of a directory without a repository what to do if there should be one:
// this host has seen it, or the configuration names it. Then it is on a disk that is not connected,
// and a new repository would be the wrong advice.
func (l *Location) missing(err error) error {
	if l.path == "" || !errors.Is(err, repo.ErrNoRepository) {
		return err
	}
	advice := "is the disk connected, or the share mounted? "
	switch o, unknown := l.Options(); {
	case unknown == nil && o.Seen():
		advice += "This host has used a repository there before. If it is at another place now, write that into the configuration, or use --repo with --key-file"
	case l.Configured.Place != "":
		advice += "The configuration names it. If there never was one, mailstrata init creates it"
	default:
		return err
	}
	return &hint.Error{Text: err.Error(), Hint: advice, Err: err}
}

// OpenBucket returns the bucket of a location that is in one, with the certificates and credentials
// of the flags or the configuration.
func (l *Location) OpenBucket(ctx context.Context) (*s3.Store, error) {
	bucket := *l.bucket
	bucket.Patience, bucket.Spares = l.host.Patience, l.host.Spares
	bucket.Insecure = l.host.Flags.AllowPlaintext || l.Configured.AllowPlaintext
	var err error
	if bucket.RootCAs, err = trustedCertificates(cmp.Or(l.host.Flags.CAFile, l.Configured.CAFile), l.host.Getenv("AWS_CA_BUNDLE")); err != nil {
		return nil, err
	}
	if file := l.Configured.CredentialsFile; file != "" && bucket.Credentials == nil {
		l.host.Secrets.WarnExposed(file)
		bucket.Credentials = s3.FromFile(file)
	}
	bucket.Waiting = l.host.waiting
	return s3.Open(ctx, bucket)
}

// remoteOptions returns how to reach a directory of another host.
func (l *Location) remoteOptions() sftp.Options {
	return sftp.Options{
		Location: *l.remote, Command: cmp.Or(l.host.Flags.SSHCommand, l.Configured.SSHCommand),
		Patience: l.host.Patience, Waiting: l.host.waiting,
	}
}

// waiting reports an error of a store that persists.
func (h *Host) waiting(err error) {
	h.Output.WarnAside("still trying: %s", ui.OneLine(err.Error()))
}

// silent returns a function that reports that the server of an account does not answer, although
// something waits for it. Nothing is wrong yet: some servers take minutes to open a large mailbox.
func (h *Host) silent(account, host string) func(silence, limit time.Duration) {
	return func(silence, limit time.Duration) {
		h.Output.NoteAside("%s: %s has not answered for %s; waiting up to %s",
			ui.Safe(account), ui.Safe(host), ui.Span(silence), ui.Span(limit))
	}
}

// newStore opens the store for a new repository. It creates the directory or the bucket if that is
// missing, and tests that objects there cannot be replaced.
func (l *Location) newStore(ctx context.Context, lock *objectlock.Lock) (store.Store, error) {
	if l.bucket == nil && lock != nil {
		return nil, &hint.Usage{Text: "a directory has no Object Lock", Hint: "--lock needs a bucket with Object Lock"}
	}
	switch {
	case l.remote != nil:
		return sftp.Create(ctx, l.remoteOptions())
	case l.bucket == nil:
		return dir.Create(l.path)
	}
	bucket, err := l.OpenBucket(ctx)
	if err != nil {
		return nil, err
	}
	if lock == nil {
		err = bucket.MakeBucket(ctx)
	} else {
		lock.ByDefault, err = bucket.MakeLockedBucket(ctx, lock.Compliance, lock.TermDays())
	}
	if err != nil {
		return nil, err
	}
	return bucket, bucket.Probe(ctx)
}

// Locations returns the repository of --repo, or else all of the configuration, or else the user's
// own.
func (h *Host) Locations() (locations []*Location, err error) {
	configured, err := h.Config()
	if err != nil {
		return nil, err
	}
	if h.Flags.Repo == "" {
		for i := range configured.Repositories {
			l, err := h.ConfiguredLocation(&configured.Repositories[i])
			if err != nil {
				return nil, err
			}
			locations = append(locations, l)
		}
	}
	if len(locations) == 0 {
		l, err := h.Location("")
		if err != nil {
			return nil, err
		}
		locations = append(locations, l)
	}
	return locations, nil
}
