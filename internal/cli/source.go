package cli

import (
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// SourceTarget returns the target that names the account that a manifest was read from: by its name
// in the configuration, which has its login, or by its URL. It is "" if that was files.
func (p *Program) SourceTarget(source string) string {
	if _, files := config.ParseFiles(source); files {
		return ""
	}
	if account, err := p.AccountAt(source); err == nil && account.Configured.URL != "" {
		return account.Name
	}
	return source
}

// TargetWord is SourceTarget as a word of a command line that is shown. For files it says what to
// put there.
func (p *Program) TargetWord(source string) string {
	if target := p.SourceTarget(source); target != "" {
		return ui.ShellWord(target)
	}
	return "maildir:DIRECTORY"
}
