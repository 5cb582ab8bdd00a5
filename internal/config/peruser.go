package config

import (
	"fmt"
	"slices"
	"strings"
)

// isTemplate reports whether a repository is a template, which makes one for each user.
func (r *Repository) isTemplate() bool {
	return r.Template == "" && strings.Contains(r.Place, userMark)
}

// template reports what a repository that is a template cannot have.
func (t *table) template(r *Repository) {
	if !r.isTemplate() {
		for _, key := range []string{"key_file", "keeper_key_file"} {
			if text, ok := t.values[key].(string); ok && strings.Contains(text, userMark) {
				t.wrong(key, "contains %s, and the place does not", userMark)
			}
		}
		return
	}
	if r.Name == "" {
		t.wrong("", "a repository for each user needs a name: --repo NAME/USER is one of them")
	}
	for _, key := range []string{"trust", "copy_to"} {
		if t.has(key) {
			t.wrong(key, "cannot be that of the repositories of all users")
		}
	}
}

// repositoryOf adds the repository of a user, unless another template has added it, and returns its
// name.
func (p *parser) repositoryOf(c *Config, base *Repository, user string) (string, error) {
	r, part := *base, userPart(user)
	r.Template, r.Name = base.Name, base.Name+"/"+user
	if len(part) > longestPart {
		return "", fmt.Errorf("is too long for the name of a repository")
	}
	if c.Repository(r.Name) != nil {
		return r.Name, nil
	}
	var err error
	if r.Place, err = p.checkPlace(strings.ReplaceAll(base.Place, userMark, part)); err != nil {
		return "", fmt.Errorf("the place of its repository %w", err)
	}
	r.KeyFile = strings.ReplaceAll(base.KeyFile, userMark, part)
	r.KeeperKeyFile = strings.ReplaceAll(base.KeeperKeyFile, userMark, part)
	c.Repositories = append(c.Repositories, r)
	return r.Name, nil
}

// longestPart bounds a part of a path, in bytes. File systems have names of up to 255.
const longestPart = 200

// userPart returns a user as one part of a path, in a directory or in a URL. Small letters, digits
// and a few signs stay, and every other byte becomes "=" and two small hexadecimal digits. So no
// user leaves the directory, and two users have two names even where file systems ignore case.
func userPart(user string) string {
	var part strings.Builder
	for i, b := range []byte(user) {
		kept := 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '@' || b == '-' || b == '_' ||
			b == '.' && i > 0 && i < len(user)-1
		if kept {
			part.WriteByte(b)
		} else {
			fmt.Fprintf(&part, "=%02x", b)
		}
	}
	return part.String()
}

// dropTemplates leaves the repositories of users, and not the templates that they are made from.
func (c *Config) dropTemplates() {
	c.PerUser = len(c.Repositories) > 0 && c.Repositories[0].isTemplate()
	c.Repositories = slices.DeleteFunc(c.Repositories, func(r Repository) bool { return r.isTemplate() })
}
