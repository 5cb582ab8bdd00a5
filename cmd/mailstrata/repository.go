package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mailstrata/mailstrata/dir"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/s3"
)

// place is where a repository is.
type place struct {
	path   string      // of a local directory; "": it is a bucket
	bucket *s3.Options // nil: it is a directory
	key    string      // the key file that belongs to it, if none is named; "": none
	own    bool        // the one in the user's data directory, which was not named

	configured config.Repository      // what the configuration says of it, if it does
	passphrase func() ([]byte, error) // once it was asked for
}

// parsePlace reads what --repo says.
func parsePlace(text string) (*place, error) {
	if strings.HasPrefix(text, "s3:") {
		bucket, err := s3.ParseURL(text)
		if err != nil {
			return nil, &usageError{text: err.Error()}
		}
		return &place{bucket: &bucket}, nil
	}
	if err := config.CheckDirectory(text); err != nil {
		return nil, &usageError{text: err.Error(), hint: schemeHint(err)}
	}
	path, err := filepath.Abs(text)
	return &place{path: path}, err
}

// schemeHint says what to write instead of a scheme that other programs have.
func schemeHint(err error) string {
	var scheme *config.SchemeError
	if !errors.As(err, &scheme) {
		return ""
	}
	switch strings.ToLower(scheme.Scheme) {
	case "http", "https":
		return "for a bucket, put s3: before the URL"
	case "s3":
		return "a bucket is written s3:https://host/bucket, with a small s"
	case "file":
		return "write the path alone, without file:"
	}
	return "rclone serve s3 and similar gateways offer other kinds of storage as a bucket: s3:http://127.0.0.1:8080/bucket"
}

// place is the repository that the user names, or else the first of the configuration, or else the user's own.
func (p *program) place() (*place, error) {
	if p.flags.Repo != "" {
		return p.placeAt(p.flags.Repo)
	}
	c, err := p.config()
	if err != nil {
		return nil, err
	}
	if first := c.Repository(""); first != nil {
		return configuredPlace(first)
	}
	data, err := p.dataDir()
	if err != nil {
		return nil, err
	}
	return &place{path: filepath.Join(data, "repository"), key: filepath.Join(data, "key"), own: true}, nil
}

// placeNamed is the repository of a name, as --repo takes it; "" is what is usual.
func (p *program) placeNamed(name string) (*place, error) {
	if name == "" {
		return p.place()
	}
	return p.placeAt(name)
}

// String is the place as --repo takes it.
func (l *place) String() string {
	if l.bucket == nil {
		return l.path
	}
	return strings.TrimSuffix("s3:"+l.bucket.Endpoint+"/"+l.bucket.Bucket+"/"+l.bucket.Prefix, "/")
}

// store opens the place as it is.
func (p *program) store(ctx context.Context, l *place) (store.Store, error) {
	if l.bucket != nil {
		return p.openBucket(ctx, l)
	}
	d, err := dir.Open(l.path)
	if errors.Is(err, store.ErrNotExist) && l.own {
		return nil, &hintedError{
			text: "no repository is named, and there is none of your own at " + l.path,
			hint: "name one with --repo or MAILSTRATA_REPO; mailstrata backup without it makes your own",
			err:  repo.ErrNoRepository,
		}
	}
	if errors.Is(err, store.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", l.path, repo.ErrNoRepository)
	}
	return d, err
}

func (p *program) openBucket(ctx context.Context, l *place) (*s3.Store, error) {
	bucket := *l.bucket
	bucket.Patience = p.patience
	bucket.Insecure = p.flags.AllowPlaintext || l.configured.AllowPlaintext
	var err error
	if bucket.RootCAs, err = trusted(cmp.Or(p.flags.CAFile, l.configured.CAFile), p.getenv("AWS_CA_BUNDLE")); err != nil {
		return nil, err
	}
	bucket.Waiting = func(err error) { p.warn("still trying: %s", oneLine(err.Error())) }
	return s3.Open(ctx, bucket)
}

