package job

import (
	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/maildir/maildirsource"
)

// filesSource returns the source of an account that is files.
func filesSource(f config.Files) *disk.Source {
	return disk.New(maildirsource.New(f.Path))
}
