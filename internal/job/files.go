package job

import (
	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/eml/emlsource"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/maildir/maildirsource"
	"github.com/mailstrata/mailstrata/mbox"
	"github.com/mailstrata/mailstrata/mbox/mboxsource"
)

// filesSource returns the source of an account that is files.
func filesSource(f config.Files) *disk.Source {
	switch f.Kind {
	case "maildir":
		return disk.New(maildirsource.New(f.Path))
	case "eml":
		return disk.New(emlsource.New(f.Path))
	}
	var variant *mbox.Variant
	for _, v := range []mbox.Variant{mbox.RD, mbox.O, mbox.CL2} {
		if f.Kind == v.String() {
			variant = &v
		}
	}
	return disk.New(mboxsource.New(f.Path, variant))
}
