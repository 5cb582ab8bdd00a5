package setup

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/config"
)

// place is where the archive is, tested.
type place struct {
	repository config.Repository
	location   *access.Location
	exists     bool // there is a repository
	mayRemove  bool // and its key is an owner's

	archived []archived // the accounts that it has, if its key reads them

	keyID, key string // of a bucket
}

// askPlace asks where the archive is to be, until that place can hold one.
func (d *dialog) askPlace(ctx context.Context) (*place, error) {
	for {
		chosen, err := d.choose(ctx, "Where do you want to keep the archive? A copy on the same disk is lost with that disk.",
			"In a directory: on this computer, an external disk, or a share",
			"In S3 storage (a bucket)",
			"On another host, by ssh (a NAS or a server)")
		if err != nil {
			return nil, err
		}
		p, err := []func(context.Context) (*place, error){d.askDirectory, d.askBucket, d.askRemote}[chosen](ctx)
		if err != nil {
			return nil, err
		}
		err = d.tryPlace(ctx, p)
		if err == nil {
			return p, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		d.failed(err)
	}
}

// tryPlace tests whether a place can hold a repository, unless it holds one.
func (d *dialog) tryPlace(ctx context.Context, p *place) (err error) {
	if p.location, err = d.ConfiguredLocation(&p.repository); err != nil {
		return err
	}
	if p.keyID != "" {
		p.location.SetKeys(p.keyID, p.key)
	}
	progress := d.Progress("")
	progress.Begin("testing it")
	defer progress.Done()
	if p.exists = p.location.IsRepository(ctx); p.exists {
		progress.Done()
		d.Paragraph("There is a repository already: it is used.")
		return nil
	}
	if err := p.location.Prepare(ctx); err != nil {
		return err
	}
	progress.Done()
	d.Paragraph("Tested: the archive can be kept there.")
	return nil
}

func (d *dialog) askDirectory(ctx context.Context) (*place, error) {
	own, err := d.OwnRepository()
	if err != nil {
		return nil, err
	}
	for {
		answer, err := d.ask(ctx, "Directory", d.fromHome(own))
		if err != nil {
			return nil, err
		}
		path, err := d.absolute(answer)
		if err == nil {
			err = config.CheckDirectory(path)
		}
		if err == nil {
			return &place{repository: config.Repository{Place: path}}, nil
		}
		d.failed(err)
	}
}

func (d *dialog) askBucket(ctx context.Context) (*place, error) {
	d.Paragraph("Your provider of storage names an endpoint, such as https://s3.eu-central-1.amazonaws.com. mailstrata makes the bucket " +
		"if these credentials may.")
	p := &place{}
	for p.repository.Place == "" {
		endpoint, err := d.ask(ctx, "Endpoint", "")
		if err != nil {
			return nil, err
		}
		if !strings.Contains(endpoint, "://") {
			endpoint = "https://" + endpoint
		}
		bucket, err := d.ask(ctx, "Bucket", "")
		if err != nil {
			return nil, err
		}
		named := config.Repository{Place: "s3:" + strings.TrimSuffix(endpoint, "/") + "/" + strings.Trim(bucket, "/")}
		if _, err := d.ConfiguredLocation(&named); err != nil { // before its secrets are asked for
			d.failed(err)
			continue
		}
		p.repository = named
	}
	var err error
	if p.keyID, err = d.ask(ctx, "Access key ID", ""); err != nil {
		return nil, err
	}
	p.key, err = d.secret(ctx, "secret access key")
	return p, err
}

func (d *dialog) askRemote(ctx context.Context) (*place, error) {
	d.Paragraph("mailstrata connects as your ssh does, and never answers its questions. Log in there once by ssh before, and use a " +
		"key without a passphrase.")
	host, err := d.ask(ctx, "Host, such as anna@nas", "")
	if err != nil {
		return nil, err
	}
	directory, err := d.ask(ctx, "Directory there", "mailstrata")
	if err != nil {
		return nil, err
	}
	return &place{repository: config.Repository{Place: remotePlace(host, directory)}}, nil
}

// remotePlace returns the location of a directory on another host: from its root, or else from the
// home directory there. A port needs the form of a URL.
func remotePlace(host, directory string) string {
	host = strings.TrimPrefix(strings.TrimPrefix(host, "ssh://"), "sftp://")
	directory = strings.TrimPrefix(directory, "~/")
	switch hasPort := strings.LastIndexByte(host, ':') >= 0 && !strings.HasSuffix(host, "]"); {
	case !hasPort:
		return "sftp:" + host + ":" + directory
	case strings.HasPrefix(directory, "/"):
		return "sftp://" + host + directory
	}
	return "sftp://" + host + "/~/" + directory
}

// absolute returns a path that the user typed.
func (d *dialog) absolute(path string) (string, error) {
	path, err := d.Expand(path)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// fromHome returns a path as the user would type it.
func (d *dialog) fromHome(path string) string {
	if rest, ok := strings.CutPrefix(path, d.Home()+string(filepath.Separator)); ok && d.Home() != "" {
		return "~" + string(filepath.Separator) + rest
	}
	return path
}
