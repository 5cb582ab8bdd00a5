package eml

import (
	"fmt"
	"path"
	"strings"

	"github.com/mailstrata/mailstrata/internal/safename"
)

// apart returns directories that differ in more than case. Of several that do not, the later ones
// get names such as "work~2": Windows and macOS would unpack them into one directory, where the
// flags.jsonl of one replaces that of the other.
func apart(dirs []string) []string {
	taken := make(map[string]bool)     // new names, in lower case
	renamed := make(map[string]string) // directories and their parents, by their former names
	made := make([]string, len(dirs))
	for i, dir := range dirs {
		former, now := "", ""
		for level := range strings.SplitSeq(dir, "/") {
			former = path.Join(former, level)
			name, known := renamed[former]
			if !known {
				name = path.Join(now, level)
				for n := 2; taken[strings.ToLower(name)]; n++ {
					name = path.Join(now, safename.Shorten(fmt.Sprintf("%s~%d", level, n)))
				}
				taken[strings.ToLower(name)], renamed[former] = true, name
			}
			now = name
		}
		made[i] = now
	}
	return made
}