// newStore opens the place for a new repository: it makes the directory or the bucket where there is none, and proves
// that objects there cannot be replaced.
func (p *program) newStore(ctx context.Context, l *place, lock *objectlock.Lock) (store.Store, error) {
	if l.bucket == nil && lock != nil {
		return nil, &usageError{text: "a directory cannot keep objects under lock", hint: "--lock needs a bucket with Object Lock"}
	}
	if l.bucket == nil {
		return dir.Create(l.path)
	}
	bucket, err := p.openBucket(ctx, l)
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
	return bucket, bucket.ProbeCreateOnly(ctx)
}

// open opens the repository that the user names, with the key that the user has.
func (p *program) open(ctx context.Context) (*repo.Repo, error) {
	l, err := p.place()
	if err != nil {
		return nil, err
	}
	return p.openPlace(ctx, l)
}

// passphraseTries is how often somebody at a terminal may mistype it.
const passphraseTries = 3

func (p *program) openPlace(ctx context.Context, l *place) (*repo.Repo, error) {
	chosen := p.unlocking(l)
	if err := chosen.check(); err != nil {
		return nil, err
	}
	for tries := 1; ; tries++ {
		ask, asked := p.askedOnce(ctx, l), false
		passphrase := func() ([]byte, error) {
			asked = true
			return ask()
		}
		r, err := p.openPlaceWith(ctx, l, keys{chosen.keyFile, passphrase, chosen.given})
		if !errors.Is(err, repo.ErrWrongKey) || !asked || chosen.given || tries == passphraseTries {
			return r, err
		}
		p.warn("this passphrase does not open it; once more, please")
		l.passphrase = nil // what was typed is forgotten
	}
}

func (p *program) openPlaceWith(ctx context.Context, l *place, keys keys) (*repo.Repo, error) {
	store, err := p.store(ctx, l)
	if err != nil {
		return nil, err
	}
	unlock, err := p.unlockWith(l, keys)
	if err != nil {
		return nil, err
	}
	options, err := p.repoOptions(l)
	if err != nil {
		return nil, err
	}
	r, err := repo.Open(ctx, store, unlock, options)
	if err != nil {
		return nil, fmt.Errorf("open repository %s: %w", l, err)
	}
	p.introduce(l, r)
	return r, nil
}

// introduce tells what somebody should know of a repository before he trusts it.
func (p *program) introduce(l *place, r *repo.Repo) {
	if cache, err := p.cacheDir(); err == nil && !strings.HasPrefix(r.CacheDir(), cache+string(filepath.Separator)) {
		p.warn("nothing can be written to the cache %s: what it would hold is fetched again each time; --cache-dir names another", safe(cache))
	}
	if err := r.NoLocks(); err != nil {
		p.warn("the file system of the state directory has no locks: do not run two commands with one repository at the same time on this host (%s)",
			oneLine(err.Error()))
	}
	for _, doubt := range r.Doubts() {
		p.warn("%s was passed over: %s", doubt.Object, oneLine(doubt.Err.Error()))
	}
	if r.Unproven() && !l.own {
		sealed := ""
		if !r.Sealed() {
			sealed = " It is not sealed: who can read it can read the mail."
		}
		p.note("note: this host has not seen this repository before. Its fingerprint is %s: compare it with what "+
			"mailstrata key list tells on a host that knows it.%s", r.Fingerprint(), sealed)
	}
}

// mayRead refuses, in time, what a writer's key cannot do.
func mayRead(r *repo.Repo) error {
	if !r.CanRead() {
		return fmt.Errorf("mail is to be read, and %w", repo.ErrNoRole)
	}
	return nil
}

// repoOptions say where this host keeps what it remembers.
func (p *program) repoOptions(l *place) (repo.Options, error) {
	cache, errCache := p.cacheDir()
	state, errState := p.stateDir()
	return repo.Options{CacheDir: cache, StateDir: state, Location: l.String(), Trust: cmp.Or(p.flags.Trust, l.configured.Trust)}, errors.Join(errCache, errState)
}
