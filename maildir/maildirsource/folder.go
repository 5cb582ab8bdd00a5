package maildirsource

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/internal/mailfile"
	"github.com/mailstrata/mailstrata/mail"
)

// folder is a directory with cur and new.
type folder struct {
	root *os.Root
	dir  string // relative to root
	box  mail.Mailbox
}

var _ disk.Folder = (*folder)(nil)

// Mailbox implements disk.Folder.
func (f *folder) Mailbox() mail.Mailbox { return f.box }

// Version implements disk.Folder. A new message and a new flag rename a file, which changes the
// time of a directory.
func (f *folder) Version() uint64 {
	var infos []fs.FileInfo
	for _, name := range []string{"cur", "new", "dovecot-keywords"} {
		info, err := f.root.Stat(path.Join(f.dir, name))
		if err == nil {
			infos = append(infos, info)
		} else if name == "cur" {
			return 0
		}
	}
	return disk.VersionOf(infos...)
}

// Describe implements disk.Folder.
func (f *folder) Describe(_ context.Context, message *disk.Message) (mail.Message, error) {
	size, form, info, err := mailfile.Describe(f.root, path.Join(f.dir, message.Name))
	if err != nil {
		return mail.Message{}, err
	}
	return mail.Message{Size: size, Internal: dateOf(info), IDs: mail.IDs{XGUID: message.Key}, Form: form}, nil
}

// Facts implements disk.Folder.
func (f *folder) Facts(_ context.Context, message *disk.Message) (int64, mail.Date, error) {
	info, err := f.root.Lstat(path.Join(f.dir, message.Name))
	if err != nil {
		return -1, mail.Date{}, err
	}
	return -1, dateOf(info), nil
}

// Open implements disk.Folder.
func (f *folder) Open(_ context.Context, message *disk.Message) (io.ReadCloser, error) {
	return mailfile.Read(f.root, path.Join(f.dir, message.Name))
}

// dateOf returns the time of a file, in UTC.
func dateOf(info fs.FileInfo) mail.Date { return mail.Date{Seconds: info.ModTime().Unix()} }
